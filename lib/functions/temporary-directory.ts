import { resolve } from 'node:path';
import process from 'node:process';
import { hasLayerBelow } from '../node/layers.js';
import { nodePromises } from '../node/node-fs.js';
import type { PathLike } from '../node/paths.js';
import { rm } from './remove.js';

/** A temporary folder that can be removed with everything in it. */
export interface DisposableTempDir extends AsyncDisposable {
  /** The path of the folder. */
  path: string;
  /** Removes the folder with everything in it. */
  remove(): Promise<void>;
  /** Calls remove(). */
  [Symbol.asyncDispose](): Promise<void>;
}

type Options = { encoding?: BufferEncoding | null | undefined } | BufferEncoding | null;

/**
 * Creates a temporary folder with a unique name, as mkdtemp() does, that is removed when it is
 * disposed of.
 * @param prefix the start of the name; six random characters follow
 * @throws the errors of mkdtemp()
 * @example
 * await using folder = await mkdtempDisposable('/tmp/work-');
 */
export async function mkdtempDisposable(
  prefix: PathLike,
  options?: Options,
): Promise<DisposableTempDir> {
  // The absolute path stays valid after a process.chdir().
  const workingFolder = process.cwd();
  const path = await nodePromises.mkdtemp(prefix as string, options);
  const fullPath = resolve(workingFolder, path);
  const remove = (): Promise<void> => {
    const removeTree = hasLayerBelow() ? nodePromises.rm : rm;
    return removeTree(fullPath, { recursive: true, force: true });
  };
  return Object.assign(Object.create(null) as object, {
    path,
    remove,
    [Symbol.asyncDispose]: remove,
  });
}

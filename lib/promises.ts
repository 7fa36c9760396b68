import { copyFile } from './functions/copy-path.js';
import * as delegated from './functions/delegated.js';
import { appendFile, readFile, writeFile } from './functions/file-content.js';
import { glob } from './functions/glob.js';
import { open, truncate } from './functions/open.js';
import { readdir } from './functions/read-directory.js';
import { removalUses, rm } from './functions/remove.js';
import { lstat, stat } from './functions/status.js';
import { mkdtempDisposable } from './functions/temporary-directory.js';
import { inPlaceOf } from './node/layers.js';
import { likeNode } from './node/like-node.js';
import { nodePromises } from './node/node-fs.js';

// The functions of node:fs/promises: those that the engine serves, and those that are Node's own.

export type { FileHandle } from './file-handle/file-handle.js';
export { type CopyFileOptions, copyFile } from './functions/copy-path.js';
export * from './functions/delegated.js';
export {
  type AnyFileHandle,
  appendFile,
  type ReadFilePathOptions,
  readFile,
  type WriteFilePathOptions,
  writeFile,
} from './functions/file-content.js';
export { type GlobOptions, glob } from './functions/glob.js';
export { open, truncate } from './functions/open.js';
export { type ReaddirOptions, readdir } from './functions/read-directory.js';
export { type RmOptions, rm } from './functions/remove.js';
export { lstat, type StatOptions, stat } from './functions/status.js';
export { type DisposableTempDir, mkdtempDisposable } from './functions/temporary-directory.js';
export type { OpenOptions } from './handle/open-options.js';

const onEngine = {
  appendFile,
  copyFile,
  lstat,
  mkdtempDisposable,
  open,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
};
const others = { ...delegated, glob };

type Named<T> = [keyof typeof nodePromises, T][];

for (const [name, served] of Object.entries(others) as Named<object>) {
  if (served !== nodePromises[name]) likeNode(served, nodePromises[name]);
}

const inPlace = Object.fromEntries(
  (Object.entries(onEngine) as Named<(...given: never[]) => unknown>).map(([name, served]) => [
    name,
    inPlaceOf(nodePromises[name], served, name === 'rm' ? removalUses : []),
  ]),
) as typeof onEngine;

/**
 * The functions of node:fs/promises for code that expects an object of that shape. While a layer
 * such as mock-fs sits below node:fs, Node's own functions serve.
 */
const promises = { ...others, ...inPlace };

export { promises as default, promises as 'module.exports' };

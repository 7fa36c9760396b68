import type { MakeDirectoryOptions, Mode, PathLike } from 'node:fs';
import { modeForNode } from '../node/file-mode.js';
import { nodePromises } from '../node/node-fs.js';
import * as heldByOthers from '../win32/held-by-others.js';

/** What an engine cannot make faster or better. docs/delegated.md says why for each. */
export const {
  access,
  chown,
  constants,
  cp,
  lchown,
  link,
  lutimes,
  mkdtemp,
  opendir,
  readlink,
  realpath,
  rmdir,
  statfs,
  symlink,
  utimes,
  watch,
} = nodePromises;

// These are Node's too, but for modes that would end the process.

export const chmod = async (path: PathLike, mode: Mode): Promise<void> =>
  nodePromises.chmod(path, modeForNode(mode));

export const lchmod = async (path: PathLike, mode: Mode): Promise<void> =>
  nodePromises.lchmod(path, modeForNode(mode));

async function makeFolder(path: PathLike, options?: unknown): Promise<string | undefined> {
  if (typeof options !== 'object' || options === null) {
    return nodePromises.mkdir(path, modeForNode(options) as MakeDirectoryOptions);
  }
  const { recursive, mode } = options as MakeDirectoryOptions;
  return nodePromises.mkdir(path, { recursive, mode: modeForNode(mode) } as MakeDirectoryOptions);
}
export const mkdir = makeFolder as typeof nodePromises.mkdir;

const isWindows = process.platform === 'win32';
export const rename = isWindows ? heldByOthers.rename : nodePromises.rename;
export const unlink = isWindows ? heldByOthers.unlink : nodePromises.unlink;

import type { MakeDirectoryOptions, Mode, PathLike } from 'node:fs';
import process from 'node:process';
import { modeForNode } from '../node/file-mode.js';
import { nodePromises } from '../node/node-fs.js';
import * as heldByOthers from '../win32/held-by-others.js';

// Node's own functions, which an engine cannot make faster. docs/delegated.md gives the reasons.

/** Changes the owner and group of a file. */
export const chown = nodePromises.chown;
/** fs.constants of Node. */
export const constants = nodePromises.constants;
/** Copies a file or a folder with Node's cp(). copy() and copyTree() of this package do more. */
export const cp = nodePromises.cp;
/** Changes the owner and group of a symbolic link itself. */
export const lchown = nodePromises.lchown;
/** Creates another name for a file (a hard link). */
export const link = nodePromises.link;
/** Changes the times of a symbolic link itself. */
export const lutimes = nodePromises.lutimes;
/** Creates a temporary folder with a unique name. */
export const mkdtemp = nodePromises.mkdtemp;
/** Opens a folder for iteration. */
export const opendir = nodePromises.opendir;
/** Reads the target of a symbolic link. */
export const readlink = nodePromises.readlink;
/** Resolves the links and the relative parts of a path. */
export const realpath = nodePromises.realpath;
/** Removes an empty folder. */
export const rmdir = nodePromises.rmdir;
/** Reads the size and free space of a file system. */
export const statfs = nodePromises.statfs;
/** Creates a symbolic link. */
export const symlink = nodePromises.symlink;
/** Changes the times of last access and modification of a file. */
export const utimes = nodePromises.utimes;
/** Iterates over the changes of a file or folder. */
export const watch = nodePromises.watch;

// Node's own functions, guarded against modes that would abort the process.

/** Changes the permission bits of a file. */
export const chmod = async (path: PathLike, mode: Mode): Promise<void> =>
  nodePromises.chmod(path, modeForNode(mode));

/** Changes the permission bits of a symbolic link (macOS). */
export const lchmod = async (path: PathLike, mode: Mode): Promise<void> =>
  nodePromises.lchmod(path, modeForNode(mode));

async function makeFolder(path: PathLike, options?: unknown): Promise<string | undefined> {
  if (typeof options !== 'object' || options === null) {
    return nodePromises.mkdir(path, modeForNode(options) as MakeDirectoryOptions);
  }
  const { recursive, mode } = options as MakeDirectoryOptions;
  return nodePromises.mkdir(path, { recursive, mode: modeForNode(mode) } as MakeDirectoryOptions);
}
/** Creates a folder. */
export const mkdir = makeFolder as typeof nodePromises.mkdir;

const isWindows = process.platform === 'win32';
/** Renames a file or folder. On Windows it waits up to 2 s for other programs that hold it. */
export const rename = isWindows ? heldByOthers.rename : nodePromises.rename;
/** Removes a name of a file. On Windows it waits up to 2 s for other programs that hold it. */
export const unlink = isWindows ? heldByOthers.unlink : nodePromises.unlink;

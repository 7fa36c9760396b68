import { copyFile } from './copy-path.js';
import * as delegated from './delegated.js';
import { appendFile, readFile, writeFile } from './file-content.js';
import { glob } from './glob.js';
import { likeNode } from './like-node.js';
import { nodePromises } from './node-fs.js';
import { open, truncate } from './open.js';
import { readdir } from './read-directory.js';
import { rm } from './remove.js';
import { lstat, stat } from './status.js';
import { mkdtempDisposable } from './temporary-directory.js';

// The functions of node:fs/promises: those that the engine serves, and those that are Node's own.

export { type CopyFileOptions, copyFile } from './copy-path.js';
export * from './delegated.js';
export {
  type AnyFileHandle,
  appendFile,
  type ReadFilePathOptions,
  readFile,
  type WriteFilePathOptions,
  writeFile,
} from './file-content.js';
export type { FileHandle } from './file-handle.js';
export { type GlobOptions, glob } from './glob.js';
export { open, truncate } from './open.js';
export type { OpenOptions } from './open-options.js';
export { type ReaddirOptions, readdir } from './read-directory.js';
export { type RmOptions, rm } from './remove.js';
export { lstat, type StatOptions, stat } from './status.js';
export { type DisposableTempDir, mkdtempDisposable } from './temporary-directory.js';

const promises = {
  ...delegated,
  appendFile,
  copyFile,
  glob,
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

for (const [name, served] of Object.entries(promises)) {
  const nodes = nodePromises[name as keyof typeof nodePromises];
  if (served !== nodes) likeNode(served, nodes);
}

export { promises as default, promises as 'module.exports' };

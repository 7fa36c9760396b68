import { copyFile } from './functions/copy-path.js';
import * as delegated from './functions/delegated.js';
import { appendFile, readFile, writeFile } from './functions/file-content.js';
import { glob } from './functions/glob.js';
import { open, truncate } from './functions/open.js';
import { readdir } from './functions/read-directory.js';
import { rm } from './functions/remove.js';
import { lstat, stat } from './functions/status.js';
import { mkdtempDisposable } from './functions/temporary-directory.js';
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

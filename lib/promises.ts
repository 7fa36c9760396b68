import { promises } from './functions/promises-object.js';

// The functions of node:fs/promises: some are served by the engine, the others are Node's own.

export type { FileHandle } from './file-handle/file-handle.js';
export { access } from './functions/access.js';
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
export { glob } from './functions/glob.js';
export type { GlobOptions } from './functions/glob-types.js';
export { open, truncate } from './functions/open.js';
export { type ReaddirOptions, readdir } from './functions/read-directory.js';
export { type RmOptions, rm } from './functions/remove.js';
export { lstat, type StatOptions, stat } from './functions/status.js';
export { type DisposableTempDir, mkdtempDisposable } from './functions/temporary-directory.js';
export type { OpenOptions } from './handle/open-options.js';

export { promises as default, promises as 'module.exports' };

import type * as fs from 'node:fs';
import * as served from './functions/callbacks.js';
import { nodeFs } from './node/node-fs.js';
import promises from './promises.js';
import {
  createReadStream,
  createWriteStream,
  ReadStream,
  WriteStream,
} from './streams/file-streams.js';

// An object in the shape of node:fs, for libraries that take an `fs` option. Functions that the
// engine does not serve, such as most functions on descriptors, are Node's own.

// The named exports below take precedence over the star export.
export * from 'node:fs';
export {
  appendFile,
  close,
  closeSync,
  lstat,
  read,
  readdir,
  readFile,
  readv,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from './functions/callbacks.js';
export { register, unregister } from './register/register.js';
export {
  createReadStream,
  createWriteStream,
  ReadStream,
  ReadStream as FileReadStream,
  WriteStream,
  WriteStream as FileWriteStream,
} from './streams/file-streams.js';
export { promises };

/** node:fs with this package's `promises`. */
export type OverlappedFs = Omit<typeof fs, 'promises'> & { promises: typeof promises };

/**
 * An object with all members of node:fs, for libraries that take an `fs` option. It is a plain
 * object, so programs can replace its functions.
 * @example
 * import fs from 'overlapped/fs';
 * await git.clone({ fs, http, dir, url }); // isomorphic-git
 */
const overlappedFs: OverlappedFs = {
  ...nodeFs,
  ...served,
  promises,
  createReadStream,
  createWriteStream,
  ReadStream,
  WriteStream,
  ...{ FileReadStream: ReadStream, FileWriteStream: WriteStream },
};

export { overlappedFs as default, overlappedFs as 'module.exports' };

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

// An object of the shape of node:fs, for libraries that take an `fs` option. What the engine does
// not serve is Node's own, as most of what is done to numbers.

// What is exported here by name goes before what is exported by a star.
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

/** node:fs with the promises of this package. */
export type OverlappedFs = Omit<typeof fs, 'promises'> & { promises: typeof promises };

/**
 * An object with all members of node:fs, for libraries that take an `fs` option. It is a plain
 * object, so that a program can replace functions in it.
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

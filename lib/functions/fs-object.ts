import type * as fs from 'node:fs';
import { nodeFs } from '../node/node-fs.js';
import {
  createReadStream,
  createWriteStream,
  ReadStream,
  WriteStream,
} from '../streams/file-streams.js';
import * as served from './callbacks.js';
import { promises } from './promises-object.js';

/** node:fs with this package's `promises`. */
export type OverlappedFs = Omit<typeof fs, 'promises'> & { promises: typeof promises };

/**
 * An object with all members of node:fs, for libraries that take an `fs` option. It is a plain
 * object, so programs can replace its functions.
 * @example
 * import fs from 'overlapped/fs';
 * await git.clone({ fs, http, dir, url }); // isomorphic-git
 */
export const overlappedFs: OverlappedFs = {
  ...nodeFs,
  ...served,
  promises,
  createReadStream,
  createWriteStream,
  ReadStream,
  WriteStream,
  ...{ FileReadStream: ReadStream, FileWriteStream: WriteStream },
};

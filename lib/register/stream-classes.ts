import type * as fs from 'node:fs';
import { ReadStream, WriteStream } from '../streams/file-streams.js';

// The build loads this module, with node:stream and this package's streams, when one of these
// functions is first called.

/** The class that replaces fs.ReadStream. */
export function readStreamClass(): typeof fs.ReadStream {
  return ReadStream;
}

/** The class that replaces fs.WriteStream. */
export function writeStreamClass(): typeof fs.WriteStream {
  return WriteStream;
}

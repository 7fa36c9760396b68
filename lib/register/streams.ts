import type * as fs from 'node:fs';
import liveFs from 'node:fs';
import { isShortage } from '../engine/shortage.js';
import { nodeFs } from '../node/node-fs.js';
import { readStreamClass, writeStreamClass } from './stream-classes.js';

// The functions and classes of streams that replace Node's. The code behind them loads when one of
// them is first used. If that fails for lack of a descriptor, Node's own stream reports it.

function unlessShort<T>(load: () => T, nodes: () => T): T {
  try {
    return load();
  } catch (error) {
    if (isShortage(error)) return nodes();
    throw error;
  }
}

/** Returns the class that serves fs.ReadStream. */
export function servedReadStream(): typeof fs.ReadStream {
  return unlessShort(readStreamClass, () => nodeFs.ReadStream);
}

/** Returns the class that serves fs.WriteStream. */
export function servedWriteStream(): typeof fs.WriteStream {
  return unlessShort(writeStreamClass, () => nodeFs.WriteStream);
}

/** fs.createReadStream(). A class that a program has put into fs makes the streams, as in Node. */
export function createReadStream(path: unknown, options: unknown): fs.ReadStream {
  const { ReadStream } = liveFs;
  const made = ReadStream === nodeFs.ReadStream ? servedReadStream() : ReadStream;
  return Reflect.construct(made as never, [path, options]);
}

/** fs.createWriteStream(). */
export function createWriteStream(path: unknown, options: unknown): fs.WriteStream {
  const { WriteStream } = liveFs;
  const made = WriteStream === nodeFs.WriteStream ? servedWriteStream() : WriteStream;
  return Reflect.construct(made as never, [path, options]);
}

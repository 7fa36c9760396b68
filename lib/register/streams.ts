import type * as fs from 'node:fs';
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

/** fs.createReadStream(). */
export function createReadStream(path: unknown, options: unknown): fs.ReadStream {
  return Reflect.construct(servedReadStream() as never, [path, options]);
}

/** fs.createWriteStream(). */
export function createWriteStream(path: unknown, options: unknown): fs.WriteStream {
  return Reflect.construct(servedWriteStream() as never, [path, options]);
}

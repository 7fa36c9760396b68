import process from 'node:process';
import type { Writable } from 'node:stream';
import type { PathLike } from '../node/paths.js';

/** The source of a copy: a path, or anything that yields bytes, such as a Readable. */
export type CopySource = PathLike | AsyncIterable<Uint8Array | string>;

/** The destination of a copy: a path, or a Writable. */
export type CopyDestination = PathLike | Writable;

/** Whether a source yields bytes. */
export function isByteSource(source: unknown): source is AsyncIterable<Uint8Array | string> {
  if (typeof source !== 'object' || source === null) return false;
  return typeof (source as AsyncIterable<unknown>)[Symbol.asyncIterator] === 'function';
}

/** Whether a destination is a stream. */
export function isByteSink(destination: unknown): destination is Writable {
  if (typeof destination !== 'object' || destination === null) return false;
  const { write, once } = destination as Partial<Writable>;
  return typeof write === 'function' && typeof once === 'function' && !isBuffer(destination);
}

// A Buffer has a write() of its own.
function isBuffer(value: object): boolean {
  return ArrayBuffer.isView(value);
}

/** Whether a stream stays open when a copy to it ends. */
export function staysOpen(stream: Writable): boolean {
  return stream === process.stdout || stream === process.stderr;
}

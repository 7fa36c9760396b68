import process from 'node:process';
import type { Writable } from 'node:stream';
import type { PathLike } from '../node/paths.js';

/** The source of a copy: a path, or anything that yields bytes, such as a Readable. */
export type CopySource = PathLike | AsyncIterable<Uint8Array | string>;

/** The destination of a copy: a path, or a Writable. */
export type CopyDestination = PathLike | Writable;

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

function ignore(): void {}

/**
 * Listens to the errors of a stream that is not in use yet: an error that nobody listens to would
 * end the process. Whoever uses the stream later gets the error, too.
 * @returns a function that ends listening
 */
export function expectErrors(stream: object): () => void {
  const { on, off } = stream as Partial<Writable>;
  if (typeof on !== 'function' || typeof off !== 'function') return ignore;
  on.call(stream, 'error', ignore);
  return () => void off.call(stream, 'error', ignore);
}

/** Whether a stream stays open when a copy to it ends. */
export function staysOpen(stream: Writable): boolean {
  return stream === process.stdout || stream === process.stderr;
}

import { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';
import { isUint8Array } from 'node:util/types';
import { abortError, invalidArgType } from '../node/errors.js';

/** Anything that yields bytes, such as a Readable. */
export type ByteSource = AsyncIterable<Uint8Array | string>;

/** Whether a source yields bytes. */
export function isByteSource(source: unknown): source is ByteSource {
  if (typeof source !== 'object' || source === null) return false;
  return typeof (source as AsyncIterable<unknown>)[Symbol.asyncIterator] === 'function';
}

/** Returns what a source yielded as bytes. @throws ERR_INVALID_ARG_TYPE */
export function bytesOf(chunk: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (!isUint8Array(chunk)) throw invalidArgType('chunk', 'of type string or Uint8Array', chunk);
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** Ends a source that is not needed any more; one that waits for bytes may never end by itself. */
export function abandonSource(source: ByteSource, iterator?: AsyncIterator<unknown>): void {
  const { destroy } = source as Partial<Readable>;
  if (typeof destroy === 'function') destroy.call(source);
  (async () => iterator?.return?.())().catch(() => {});
}

/**
 * Yields what a source yields; an abort does not wait for a source that yields nothing. A source
 * that is not read to its end is destroyed.
 * @param onFailure called with the error of the source before it is thrown
 */
export async function* untilAborted(
  source: ByteSource,
  signal: AbortSignal | undefined,
  onFailure: (error: unknown) => void = () => {},
): AsyncGenerator<Uint8Array | string, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(abortError(signal as AbortSignal));
  });
  aborted.catch(() => {});
  signal?.addEventListener('abort', onAbort as () => void, { once: true });
  let isOver = false;
  try {
    while (!isOver) {
      if (signal?.aborted) throw abortError(signal);
      // Iterators of others may return a plain result, or throw.
      const yielded = (async () => iterator.next())();
      yielded.catch(onFailure);
      const next = await Promise.race([yielded, aborted]);
      isOver = next.done === true;
      if (!isOver) yield next.value as Uint8Array | string;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort as () => void);
    if (!isOver) abandonSource(source, iterator);
  }
}

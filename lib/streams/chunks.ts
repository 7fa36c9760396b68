import type { CoreHandle } from '../handle/core-handle.js';
import { systemErrorOf } from '../node/errors.js';
import { ownOptions } from '../node/own-options.js';
import { validateBoolean, validateInteger, validateSignal } from '../node/validate.js';
import { memoryAlignmentOf } from '../transfer/chunk-io.js';
import { RecycledMemory } from '../transfer/chunk-memory.js';
import { ReadAhead } from '../transfer/read-ahead.js';
import { validateWindow, type WindowOptions } from '../transfer/window.js';
import { hasPlaces } from './first-place.js';

/** Options of handle.chunks(). */
export interface ChunksOptions extends WindowOptions {
  /** Position of the first byte. Default 0. */
  start?: number | undefined;
  /** Position of the last byte, inclusive, as in Node's streams. Default: the end of the file. */
  end?: number | undefined;
  /**
   * Whether the memory of a chunk is reused when the next one is requested. This saves an
   * allocation per chunk; a caller that keeps bytes must copy them. Default false.
   */
  recycle?: boolean | undefined;
  /** Aborts the iteration with an AbortError, once nothing is in flight. */
  signal?: AbortSignal | undefined;
}

/** Implements FileHandle.chunks(). */
export function chunksOf(
  handle: CoreHandle,
  options: ChunksOptions,
): AsyncGenerator<Buffer, void, undefined> {
  validateWindow(options);
  const own = ownOptions(options);
  const { start = 0, end = Number.POSITIVE_INFINITY, recycle = false, signal } = own;
  validateInteger(start, 'options.start', 0);
  if (end !== Number.POSITIVE_INFINITY) validateInteger(end, 'options.end', start);
  validateBoolean(recycle, 'options.recycle');
  validateSignal(signal);
  return iterate(handle, { ...options, start, end: end + 1 }, recycle);
}

async function* iterate(
  handle: CoreHandle,
  options: ChunksOptions,
  recycle: boolean,
): AsyncGenerator<Buffer, void, undefined> {
  handle.file.checkOpen('read');
  const release = handle.hold(() => {
    ahead.cancel(systemErrorOf('EBADF', { syscall: 'read' })).finally(release);
  });
  const memory = recycle ? new RecycledMemory(memoryAlignmentOf(handle)) : undefined;
  const start = hasPlaces(handle) ? options.start : null;
  const ahead = new ReadAhead(handle, { ...options, start, memory });
  try {
    for (let chunk = await ahead.next(); chunk !== null; chunk = await ahead.next()) {
      yield chunk;
      ahead.release(chunk);
    }
  } finally {
    await ahead.cancel();
    release();
  }
}

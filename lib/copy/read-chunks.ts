import { alignUp } from '../alignment.js';
import { blockSizeOf, memoryAlignmentOf } from '../chunk-io.js';
import type { FileHandle } from '../file-handle.js';
import { RecycledMemory } from '../streams/chunk-memory.js';
import { ReadAhead } from '../streams/read-ahead.js';
import { validateWindow } from '../streams/window.js';
import { validateSignal } from '../validate.js';
import { SourceChangedError } from './source-changed-error.js';

export interface ChunkOptions {
  /** Chunks under way at a time, each with a buffer of its own. Default 8. */
  depth?: number | undefined;
  /** Bytes of a chunk, rounded up to whole sectors. Default 1 MiB. */
  chunkSize?: number | undefined;
  /** Called after every chunk with the number of bytes done so far. */
  onProgress?: ((bytesDone: number) => void) | undefined;
  /**
   * Called with every chunk in the order of the file, whatever order the device served them in.
   * The bytes are valid until it returns, or until the promise that it returns has settled.
   */
  onChunk?: ((bytes: Buffer, position: number) => void | Promise<void>) | undefined;
  /** Ends it with an AbortError, once nothing is in flight any more. */
  signal?: AbortSignal | undefined;
}

export const chunkDefaults = { depth: 8, chunkSize: 1024 * 1024 } as const;

/** What is done with a chunk; `done` is called when its memory is not needed any more. */
export type Consume = (bytes: Buffer, done: (error?: unknown) => void) => void;

/**
 * Reads the first `size` bytes of a file with `depth` chunks in flight, in `depth` buffers that are
 * used again and again. `consume` and `onChunk` get the chunks in order; the buffer of a chunk is
 * free when both are done with it.
 * @param others handles that the same memory is written to; it is aligned for them too
 * @throws SourceChangedError when the file ends before `size`; AbortError; system errors. By then
 *   no read is in flight.
 */
export async function readChunks(
  source: FileHandle,
  size: number,
  options: ChunkOptions,
  consume: Consume = (_bytes, done) => done(),
  others: readonly FileHandle[] = [],
): Promise<void> {
  validateWindow(options);
  const { depth = chunkDefaults.depth, onProgress, onChunk, signal } = options;
  validateSignal(signal);
  const block = blockSizeOf(source, ...others);
  const chunkSize = alignUp(options.chunkSize ?? chunkDefaults.chunkSize, block);
  const memory = new RecycledMemory(memoryAlignmentOf(source, ...others));
  const window = { depth, chunkSize, end: size, expected: depth * chunkSize };
  const ahead = new ReadAhead(source, { ...window, memory, signal });
  let bytesDone = 0;
  const use = async (bytes: Buffer, position: number): Promise<void> => {
    let waiting = 2;
    let failed = false;
    const done = (error?: unknown): void => {
      failed ||= error !== undefined;
      if (--waiting > 0) return;
      // Whoever failed says so to the next chunk, or at the end.
      if (!failed) bytesDone += bytes.byteLength;
      ahead.release(bytes);
      if (!failed) onProgress?.(bytesDone);
    };
    consume(bytes, done);
    // What has been submitted leaves at the end of this turn of the microtasks, so that the device
    // works while `onChunk` computes.
    await Promise.resolve();
    await onChunk?.(bytes, position);
    done();
  };
  try {
    for (let position = 0; position < size; position = ahead.position) {
      const bytes = await ahead.next();
      if (bytes === null) throw new SourceChangedError(size, (await source.stat()).size);
      await use(bytes, position);
    }
  } finally {
    await ahead.cancel();
  }
}

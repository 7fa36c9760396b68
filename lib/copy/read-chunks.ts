import { allocAligned } from '../aligned-buffer.js';
import { alignUp } from '../alignment.js';
import { blockSizeOf, memoryAlignmentOf, readChunk } from '../chunk-io.js';
import { abortError } from '../errors.js';
import type { FileHandle } from '../file-handle.js';
import { validateInteger, validateSignal } from '../validate.js';
import { runWindow } from '../window.js';
import { InOrder } from './in-order.js';
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

/** A part of the source in memory that has room for it in whole sectors. */
export interface Chunk {
  readonly memory: Buffer;
  readonly length: number;
  readonly position: number;
}

export const chunkDefaults = { depth: 8, chunkSize: 1024 * 1024 } as const;
const depthMax = 1024;
const chunkSizeMax = 1024 * 1024 * 1024;

/**
 * Reads the first `size` bytes of a file with `depth` chunks in flight, in `depth` buffers that are
 * used again and again. `consume` gets each chunk as soon as it is there, `onChunk` in order; the
 * buffer of a chunk is free when both have ended.
 * @param others handles that the same memory is written to; it is aligned for them too
 * @throws SourceChangedError when the file ends before `size`; AbortError; system errors
 */
export async function readChunks(
  source: FileHandle,
  size: number,
  options: ChunkOptions,
  consume?: (chunk: Chunk) => Promise<void>,
  others: readonly FileHandle[] = [],
): Promise<void> {
  const { depth = chunkDefaults.depth, onProgress, onChunk, signal } = options;
  validateInteger(depth, 'options.depth', 1, depthMax);
  validateSignal(signal);
  const chunkSize = wholeBlocks(options.chunkSize, blockSizeOf(source, ...others));
  const count = Math.ceil(size / chunkSize);
  const alignment = memoryAlignmentOf(source, ...others);
  const free = Array.from({ length: Math.min(depth, count) }, () =>
    allocAligned(chunkSize, { alignment }),
  );
  const order = new InOrder();
  let bytesDone = 0;

  const deliver = async (index: number, chunk: Chunk): Promise<void> => {
    if (onChunk === undefined) return;
    await order.turn(index);
    await onChunk(chunk.memory.subarray(0, chunk.length), chunk.position);
    order.done();
  };
  const copyChunk = async (index: number, memory: Buffer): Promise<void> => {
    if (signal?.aborted) throw abortError(signal);
    const position = index * chunkSize;
    const length = Math.min(chunkSize, size - position);
    const bytes = await readChunk(source, memory, length, position, signal);
    if (bytes < length) throw new SourceChangedError(size, (await source.stat()).size);
    const chunk = { memory, length, position };
    const consumed = consume?.(chunk);
    // The submission that `consume` has made leaves at the end of this turn of the microtasks, so
    // that the device works while `onChunk` computes.
    await Promise.resolve();
    await bothSettled(consumed, deliver(index, chunk));
    bytesDone += length;
    onProgress?.(bytesDone);
  };

  await runWindow(count, depth, async (index) => {
    const memory = free.pop() as Buffer;
    try {
      await copyChunk(index, memory);
    } catch (error) {
      order.fail(error);
      throw error;
    }
    free.push(memory);
  });
}

function wholeBlocks(chunkSize: number = chunkDefaults.chunkSize, block: number): number {
  validateInteger(chunkSize, 'options.chunkSize', 1, chunkSizeMax);
  return alignUp(chunkSize, block);
}

// Neither may still use the memory when the chunk has failed.
async function bothSettled(first: Promise<void> | undefined, second: Promise<void>): Promise<void> {
  const results = await Promise.allSettled([first, second]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

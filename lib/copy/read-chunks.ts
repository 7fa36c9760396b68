import type { CoreHandle } from '../handle/core-handle.js';
import { validateInteger, validateSignal } from '../node/validate.js';
import { alignUp } from '../transfer/alignment.js';
import { blockSizeOf, memoryAlignmentOf } from '../transfer/chunk-io.js';
import { RecycledMemory } from '../transfer/chunk-memory.js';
import { ReadAhead } from '../transfer/read-ahead.js';
import { validateWindow } from '../transfer/window.js';
import { SourceChangedError } from './source-changed-error.js';

/** How many chunks of one file are in flight. */
export interface QueueOptions {
  /** Chunks of one file in flight, each with a buffer of its own. Default 8. */
  queueDepth?: number | undefined;
  /** Another name of `queueDepth`. */
  depth?: number | undefined;
}

/** The number of chunks in flight that options ask for, if any. */
export function queueDepthOf({ queueDepth, depth }: QueueOptions): number | undefined {
  if (queueDepth !== undefined) validateInteger(queueDepth, 'options.queueDepth', 1, 1024);
  return queueDepth ?? depth;
}

/** Options of functions that read files in chunks. */
export interface ChunkOptions extends QueueOptions {
  /** Bytes of a chunk, rounded up to whole sectors. Default 1 MiB. */
  chunkSize?: number | undefined;
  /** Ends the call with an AbortError once nothing is in flight. */
  signal?: AbortSignal | undefined;
}

export interface ChunkWatch {
  /** Whether a source that was cut ends where it does. Default: SourceChangedError. */
  acceptsShort?: boolean | undefined;
  /** Called with the number of bytes of each chunk once its memory is free. */
  onMoved?: ((bytes: number) => void) | undefined;
  /**
   * Called with each chunk in the order of the file. The bytes are valid until it returns, or until
   * the promise that it returns has settled.
   */
  onChunk?: ((bytes: Buffer, position: number) => void | Promise<void>) | undefined;
}

export const chunkDefaults = { depth: 8, chunkSize: 1024 * 1024 } as const;

/** The part of a file to read. */
export interface ReadRange {
  /** Position of the first byte, a multiple of the sector; null for a FIFO and the like. */
  start: number | null;
  /** Position after the last byte; Infinity reads to the end of the file. */
  end: number;
}

/** Takes a chunk, and calls `done` when its memory is free again. */
export type Consume = (bytes: Buffer, done: (error?: unknown) => void) => void;

/** Another user of the same memory. */
export interface Consumer {
  consume: Consume;
  /** Handle that is written to; chunks are aligned for it, too. */
  handle: CoreHandle;
}

/**
 * Reads a part of a file with `depth` chunks in flight, in `depth` buffers that are used again and
 * again. The consumer and `onChunk` get the chunks in order; the buffer of a chunk is free when
 * both are done with it.
 * @returns bytes that were read; fewer than the range has where the file reports a wrong size
 * @throws SourceChangedError when the file was cut before the end of the range; AbortError; system
 *   errors. By then no read is in flight.
 */
export async function readChunks(
  source: CoreHandle,
  range: ReadRange,
  options: ChunkOptions & ChunkWatch,
  consumer?: Consumer,
): Promise<number> {
  validateWindow(options);
  const { onMoved, onChunk, signal } = options;
  const depth = queueDepthOf(options) ?? chunkDefaults.depth;
  validateSignal(signal);
  const handles = consumer === undefined ? [source] : [source, consumer.handle];
  const chunkSize = alignUp(options.chunkSize ?? chunkDefaults.chunkSize, blockSizeOf(...handles));
  const memory = new RecycledMemory(memoryAlignmentOf(...handles));
  const isKnown = Number.isFinite(range.end);
  const expected = isKnown ? depth * chunkSize : 0;
  const ahead = new ReadAhead(source, { ...range, depth, chunkSize, expected, memory, signal });
  const use = async (bytes: Buffer, position: number): Promise<void> => {
    let waiting = 2;
    let failed = false;
    const done = (error?: unknown): void => {
      failed ||= error !== undefined;
      if (--waiting > 0) return;
      // The consumer reports its failure at the next chunk, or at the end.
      const { byteLength } = bytes;
      ahead.release(bytes);
      if (!failed) onMoved?.(byteLength);
    };
    if (consumer === undefined) done();
    else consumer.consume(bytes, done);
    // Submissions leave at the end of this microtask turn, so that the device works while `onChunk`
    // computes.
    await Promise.resolve();
    await onChunk?.(bytes, position);
    done();
  };
  const start = range.start ?? 0;
  let position = start;
  try {
    while (position < range.end) {
      const bytes = await ahead.next();
      if (bytes === null && !isKnown) break;
      if (bytes === null) {
        const { size } = await source.stat();
        // Some file systems report sizes that are not those of the content.
        if (size >= range.end || options.acceptsShort) break;
        throw new SourceChangedError(range.end, size);
      }
      const at = position;
      position += bytes.byteLength;
      await use(bytes, at);
    }
    return position - start;
  } finally {
    await ahead.cancel();
  }
}

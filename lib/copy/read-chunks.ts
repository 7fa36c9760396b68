import type { CoreHandle } from '../handle/core-handle.js';
import { ownOptions } from '../node/own-options.js';
import { validateInteger, validateSignal } from '../node/validate.js';
import { alignUp } from '../transfer/alignment.js';
import { blockSizeOf, memoryAlignmentOf } from '../transfer/chunk-io.js';
import { RecycledMemory } from '../transfer/chunk-memory.js';
import { ReadAhead, type ReadAheadOptions } from '../transfer/read-ahead.js';
import { validateWindow } from '../transfer/window.js';
import type { ReadFaults } from './read-faults.js';
import { SourceChangedError } from './source-changed-error.js';
import { type ChunkReads, SteadyReads } from './steady-reads.js';

/** Limits the chunks of one file in flight. */
export interface QueueOptions {
  /** Chunks of one file in flight, each with a buffer of its own. Default 8. */
  queueDepth?: number | undefined;
  /** Alias of `queueDepth`. */
  depth?: number | undefined;
}

/** Returns the requested number of chunks in flight, if any. */
export function queueDepthOf({ queueDepth, depth }: QueueOptions): number | undefined {
  if (queueDepth !== undefined) validateInteger(queueDepth, 'options.queueDepth', 1, 1024);
  return queueDepth ?? depth;
}

/** Options of functions that read files in chunks. */
export interface ChunkOptions extends QueueOptions {
  /** Bytes of a chunk, rounded up to whole sectors. Default 1 MiB. */
  chunkSize?: number | undefined;
  /** Aborts the call with an AbortError once nothing is in flight. */
  signal?: AbortSignal | undefined;
}

export interface ChunkWatch {
  /** Whether a file that shrank is accepted. Default: SourceChangedError. */
  acceptsShort?: boolean | undefined;
  /** Decides what happens after failed reads. Default: they are errors. */
  faults?: ReadFaults | undefined;
  /** Called with the number of bytes of each chunk once its memory is free. */
  onMoved?: ((bytes: number) => void) | undefined;
  /**
   * Called with each chunk in file order. The bytes are valid until it returns, or until the
   * promise that it returns settles.
   */
  onChunk?: ((bytes: Buffer, position: number) => void | Promise<void>) | undefined;
}

export const chunkDefaults = { depth: 8, chunkSize: 1024 * 1024 } as const;

/** The part of a file to read. */
export interface ReadRange {
  /** Position of the first byte, a multiple of the sector size; null for a FIFO and the like. */
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

/** Reads ahead, in the way that faults ask for. */
export function readsOf(
  source: CoreHandle,
  reading: ReadAheadOptions & { start: number | null; chunkSize: number },
  faults: ReadFaults | undefined,
): ChunkReads {
  const { start } = reading;
  if (!faults?.isActive || start === null) return new ReadAhead(source, reading);
  return new SteadyReads(source, { ...reading, start }, faults);
}

/**
 * Reads a part of a file with `depth` chunks in flight, in `depth` recycled buffers. The consumer
 * and `onChunk` get the chunks in order; the buffer of a chunk is free when both are done with it.
 * @returns bytes that were read; fewer than the range if the file reports a wrong size
 * @throws SourceChangedError when the file shrinks to less than the range; AbortError; system
 *   errors. No read is in flight when it rejects.
 */
export async function readChunks(
  source: CoreHandle,
  range: ReadRange,
  options: ChunkOptions & ChunkWatch,
  consumer?: Consumer,
): Promise<number> {
  validateWindow(options);
  const { onMoved, onChunk, signal, faults } = ownOptions(options);
  const depth = queueDepthOf(options) ?? chunkDefaults.depth;
  validateSignal(signal);
  const handles = consumer === undefined ? [source] : [source, consumer.handle];
  const chunkSize = alignUp(options.chunkSize ?? chunkDefaults.chunkSize, blockSizeOf(...handles));
  const memory = new RecycledMemory(memoryAlignmentOf(...handles));
  const isKnown = Number.isFinite(range.end);
  const expected = isKnown ? depth * chunkSize : 0;
  const reading = { ...range, depth, chunkSize, expected, memory, signal };
  const ahead = readsOf(source, reading, faults);
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
        // Some file systems report sizes that differ from the content.
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

import type { CoreHandle } from '../handle/core-handle.js';
import { abortError } from '../node/errors.js';
import { blockSizeOf } from '../transfer/chunk-io.js';
import { validateWindow } from '../transfer/window.js';
import { WriteBehind } from '../transfer/write-behind.js';
import { runsOfData, runUnit } from './block-runs.js';
import { type DataRange, dataRanges, wholeRange } from './data-ranges.js';
import { FallbackLog } from './fallbacks.js';
import {
  type ChunkOptions,
  type ChunkWatch,
  queueDepthOf,
  type ReadRange,
  readChunks,
} from './read-chunks.js';
import { RunWriter } from './run-writer.js';
import { setSize } from './set-size.js';

type Watch = Pick<ChunkWatch, 'onChunk' | 'acceptsShort' | 'faults'>;

export interface ContentOptions extends ChunkOptions, Watch {
  /** Position of the first byte to copy, a multiple of sectors; earlier bytes stay. Default 0. */
  start?: number | undefined;
  /** Keeps holes; requires a destination without data from `start` on. Default false. */
  sparse?: boolean | undefined;
  /** Leaves out zeros, too; requires the same of the destination. Default false. */
  skipsZeros?: boolean | undefined;
  /** Called with the number of bytes done so far, including holes and `start`. */
  onProgress?: ((bytesDone: number) => void) | undefined;
  /** Called with each hole, in the order of `onChunk`. */
  onHole?: ((position: number, length: number) => Promise<void>) | undefined;
  /** Called with the position up to which the destination is complete, though not yet durable. */
  onFlushed?: ((position: number) => void) | undefined;
  /** Collects the steps that the system refuses. */
  fallbacks?: FallbackLog | undefined;
}

export interface ContentResult {
  /** Size of the file in bytes. */
  bytes: number;
  /** Bytes that were read and written; fewer than `bytes` if the source has holes. */
  dataBytes: number;
}

/**
 * Copies the content of a file into another by reads and writes at explicit positions, with several
 * chunks in flight. Either handle may be unbuffered: the tail is padded to whole sectors, written,
 * and the destination is cut to its true size. The cursors of the handles do not move.
 * @param size bytes of the source; null reads the source to its end
 * @param destination another file, open for writing; its content is replaced, and undefined after
 *   an error
 * @throws SourceChangedError when the source ends before `size`; AbortError; system errors. No
 *   operation is in flight on either handle when it rejects.
 */
export async function copyContent(
  source: CoreHandle,
  destination: CoreHandle,
  size: number | null,
  options: ContentOptions = {},
): Promise<ContentResult> {
  validateWindow(options);
  const { start = 0, onProgress, fallbacks = new FallbackLog() } = options;
  if (size === null) return copyUnknownSize(source, destination, options);
  const bounds = { start, end: size };
  const block = blockSizeOf(source, destination);
  const ranges = options.sparse ? dataRanges(source, bounds, block, fallbacks) : wholeRange(bounds);
  let dataBytes = 0;
  let done = start;
  let position = start;
  const pass = async (hole: DataRange): Promise<void> => {
    if (hole.start === hole.end) return;
    await options.onHole?.(hole.start, hole.end - hole.start);
    done += hole.end - hole.start;
    onProgress?.(done);
    options.onFlushed?.(hole.end);
  };
  const onMoved = (bytes: number): void => {
    done += bytes;
    onProgress?.(done);
  };
  for await (const range of ranges) {
    await pass({ start: position, end: range.start });
    const bytes = await copyRange(source, destination, range, { ...options, onMoved });
    dataBytes += bytes;
    if (bytes < range.end - range.start) {
      // The file ends before its reported size, as files of sysfs do.
      await setSize(destination, range.start + bytes, fallbacks);
      return { bytes: range.start + bytes, dataBytes };
    }
    position = range.end;
  }
  await pass({ start: position, end: size });
  if (options.signal?.aborted) throw abortError(options.signal);
  await setSize(destination, size, fallbacks);
  return { bytes: size, dataBytes };
}

async function copyUnknownSize(
  source: CoreHandle,
  destination: CoreHandle,
  options: ContentOptions,
): Promise<ContentResult> {
  let done = 0;
  const onMoved = (bytes: number): void => {
    done += bytes;
    options.onProgress?.(done);
  };
  // Pipes and terminals have no positions.
  const start = source.deviceType === 'disk' || source.deviceType === 'block' ? 0 : null;
  const range = { start, end: Number.POSITIVE_INFINITY };
  const bytes = await copyRange(source, destination, range, { ...options, onMoved });
  if (options.signal?.aborted) throw abortError(options.signal);
  await setSize(destination, bytes, options.fallbacks ?? new FallbackLog());
  return { bytes, dataBytes: bytes };
}

/**
 * Lets an error of a callback end the copy. It runs in the completion of a write, where no caller
 * could catch an error.
 */
function guarded(
  onMoved: ChunkWatch['onMoved'],
  writer: { cancel(error: unknown): Promise<void> },
): (bytes: number) => void {
  return (bytes) => {
    try {
      onMoved?.(bytes);
    } catch (error) {
      writer.cancel(error).catch(() => {});
    }
  };
}

/** Copies a part of a file without writing runs of zeros, which become holes. */
async function copyData(
  source: CoreHandle,
  destination: CoreHandle,
  range: ReadRange,
  options: ContentOptions & ChunkWatch,
): Promise<number> {
  const unit = Math.max(runUnit, blockSizeOf(destination));
  const writer = new RunWriter(destination, options);
  const watched = { ...options, onMoved: guarded(options.onMoved, writer) };
  let position = range.start ?? 0;
  try {
    const bytes = await readChunks(source, range, watched, {
      consume: (chunk, done) => {
        writer.write({ bytes: chunk, position, runs: runsOfData(chunk, unit), done });
        position += chunk.byteLength;
      },
      handle: destination,
    });
    await writer.finish();
    return bytes;
  } finally {
    await writer.cancel();
  }
}

async function copyRange(
  source: CoreHandle,
  destination: CoreHandle,
  range: ReadRange,
  options: ContentOptions & ChunkWatch,
): Promise<number> {
  if (options.skipsZeros) return copyData(source, destination, range, options);
  const { chunkSize, signal, onFlushed } = options;
  const depth = queueDepthOf(options);
  const start = range.start ?? 0;
  const expected = Number.isFinite(range.end) ? range.end - start : 0;
  const window = { depth, chunkSize, start, expected, signal, onFlushed };
  const behind = new WriteBehind(destination, window);
  const watched = { ...options, onMoved: guarded(options.onMoved, behind) };
  try {
    const bytes = await readChunks(source, range, watched, {
      consume: (chunk, done) => behind.write(chunk, done),
      handle: destination,
    });
    await behind.finish();
    return bytes;
  } finally {
    await behind.cancel();
  }
}

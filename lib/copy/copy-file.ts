import { allocAligned } from '../aligned-buffer.js';
import { alignUp } from '../alignment.js';
import { blockSizeOf, memoryAlignmentOf, readChunk } from '../chunk-io.js';
import { abortError } from '../errors.js';
import type { FileHandle } from '../file-handle.js';
import { validateWindow } from '../streams/window.js';
import { WriteBehind } from '../streams/write-behind.js';
import { type ChunkOptions, type Consume, chunkDefaults, readChunks } from './read-chunks.js';
import { SourceChangedError } from './source-changed-error.js';

export type CopyOptions = ChunkOptions;

export interface CopyResult {
  bytesCopied: number;
}

/**
 * Copies all of a file into another by reads and writes at explicit positions, `depth` chunks at a
 * time. Either handle may be unbuffered: the tail is padded to whole sectors, written, and the
 * destination cut to its true size; then it is synced. The cursors of the handles do not move.
 * @param source open for reading; a regular file
 * @param destination open for writing, another file; what it held before is lost, and after an
 *   error its content is undefined
 * @param options.onChunk sees all bytes in order, for a hash for example
 * @throws SourceChangedError when the source was changed meanwhile; AbortError; system errors. By
 *   then nothing is in flight on either handle.
 */
export async function copyFile(
  source: FileHandle,
  destination: FileHandle,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const before = await source.stat({ bigint: true });
  const size = Number(before.size);
  const { depth, chunkSize = chunkDefaults.chunkSize, signal } = options;
  validateWindow(options);
  const window = { depth, chunkSize: alignUp(chunkSize, blockSizeOf(source)) };
  const behind = new WriteBehind(destination, { ...window, expected: size, signal });
  try {
    const write: Consume = (bytes, done) => behind.write(bytes, done);
    await readChunks(source, size, options, write, [destination]);
    await behind.finish();
  } finally {
    await behind.cancel();
  }
  if (options.signal?.aborted) throw abortError(options.signal);
  await destination.truncate(size);
  await destination.sync();
  await checkUnchanged(source, before);
  return { bytesCopied: size };
}

/** @throws SourceChangedError */
async function checkUnchanged(
  source: FileHandle,
  before: { size: bigint; mtimeNs: bigint },
): Promise<void> {
  const after = await source.stat({ bigint: true });
  if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) {
    throw new SourceChangedError(Number(before.size), Number(after.size));
  }
  // Files under /proc and /sys say that they are empty, but have content.
  if (after.size === 0n) {
    const length = alignUp(4096, blockSizeOf(source));
    const memory = allocAligned(length, { alignment: memoryAlignmentOf(source) });
    const bytes = await readChunk(source, memory, length, 0);
    if (bytes > 0) throw new SourceChangedError(0, bytes);
  }
}

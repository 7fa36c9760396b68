import { systemErrorOf } from '../node/errors.js';
import { alignDown, alignUp } from './alignment.js';
import type { AlignedFile, ReadableFile, WritableFile } from './transfer-file.js';

/** Returns the alignment of positions and lengths that these files require; 1 if buffered. */
export function blockSizeOf(...files: readonly AlignedFile[]): number {
  const sizes = files.map(({ alignment }) =>
    alignment === null ? 1 : Math.max(alignment.position, alignment.length),
  );
  return Math.max(...sizes);
}

/** Returns the alignment of memory addresses that these files require; 1 if buffered. */
export function memoryAlignmentOf(...files: readonly AlignedFile[]): number {
  return Math.max(...files.map(({ alignment }) => alignment?.memory ?? 1));
}

// After a transfer that stops within a block, the next one starts at the beginning of that block,
// since no other position is aligned. If it stops there again, no further progress is possible.
function isStuck(before: number, after: number, block: number): boolean {
  return alignDown(after, block) === before;
}

/**
 * Reads until `length` bytes have arrived or the file ends; a single read may be short.
 * @param memory aligned, of at least `length` bytes rounded up to whole blocks
 * @param position aligned
 * @returns bytes; fewer than `length` only at the end of the file, more if the last block has more
 */
export async function readChunk(
  file: ReadableFile,
  memory: Uint8Array,
  length: number,
  position: number,
  signal?: AbortSignal,
): Promise<number> {
  const block = blockSizeOf(file);
  const end = alignUp(length, block);
  let filled = 0;
  while (filled < length) {
    const start = alignDown(filled, block);
    const bytesRead = await file.readAt(memory, start, end - start, position + start, signal);
    // A read without new bytes has reached the end of the file.
    if (start + bytesRead <= filled) break;
    filled = start + bytesRead;
  }
  return filled;
}

/** Called with the number of bytes of a partial write that are in the file so far. */
export type OnMoved = (bytes: number) => void;

/**
 * Writes until all bytes are in the file; a single write may be short.
 * @param memory aligned, of at least `length` bytes
 * @param length aligned
 * @param position aligned
 * @throws a system error; EIO if writes succeed without writing anything
 */
export async function writeChunk(
  file: WritableFile,
  memory: Uint8Array,
  length: number,
  position: number,
  signal?: AbortSignal,
  onMoved?: OnMoved,
): Promise<void> {
  const block = blockSizeOf(file);
  let start = 0;
  let stuck = 0;
  while (start < length) {
    const place = position + start;
    const written = start + (await file.writeAt(memory, start, length - start, place, signal));
    if (written >= length) return;
    onMoved?.(written);
    // A full device writes the bytes that fit and fails the next write, so one more is tried.
    stuck = isStuck(start, written, block) ? stuck + 1 : 0;
    if (stuck > 1) throw systemErrorOf('EIO', { syscall: 'write' });
    start = alignDown(written, block);
  }
}

/**
 * Writes several views to a buffered file, like writeChunk().
 * @param position position in the file, or -1 for the cursor
 */
export async function writeViews(
  file: WritableFile,
  views: readonly Uint8Array[],
  length: number,
  position: number,
  signal?: AbortSignal,
  onMoved?: OnMoved,
): Promise<void> {
  let left = views;
  let done = 0;
  let stuck = 0;
  while (done < length) {
    const place = position === -1 ? -1 : position + done;
    const written = await file.writeViewsAt(left, length - done, place, signal);
    done += written;
    if (done >= length) return;
    onMoved?.(done);
    stuck = written === 0 ? stuck + 1 : 0;
    if (stuck > 1) throw systemErrorOf('EIO', { syscall: 'write' });
    left = viewsBehind(left, written);
  }
}

/** Returns what follows the first bytes of several views. */
export function viewsBehind(views: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skipped = bytes;
  for (const view of views) {
    if (skipped < view.byteLength) left.push(view.subarray(skipped));
    skipped = Math.max(0, skipped - view.byteLength);
  }
  return left;
}

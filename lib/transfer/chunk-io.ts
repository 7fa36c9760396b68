import type { FileHandle } from '../file-handle/file-handle.js';
import { systemErrorOf } from '../node/errors.js';
import { alignDown, alignUp } from './alignment.js';

/** What positions and lengths of transfers on these handles must be multiples of; 1 if buffered. */
export function blockSizeOf(...handles: readonly FileHandle[]): number {
  const sizes = handles.map(({ alignment }) =>
    alignment === null ? 1 : Math.max(alignment.position, alignment.length),
  );
  return Math.max(...sizes);
}

/** What addresses of the memory of these transfers must be multiples of; 1 if buffered. */
export function memoryAlignmentOf(...handles: readonly FileHandle[]): number {
  return Math.max(...handles.map(({ alignment }) => alignment?.memory ?? 1));
}

// A transfer that stops within a block goes on at the start of that block, since no other place
// would be aligned. If it stops there again, it will not get any further.
function isStuck(before: number, after: number, block: number): boolean {
  return alignDown(after, block) === before;
}

/**
 * Reads on until `length` bytes are there or the file ends; a single read may be short.
 * @param memory aligned, of at least `length` bytes rounded up to whole blocks
 * @param position aligned
 * @returns bytes, fewer than `length` only at the end of the file, more if the last block has more
 */
export async function readChunk(
  handle: FileHandle,
  memory: Uint8Array,
  length: number,
  position: number,
  signal?: AbortSignal,
): Promise<number> {
  const block = blockSizeOf(handle);
  const end = alignUp(length, block);
  let filled = 0;
  while (filled < length) {
    const start = alignDown(filled, block);
    const bytesRead = await handle.readAt(memory, start, end - start, position + start, signal);
    // Nothing new where bytes were asked for is the end of the file.
    if (start + bytesRead <= filled) break;
    filled = start + bytesRead;
  }
  return filled;
}

/**
 * Writes on until all bytes are written; a single write may be short.
 * @param memory aligned, of at least `length` bytes
 * @param length aligned
 * @param position aligned
 * @throws a system error; EIO where writes end without an error and without having written anything
 */
export async function writeChunk(
  handle: FileHandle,
  memory: Uint8Array,
  length: number,
  position: number,
  signal?: AbortSignal,
): Promise<void> {
  const block = blockSizeOf(handle);
  let start = 0;
  let stuck = 0;
  while (start < length) {
    const place = position + start;
    const written = start + (await handle.writeAt(memory, start, length - start, place, signal));
    if (written >= length) return;
    // A full device writes what fits and gives its error to the next write, so there is one more.
    if (isStuck(start, written, block) && ++stuck > 1) {
      throw systemErrorOf('EIO', { syscall: 'write' });
    }
    start = alignDown(written, block);
  }
}

/**
 * As writeChunk(), of several views on a buffered handle.
 * @param position place in the file, or -1 for the handle's cursor
 */
export async function writeViews(
  handle: FileHandle,
  views: readonly Uint8Array[],
  length: number,
  position: number,
  signal?: AbortSignal,
): Promise<void> {
  let left = views;
  let done = 0;
  let stuck = 0;
  while (done < length) {
    const place = position === -1 ? -1 : position + done;
    const written = await handle.writeViewsAt(left, length - done, place, signal);
    done += written;
    if (done >= length) return;
    if (written === 0 && ++stuck > 1) throw systemErrorOf('EIO', { syscall: 'write' });
    left = viewsBehind(left, written);
  }
}

function viewsBehind(views: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skipped = bytes;
  for (const view of views) {
    if (skipped < view.byteLength) left.push(view.subarray(skipped));
    skipped = Math.max(0, skipped - view.byteLength);
  }
  return left;
}

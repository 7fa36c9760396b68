import { addressAt, allocAligned } from './aligned-buffer.js';
import { type Alignment, alignDown, alignUp, isAligned } from './alignment.js';
import { blockSizeOf, readChunk, writeChunk } from './chunk-io.js';
import { abortError } from './errors.js';
import type { FileHandle } from './file-handle.js';
import { runWindow } from './window.js';

/**
 * Reads and writes of any position and length on unbuffered handles. What is aligned goes straight
 * to and from the caller's memory, the rest through aligned chunks.
 */

const chunkSize = 1024 * 1024;
const depthMax = 4;

/** Aligned chunks for the lanes of one call, made when first needed and used again. */
class ChunkPool {
  readonly #free: Buffer[] = [];
  readonly #alignment: number;

  constructor(alignment: number) {
    this.#alignment = alignment;
  }
  take(): Buffer {
    return this.#free.pop() ?? allocAligned(chunkSize, { alignment: this.#alignment });
  }
  give(chunk: Buffer): void {
    this.#free.push(chunk);
  }
}

interface Range {
  start: number;
  end: number;
}

/** The part of a range of the file that one chunk covers: aligned, and what of it is wanted. */
function chunkAt(index: number, range: Range, alignment: number): { chunk: Range; wanted: Range } {
  const start = alignDown(range.start, alignment) + index * chunkSize;
  const end = Math.min(start + chunkSize, alignUp(range.end, alignment));
  const wanted = { start: Math.max(start, range.start), end: Math.min(end, range.end) };
  return { chunk: { start, end }, wanted };
}

function chunkCount(range: Range, alignment: number): number {
  const size = alignUp(range.end, alignment) - alignDown(range.start, alignment);
  return Math.ceil(size / chunkSize);
}

function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/**
 * Fills `target` from a place in the file. Gives the number of bytes, fewer only at the end of the
 * file; what lies before the place or after it never shows.
 */
export async function readUnaligned(
  handle: FileHandle,
  target: Uint8Array,
  position: number,
  signal?: AbortSignal,
): Promise<number> {
  const alignment = handle.alignment as Alignment;
  const block = blockSizeOf(handle);
  const pool = new ChunkPool(alignment.memory);
  const range = { start: position, end: position + target.byteLength };
  let end = range.end;
  await runWindow(chunkCount(range, block), depthMax, async (index) => {
    checkNotAborted(signal);
    const { chunk, wanted } = chunkAt(index, range, block);
    const length = chunk.end - chunk.start;
    const at = wanted.start - position;
    const whole = wanted.start === chunk.start && wanted.end === chunk.end;
    if (whole && isAligned(addressAt(target, at), alignment.memory)) {
      const view = target.subarray(at, at + length);
      const bytes = await readChunk(handle, view, length, chunk.start, signal);
      end = Math.min(end, bytes < view.byteLength ? chunk.start + bytes : end);
      return;
    }
    const memory = pool.take();
    const bytes = await readChunk(handle, memory, length, chunk.start, signal);
    const available = Math.min(wanted.end, chunk.start + bytes);
    if (available > wanted.start) {
      target.set(memory.subarray(wanted.start - chunk.start, available - chunk.start), at);
    }
    if (available < wanted.end) end = Math.min(end, Math.max(available, wanted.start));
    pool.give(memory);
  });
  return Math.max(0, end - position);
}

/**
 * Writes all of `data` at a place in the file. Sectors that it covers in part keep their other
 * bytes; past the end of the file they are padded, and the file is cut to its true size and synced.
 */
export async function writeUnaligned(
  handle: FileHandle,
  data: Uint8Array,
  position: number,
  signal?: AbortSignal,
): Promise<void> {
  if (data.byteLength === 0) return;
  const alignment = handle.alignment as Alignment;
  const block = blockSizeOf(handle);
  const pool = new ChunkPool(alignment.memory);
  const range = { start: position, end: position + data.byteLength };
  const { size } = await handle.stat();
  await runWindow(chunkCount(range, block), depthMax, async (index) => {
    checkNotAborted(signal);
    const { chunk, wanted } = chunkAt(index, range, block);
    const length = chunk.end - chunk.start;
    const at = wanted.start - position;
    const whole = wanted.start === chunk.start && wanted.end === chunk.end;
    if (whole && isAligned(addressAt(data, at), alignment.memory)) {
      return writeChunk(handle, data.subarray(at, at + length), length, chunk.start, signal);
    }
    const memory = pool.take();
    if (!whole) {
      const kept = chunk.start < size ? await readChunk(handle, memory, length, chunk.start) : 0;
      memory.fill(0, kept, length);
    }
    const source = data.subarray(at, at + wanted.end - wanted.start);
    memory.set(source, wanted.start - chunk.start);
    await writeChunk(handle, memory, length, chunk.start, signal);
    pool.give(memory);
  });
  const trueSize = Math.max(size, range.end);
  if (alignUp(range.end, block) > trueSize) {
    await handle.truncate(trueSize);
    await handle.sync();
  }
}

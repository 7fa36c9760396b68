import { memoryAlignmentOf } from './chunk-io.js';
import { MemoryWithin } from './chunk-memory.js';
import { ReadAhead } from './read-ahead.js';
import type { ReadableFile, SectorFile } from './transfer-file.js';
import { WriteBehind } from './write-behind.js';

/**
 * Reads and writes of any position and length on unbuffered files. Aligned parts go directly to and
 * from the caller's memory, the rest through aligned chunks.
 */

/**
 * Fills `target` from a position in the file. Bytes outside of the requested range are never
 * exposed.
 * @returns bytes, fewer than the target has only at the end of the file
 */
export async function readUnaligned(
  file: ReadableFile,
  target: Uint8Array,
  position: number,
  signal?: AbortSignal,
): Promise<number> {
  const expected = target.byteLength;
  const memory = new MemoryWithin(target, position, memoryAlignmentOf(file));
  const end = position + expected;
  const ahead = new ReadAhead(file, { start: position, end, expected, memory, signal });
  let filled = 0;
  try {
    for (let chunk = await ahead.next(); chunk !== null; chunk = await ahead.next()) {
      if (chunk.buffer !== target.buffer) target.set(chunk, filled);
      filled += chunk.byteLength;
      ahead.release(chunk);
    }
  } finally {
    await ahead.cancel();
  }
  return filled;
}

/**
 * Writes all of `data` at a position in the file. Partly covered sectors keep their other bytes;
 * past the end of the file they are padded, and the file is cut to its true size and synced.
 */
export async function writeUnaligned(
  file: SectorFile,
  data: Uint8Array,
  position: number,
  signal?: AbortSignal,
): Promise<void> {
  const expected = data.byteLength;
  const behind = new WriteBehind(file, { start: position, expected, signal });
  try {
    behind.write(data);
    await behind.finish();
  } finally {
    await behind.cancel();
  }
}

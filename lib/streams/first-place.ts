import type { FileHandle } from '../file-handle/file-handle.js';
import { endOf } from '../transfer/file-size.js';

/** Whether a file has places at all; a pipe or a terminal has none. */
export function hasPlaces({ deviceType }: FileHandle): boolean {
  return deviceType === 'disk' || deviceType === 'block';
}

/**
 * Where a stream begins that was given no place; null is at the cursor, or where there are no
 * places.
 * @param isOwn whether the stream itself has opened the file
 * @param autoClose whether it closes the file, so that nobody uses the cursor after it
 */
export function placeWithoutStart(
  handle: FileHandle,
  isOwn: boolean,
  autoClose: boolean,
): number | null {
  if (!hasPlaces(handle)) return null;
  if (isOwn) return 0;
  if (handle.alignment !== null) return handle.cursor;
  // Where others may see the cursor, or have moved it, it is used, and as far as Node would.
  return autoClose && handle.isAtStart ? 0 : null;
}

/** Where a stream writes in append mode; undefined in any other. */
export function placeToAppend(handle: FileHandle): null | Promise<number> | undefined {
  if (!handle.access.append || !hasPlaces(handle)) return undefined;
  // The system itself appends, but not through an unbuffered handle.
  return handle.alignment === null ? null : endOf(handle);
}

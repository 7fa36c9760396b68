import type { CoreHandle } from '../handle/core-handle.js';

/** Whether a file has places at all; a pipe or a terminal has none. */
export function hasPlaces({ file }: CoreHandle): boolean {
  return file.isSeekable;
}

/**
 * Where a stream begins that was given no place; null is at the cursor, or where there are no
 * places.
 * @param isOwn whether the stream itself has opened the file
 * @param autoClose whether it closes the file, so that nobody uses the cursor after it
 */
export function placeWithoutStart(
  handle: CoreHandle,
  isOwn: boolean,
  autoClose: boolean,
): number | null {
  if (!hasPlaces(handle)) return null;
  if (isOwn) return 0;
  if (handle.alignment !== null) return handle.cursor.position;
  // Where others may see the cursor, or have moved it, it is used, and as far as Node would.
  return autoClose && handle.cursor.isAtStart ? 0 : null;
}

/** Where a stream writes in append mode; undefined in any other. */
export function placeToAppend(handle: CoreHandle): null | Promise<number> | undefined {
  if (!handle.access.append || !hasPlaces(handle)) return undefined;
  // The system itself appends, but not through an unbuffered handle.
  return handle.alignment === null ? null : handle.size();
}

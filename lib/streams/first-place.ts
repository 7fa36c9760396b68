import type { CoreHandle } from '../handle/core-handle.js';
import type { HeldFile } from './held-file.js';

/** Whether a file has places at all; a pipe or a terminal has none. */
export function hasPlaces({ file }: CoreHandle): boolean {
  return file.isSeekable;
}

/**
 * Where a stream begins that was given no place; null is at the cursor, or where there are no
 * places. On a buffered file the stream chooses its places itself only as long as nobody can see
 * the difference; watchCursor() says when that ends.
 * @param autoClose whether the stream closes the file, so that nobody uses the cursor after it
 */
export function placeWithoutStart(
  handle: CoreHandle,
  { isOwn }: HeldFile,
  autoClose: boolean,
): number | null {
  if (!hasPlaces(handle)) return null;
  const { cursor } = handle;
  if (handle.alignment !== null) return isOwn ? 0 : cursor.position;
  // Two streams of one handle share its cursor.
  if (cursor.isWatched) cursor.share();
  return cursor.isAtStart && (isOwn || autoClose) ? 0 : null;
}

/** Where a stream writes in append mode; undefined in any other. */
export function placeToAppend(handle: CoreHandle): null | Promise<number> | undefined {
  if (!handle.access.append || !hasPlaces(handle)) return undefined;
  // The system itself appends, but not through an unbuffered handle.
  return handle.alignment === null ? null : handle.size();
}

/**
 * Calls back when somebody else can see or use the file's cursor, and puts it to the place that the
 * stream has come to. From then on the stream works at the cursor, as node:fs does.
 * @param onShared returns the place, in bytes
 */
export function watchCursor(handle: CoreHandle, onShared: () => number): void {
  handle.cursor.watch(() => {
    // A closed file has no cursor.
    if (handle.file.state === 'closed') return;
    const place = onShared();
    try {
      handle.file.moveCursor(place);
    } catch (error) {
      // A file without places has no cursor to move, and is used in order anyway.
      if ((error as NodeJS.ErrnoException).code !== 'ESPIPE') throw error;
    }
  });
}

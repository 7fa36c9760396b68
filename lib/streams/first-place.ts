import type { CoreHandle } from '../handle/core-handle.js';
import type { HeldFile } from './held-file.js';

/** Whether a file has positions at all; a pipe or a terminal has none. */
export function hasPlaces({ file }: CoreHandle): boolean {
  return file.isSeekable;
}

/**
 * Returns where a stream without a given start begins; null means at the cursor, or that the file
 * has no positions. On a buffered file the stream chooses its own positions only as long as nobody
 * can see the difference; watchCursor() reports when that ends.
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

/** Returns where a stream writes in append mode; undefined in other modes. */
export function placeToAppend(handle: CoreHandle): null | Promise<number> | undefined {
  if (!handle.access.append || !hasPlaces(handle)) return undefined;
  // The system itself appends, but not through an unbuffered handle.
  return handle.alignment === null ? null : handle.size();
}

/**
 * Calls back when other code can see or use the file's cursor, and moves it to the stream's
 * position. From then on the stream works at the cursor, as node:fs does.
 * @param onShared returns the position in bytes
 * @returns the watcher, for Cursor.unwatch()
 */
export function watchCursor(handle: CoreHandle, onShared: () => number): () => void {
  const watcher = (): void => {
    // A closed file has no cursor.
    if (handle.file.state !== 'closed') moveCursor(handle, onShared());
  };
  handle.cursor.watch(watcher);
  return watcher;
}

function moveCursor({ file }: CoreHandle, place: number): void {
  try {
    file.moveCursor(place);
  } catch (error) {
    // A file without positions has no cursor to move, and is used in order anyway.
    if ((error as NodeJS.ErrnoException).code !== 'ESPIPE') throw error;
  }
}

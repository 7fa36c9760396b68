import type { TreeEntry } from './tree-entry.js';
import { folderOf, type Place } from './tree-place.js';
import type { Task } from './tree-plan.js';

const nsPerMicrosecond = 1_000n;

/** Returns a key of size and time that is the same for a file and its copy. */
function contentKey({ kind, size, mtimeNs }: TreeEntry): string {
  return `${kind}:${size}:${mtimeNs / nsPerMicrosecond}`;
}

/**
 * Returns entries that may be an older name of a file that could not be copied, since they have its
 * size and time, along with the folders that contain them.
 */
export function olderNames(extra: readonly TreeEntry[], failedTasks: Iterable<Task>): Set<Place> {
  const failed = new Set([...failedTasks].map(({ entry }) => contentKey(entry)));
  const kept = new Set<Place>();
  if (failed.size === 0) return kept;
  for (const entry of extra) {
    if (entry.kind !== 'file' || !failed.has(contentKey(entry))) continue;
    for (let place = entry.place; place !== ''; place = folderOf(place)) kept.add(place);
  }
  return kept;
}

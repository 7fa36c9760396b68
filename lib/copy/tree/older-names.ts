import { differenceOf } from './time-window.js';
import type { TreeEntry } from './tree-entry.js';
import { folderOf, type Place } from './tree-place.js';
import type { Task } from './tree-plan.js';

// FAT keeps times in steps of two seconds, exFAT of 10 ms. The steps of a destination are not known
// if it has no file under its present name.
const coarsestNs = 2_000_000_000n;
const finestNs = 10_000_000n;

/** Returns how far the nearest of some times is from a time. @param times in order, not empty */
function distanceToNearest(times: readonly bigint[], time: bigint): bigint {
  let [from, to] = [0, times.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((times[middle] as bigint) < time) from = middle + 1;
    else to = middle;
  }
  const after = differenceOf(times[from] as bigint, time);
  if (from === 0) return after;
  const before = differenceOf(times[from - 1] as bigint, time);
  if (before < after) return before;
  return after;
}

/** Whether a time may be that of the copy of a file with one of these times. */
function mayBeCopyOf(times: readonly bigint[], copied: bigint, timeWindowNs: bigint): boolean {
  const difference = distanceToNearest(times, copied);
  return difference < timeWindowNs || (difference < coarsestNs && copied % finestNs === 0n);
}

function sort(times: bigint[]): void {
  times.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/**
 * Returns entries that may be an older name of a file that could not be copied, since they have its
 * size and time, along with the folders that contain them.
 * @param timeWindowNs times that differ by less than this are the same
 */
export function olderNames(
  extra: readonly TreeEntry[],
  failedTasks: Iterable<Task>,
  timeWindowNs: bigint,
): Set<Place> {
  const timesBySize = new Map<number, bigint[]>();
  for (const { entry } of failedTasks) {
    if (entry.kind !== 'file') continue;
    const times = timesBySize.get(entry.size);
    if (times === undefined) timesBySize.set(entry.size, [entry.mtimeNs]);
    else times.push(entry.mtimeNs);
  }
  const kept = new Set<Place>();
  if (timesBySize.size === 0) return kept;
  for (const times of timesBySize.values()) sort(times);
  for (const { kind, size, mtimeNs, place } of extra) {
    const times = kind === 'file' ? timesBySize.get(size) : undefined;
    if (times === undefined || !mayBeCopyOf(times, mtimeNs, timeWindowNs)) continue;
    for (let at = place; at !== ''; at = folderOf(at)) kept.add(at);
  }
  return kept;
}

import type { Tree } from './tree-collector.js';
import type { Place } from './tree-place.js';
import type { TreeRoot } from './tree-root.js';

// Node sets times in floating-point seconds, and older versions did so in whole microseconds.
const exactNs = 2_000n;
const tenMsNs = 10_000_000n;
const nsPerSecond = 1_000_000_000n;
/** Time resolutions of file systems: exFAT, then HFS+, sshfs and old ext4, then FAT. */
const stepsNs = [tenMsNs, nsPerSecond, 2n * nsPerSecond] as const;
const looksMax = 8;

export function differenceOf(a: bigint, b: bigint): bigint {
  return a < b ? b - a : a - b;
}

/**
 * Returns files whose copies have the same size, and the time of the source in whole steps. There
 * are many on a file system with coarse times, and hardly any on others.
 */
function candidatesFor(stepNs: bigint, source: Tree, destination: Tree): Place[] {
  const found: Place[] = [];
  for (const [place, entry] of source.entries) {
    const there = destination.entries.get(place);
    if (entry.kind !== 'file' || there?.kind !== 'file' || there.size !== entry.size) continue;
    const difference = differenceOf(entry.mtimeNs, there.mtimeNs);
    const isClose = difference >= exactNs && difference < stepNs;
    if (isClose && there.mtimeNs % stepNs === 0n) found.push(place);
    if (found.length === looksMax) break;
  }
  return found;
}

/** Whether times that the system itself sets have no small fractions either. */
async function isCoarse(root: TreeRoot, places: readonly Place[]): Promise<boolean> {
  const statuses = await Promise.all(
    places.map((place) => root.status(place).catch(() => undefined)),
  );
  return statuses.every((status) => status !== undefined && status.ctimeNs % tenMsNs === 0n);
}

/**
 * Returns by how much the times of a file and its copy may differ, in nanoseconds: the time
 * resolution of the destination. It shows in the change times of its files, which no program sets.
 * @param given the window requested by the caller, in seconds
 */
export async function timeWindowOf(
  source: Tree,
  destination: Tree,
  root: TreeRoot,
  given: number | undefined,
): Promise<bigint> {
  if (given !== undefined) {
    // Times that differ by exactly the window count as equal.
    const asked = BigInt(Math.round(given * Number(nsPerSecond))) + 1n;
    return asked > exactNs ? asked : exactNs;
  }
  let window = exactNs;
  for (const stepNs of stepsNs) {
    const places = candidatesFor(stepNs, source, destination);
    if (places.length === 0) continue;
    if (await isCoarse(root, ['', ...places])) window = stepNs;
  }
  return window;
}

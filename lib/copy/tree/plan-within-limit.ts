import type { TreeSettings } from './copy-tree-options.js';
import { DeleteRefusedError } from './delete-refused-error.js';
import type { Tree } from './tree-collector.js';
import type { Place } from './tree-place.js';
import { type Plan, planCopy } from './tree-plan.js';
import type { TreeReporter } from './tree-reporter.js';
import type { Trees } from './tree-walk.js';

/** The results of walking both trees. */
export interface ComparedTrees extends Trees {
  /** Times that differ by less than this are the same, in nanoseconds. */
  timeWindowNs: bigint;
}

// A new ext4 file system has this folder.
const ofFileSystem: readonly Place[] = ['', 'lost+found'];

/** Whether a tree has nothing but its top, as where nothing is mounted, or an empty disk. */
function isWithoutContent({ entries }: Tree): boolean {
  return entries.size <= 2 && [...entries.keys()].every((place) => ofFileSystem.includes(place));
}

/**
 * Plans the copy; without deletions if they exceed the limit.
 * @param path the destination, for errors
 * @throws DeleteRefusedError if an empty source would delete everything
 */
export function planWithinLimit(
  { source, destination, same, fresh, timeWindowNs }: ComparedTrees,
  { hardLinks, devices, delete: deletes, maxDelete }: TreeSettings,
  path: string,
  reporter: TreeReporter,
): Plan {
  const rules = { hardLinks, devices, timeWindowNs };
  const plan = planCopy(source, destination, { ...rules, delete: deletes });
  let count = plan.extra.length;
  for (const content of plan.obstacles.values()) count += content.length;
  const isEmpty = isWithoutContent(source) && same + fresh.length === 0;
  if (count > 0 && isEmpty && maxDelete === undefined) {
    throw new DeleteRefusedError(
      path,
      count,
      'the source is empty, and options.maxDelete is not given',
    );
  }
  if (count <= (maxDelete ?? Number.POSITIVE_INFINITY)) return plan;
  reporter.error('', new DeleteRefusedError(path, count, `options.maxDelete is ${maxDelete}`));
  reporter.report.deleteSkipped = true;
  return planCopy(source, destination, { ...rules, delete: false });
}

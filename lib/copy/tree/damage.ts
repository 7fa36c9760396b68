import { compareContent } from './compare-content.js';
import type { TreeSettings } from './copy-tree-options.js';
import type { TreeActions } from './tree-actions.js';
import { mayBeForged } from './tree-metadata.js';
import type { Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';

/** Whether the content of a file differs, as far as it is compared, though its time does not. */
async function isDamaged(
  { entry, there }: Task,
  roots: readonly [TreeRoot, TreeRoot],
  { checksum, fileOptions, signal }: TreeSettings,
): Promise<boolean> {
  if (checksum === undefined || entry.kind !== 'file' || there === undefined) return false;
  const { queueDepth, depth, chunkSize, dontCache, ioPriority } = fileOptions;
  const unbuffered = checksum === 'disk' ? 'prefer' : false;
  const disk = { unbuffered, dontCache, ioPriority } as const;
  const options = { ...disk, queueDepth, depth, chunkSize, signal };
  return !(await compareContent(entry, roots, options)).equal;
}

/** Whether an unchanged file has wrong content, or may have content that others have put there. */
export async function isDoubtful(
  task: Task,
  roots: readonly [TreeRoot, TreeRoot],
  settings: TreeSettings,
  actions: TreeActions,
): Promise<boolean> {
  if (await isDamaged(task, roots, settings)) return true;
  const { force, fileOptions } = settings;
  if (!force || fileOptions.keepAccess) return false;
  return mayBeForged(task, settings.metadata) && actions.takeOver(task);
}

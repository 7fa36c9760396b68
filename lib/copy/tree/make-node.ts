import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import type { EntryName } from '../../handle/entry-name.js';
import { systemErrorOf } from '../../node/errors.js';
import type { Spot } from '../spot.js';
import { isNode, type TreeEntry } from './tree-entry.js';
import type { Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';

const typeMask = 0o170000;

/** Whether an entry is a FIFO or device, and the existing entry is the same one. */
export async function isSameNode(
  { entry, there }: Task,
  source: TreeRoot,
  destination: TreeRoot,
): Promise<boolean> {
  if (there?.kind !== entry.kind || !isNode(entry.kind)) return false;
  if (entry.kind === 'fifo') return true;
  const { place } = entry;
  const [one, other] = await Promise.all([source.status(place), destination.status(place)]);
  return one.rdev === other.rdev;
}

/**
 * Makes a FIFO or a device like an existing one, without any permission.
 * @throws EPERM: only root may make devices; EINVAL if the existing entry has been replaced
 */
export async function makeNode(
  from: Spot,
  { kind }: TreeEntry,
  directory: DirectoryHandle,
  name: EntryName,
): Promise<void> {
  const status = await from.directory.lstat(from.name, { bigint: true });
  if (!status.isFIFO() && !status.isCharacterDevice() && !status.isBlockDevice()) {
    throw systemErrorOf('EINVAL', { syscall: 'mknodat' }, `the file is no longer a ${kind}`);
  }
  const device = status.isFIFO() ? 0n : status.rdev;
  await directory.makeNode(name, Number(status.mode) & typeMask, device);
}

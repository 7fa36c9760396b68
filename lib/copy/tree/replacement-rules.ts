import { systemErrorOf } from '../../node/errors.js';
import type { Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';

export interface ReplacementSettings {
  /** Whether a folder may be deleted to make room for another kind of entry. */
  mayDelete: boolean;
  /** Whether entries that differ may be replaced. */
  force: boolean;
  /** Without `force`: whether entries that differ are an error. */
  errorOnExist: boolean;
}

/**
 * Whether a task may replace the existing entry.
 * @returns false if `force: false` protects the entry
 * @throws EISDIR for a folder that may not be deleted; EEXIST with `errorOnExist`
 */
export function mayReplace(
  { entry: { place, kind }, there }: Task,
  destination: TreeRoot,
  { mayDelete, force, errorOnExist }: ReplacementSettings,
): boolean {
  if (there === undefined) return true;
  const subject = { syscall: 'copyTree', path: destination.show(place) };
  if (there.kind === 'folder' && !mayDelete) {
    throw systemErrorOf('EISDIR', subject, 'a folder is where something else is to be');
  }
  if (force) return true;
  // Without the folder nothing below it could be copied.
  if (errorOnExist || kind === 'folder') throw systemErrorOf('EEXIST', subject);
  return false;
}

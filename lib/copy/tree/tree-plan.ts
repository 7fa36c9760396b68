import { isTemporaryName, isUnfinishedName } from '../temporary-name.js';
import type { TreeChange } from './copy-tree-report.js';
import { differenceOf } from './time-window.js';
import { depthOf, folderOf, type Place } from './tree-place.js';
import type { Tree, TreeEntry } from './tree-walk.js';

/** What a copy of a tree may do with what it finds. */
export interface PlanRules {
  hardLinks: boolean;
  delete: boolean;
  /** Times that differ by less than this are the same, in nanoseconds. */
  timeWindowNs: bigint;
}

/** Something to be made, and what is in its place. */
export interface Task {
  readonly entry: TreeEntry;
  readonly there: TreeEntry | undefined;
  /** Whether size and time agree, and the bytes do not. */
  readonly isDamaged?: boolean;
  /** Where it is made first, if not in its place. */
  readonly as?: Place;
}

/** Where something is made. */
export function madeAt({ entry, as }: Task): Place {
  return as ?? entry.place;
}

/** Another name of a file that has its content under a first one. */
export interface NameTask extends Task {
  readonly first: Task;
}

/** All that a copy of a tree has to do. */
export interface Plan {
  /** Each before what is in it; also those that are there, for their modes and times. */
  folders: Task[];
  files: Task[];
  links: Task[];
  names: NameTask[];
  /** The content is there; its mode or owner may differ. */
  unchanged: Task[];
  /** What cannot be copied. */
  special: TreeEntry[];
  /** Folders in the place of something else, with what is in them, deepest first. */
  obstacles: TreeEntry[];
  /** What else the source lacks, deepest first. */
  extra: TreeEntry[];
  /** What copies that were killed have left under temporary names. */
  leftOvers: TreeEntry[];
}

function isUnchanged({ entry, there }: Task, { timeWindowNs }: PlanRules): boolean {
  if (there === undefined || there.kind !== entry.kind) return false;
  if (entry.kind === 'link') return (entry.target as Buffer).equals(there.target as Buffer);
  return there.size === entry.size && differenceOf(there.mtimeNs, entry.mtimeNs) < timeWindowNs;
}

/** How the destination differs where a task has something to do. */
export function reasonOf(action: TreeChange['action'], task: Task): TreeChange['reason'] {
  const { entry, there } = task;
  if (action === 'metadata') return 'metadata';
  if (there === undefined) return 'new';
  if (there.kind !== entry.kind) return 'type';
  if (entry.kind === 'link') return 'target';
  if (task.isDamaged) return 'content';
  return there.size === entry.size ? 'time' : 'size';
}

/** What to do so that the destination has all that the source has. */
export function planCopy(source: Tree, destination: Tree, rules: PlanRules): Plan {
  const plan: Plan = {
    folders: [],
    files: [],
    links: [],
    names: [],
    unchanged: [],
    special: [],
    ...removalsOf(source, destination, rules),
  };
  const firsts = rules.hardLinks ? new Map<string, Task>() : undefined;
  for (const entry of source.entries.values()) {
    const task = { entry, there: destination.entries.get(entry.place) };
    if (entry.kind === 'folder') plan.folders.push(task);
    else if (entry.kind === 'link') {
      (isUnchanged(task, rules) ? plan.unchanged : plan.links).push(task);
    } else if (entry.kind === 'file') planFile(plan, task, rules, firsts);
    else plan.special.push(entry);
  }
  return plan;
}

function planFile(
  plan: Plan,
  task: Task,
  rules: PlanRules,
  firsts: Map<string, Task> | undefined,
): void {
  const { entry, there } = task;
  const isNamedAgain = firsts !== undefined && entry.names > 1;
  const first = isNamedAgain ? firsts.get(entry.identity) : undefined;
  if (first !== undefined) {
    const isLinked = there !== undefined && there.identity === first.there?.identity;
    if (isLinked && isUnchanged(first, rules)) plan.unchanged.push(task);
    else plan.names.push({ ...task, first });
    return;
  }
  if (isNamedAgain) firsts.set(entry.identity, task);
  (isUnchanged(task, rules) ? plan.unchanged : plan.files).push(task);
}

type Removals = Pick<Plan, 'obstacles' | 'extra' | 'leftOvers'>;

function removalsOf(source: Tree, destination: Tree, rules: PlanRules): Removals {
  const replaced = new Set<Place>();
  // In the place of what cannot be copied stays what is there.
  const untouched = new Set<Place>();
  const isKept = (place: Place): boolean =>
    destination.withheld.has(place) || isWithin(place, source.unread);
  const removals: Removals = { obstacles: [], extra: [], leftOvers: [] };
  // Here a folder stands before what is in it.
  for (const entry of destination.entries.values()) {
    const { place, kind } = entry;
    const wanted = source.entries.get(place);
    if (kind === 'folder' && wanted !== undefined && wanted.kind !== 'folder') {
      (wanted.kind === 'file' || wanted.kind === 'link' ? replaced : untouched).add(place);
    }
    if (isWithin(place, untouched)) continue;
    const isObstacle = isWithin(place, replaced);
    if (wanted === undefined && isTemporaryName(place)) {
      if (isUnfinishedName(place)) removals.leftOvers.push(entry);
      else if (!isObstacle) continue;
    } else if (rules.delete && isObstacle) removals.obstacles.push(entry);
    // The filter leaves out something in a withheld folder, which keeps it. The source may have
    // entries in a folder that could not be read.
    else if (rules.delete && wanted === undefined && !isKept(place)) {
      removals.extra.push(entry);
    }
  }
  const deepestFirst = (a: TreeEntry, b: TreeEntry): number => depthOf(b.place) - depthOf(a.place);
  removals.obstacles.sort(deepestFirst);
  removals.extra.sort(deepestFirst);
  return removals;
}

/** Whether a place is one of some folders, or below one. */
export function isWithin(place: Place, folders: ReadonlySet<Place>): boolean {
  if (folders.size === 0) return false;
  for (let at = place; at !== ''; at = folderOf(at)) if (folders.has(at)) return true;
  return folders.has('');
}

import { isTemporaryName, isUnfinishedName } from '../temporary-name.js';
import type { TreeChange } from './copy-tree-report.js';
import { differenceOf } from './time-window.js';
import type { Tree } from './tree-collector.js';
import { isNode, type TreeEntry } from './tree-entry.js';
import { depthOf, folderOf, type Place } from './tree-place.js';

/** Rules for planning a tree copy. */
export interface PlanRules {
  hardLinks: boolean;
  delete: boolean;
  /** Whether FIFOs and devices are copied. */
  devices: boolean;
  /** Times that differ by less than this are the same, in nanoseconds. */
  timeWindowNs: bigint;
}

/** An entry to be made, and the existing entry at its place. */
export interface Task {
  readonly entry: TreeEntry;
  readonly there: TreeEntry | undefined;
  /** Whether the bytes differ, or may do so, although size and time agree. */
  isDamaged?: boolean;
  /** The task of the first name, if this is another name of the same file. */
  readonly first?: Task;
  /** The temporary place, if the entry is not made at its own place first. */
  readonly as?: Place;
}

/** Returns the place where an entry is made. */
export function madeAt({ entry, as }: Task): Place {
  return as ?? entry.place;
}

/** Another name of a file whose content is copied under a first name. */
export interface NameTask extends Task {
  readonly first: Task;
}

/** All tasks of a tree copy. */
export interface Plan {
  /** Each before its entries; includes existing folders, for their modes and times. */
  folders: Task[];
  files: Task[];
  /** Links, and FIFOs and devices that are copied. */
  links: Task[];
  names: NameTask[];
  /** Tasks whose content is up to date; mode or owner may differ. */
  unchanged: Task[];
  /** Entries that cannot be copied. */
  special: TreeEntry[];
  /** Folders to be replaced by other kinds of entries, each with its content, deepest first. */
  obstacles: Map<Place, TreeEntry[]>;
  /** Other entries that the source lacks, deepest first. */
  extra: TreeEntry[];
  /** Leftovers of killed copies under temporary names. */
  leftOvers: TreeEntry[];
}

/** Whether an entry has a copy with its size and time, or its target. */
export function isUnchanged(
  { entry, there }: Task,
  { timeWindowNs }: Pick<PlanRules, 'timeWindowNs'>,
): boolean {
  if (there === undefined || there.kind !== entry.kind) return false;
  if (entry.kind === 'link') return (entry.target as Buffer).equals(there.target as Buffer);
  return there.size === entry.size && differenceOf(there.mtimeNs, entry.mtimeNs) < timeWindowNs;
}

/** Returns how the destination differs when a task has work to do. */
export function reasonOf(action: TreeChange['action'], task: Task): TreeChange['reason'] {
  const { entry, there } = task;
  if (action === 'metadata') return 'metadata';
  if (there === undefined) return 'new';
  if (there.kind !== entry.kind) return 'type';
  if (entry.kind === 'link' || isNode(entry.kind)) return 'target';
  if (task.isDamaged) return 'content';
  return there.size === entry.size ? 'time' : 'size';
}

/** Plans the steps that give the destination everything the source has. */
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
    else if (rules.devices && isNode(entry.kind)) plan.links.push(task);
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
    if (isLinked && isUnchanged(first, rules)) plan.unchanged.push({ ...task, first });
    else plan.names.push({ ...task, first });
    return;
  }
  if (isNamedAgain) firsts.set(entry.identity, task);
  (isUnchanged(task, rules) ? plan.unchanged : plan.files).push(task);
}

type Removals = Pick<Plan, 'obstacles' | 'extra' | 'leftOvers'>;

function removalsOf(source: Tree, destination: Tree, rules: PlanRules): Removals {
  const replaced = new Set<Place>();
  const removed = new Set<Place>();
  // A destination entry stays if the source entry at its place cannot be copied.
  const untouched = new Set<Place>();
  const isKept = (place: Place): boolean =>
    destination.withheld.has(place) || isWithin(place, source.unread);
  const removals: Removals = { obstacles: new Map(), extra: [], leftOvers: [] };
  // A folder precedes its entries here.
  for (const entry of destination.entries.values()) {
    const { place, kind } = entry;
    const wanted = source.entries.get(place);
    if (kind === 'folder' && wanted !== undefined && wanted.kind !== 'folder') {
      const isMade =
        ['file', 'link'].includes(wanted.kind) || (rules.devices && isNode(wanted.kind));
      (isMade ? replaced : untouched).add(place);
    }
    if (isWithin(place, untouched)) continue;
    const obstacle = enclosing(place, replaced);
    if (wanted === undefined && isTemporaryName(place)) {
      if (isUnfinishedName(place)) {
        removals.leftOvers.push(entry);
        continue;
      }
      // A file for resuming goes only with its folder, which could not be removed otherwise.
      if (obstacle === undefined && !removed.has(folderOf(place))) continue;
    }
    if (rules.delete && obstacle !== undefined) {
      const content = removals.obstacles.get(obstacle);
      if (content === undefined) removals.obstacles.set(obstacle, [entry]);
      else content.push(entry);
    }
    // A withheld folder contains entries that the filter excludes, so it stays. The source may have
    // entries in a folder that could not be read.
    else if (rules.delete && wanted === undefined && !isKept(place)) {
      removals.extra.push(entry);
      if (kind === 'folder') removed.add(place);
    }
  }
  const deepestFirst = (a: TreeEntry, b: TreeEntry): number => depthOf(b.place) - depthOf(a.place);
  for (const content of removals.obstacles.values()) content.sort(deepestFirst);
  removals.extra.sort(deepestFirst);
  return removals;
}

/** Returns the folder among these that a place is, or is below. */
function enclosing(place: Place, folders: ReadonlySet<Place>): Place | undefined {
  if (folders.size === 0) return undefined;
  for (let at = place; at !== ''; at = folderOf(at)) if (folders.has(at)) return at;
  return folders.has('') ? '' : undefined;
}

/** Whether a place is one of these folders, or below one. */
export function isWithin(place: Place, folders: ReadonlySet<Place>): boolean {
  return enclosing(place, folders) !== undefined;
}

import type { EntryStatuses } from '../../handle/name-statuses.js';
import { ListedEntry } from './tree-entry.js';
import { type Place, placeOf } from './tree-place.js';
import type { Task } from './tree-plan.js';

/**
 * The regular files of a folder that the destination lacks. A first copy may have a million of
 * them, so their tasks are made only when they are due.
 */
export class FreshFiles {
  readonly count: number;
  /** Bytes of their content. */
  readonly bytes: number;
  readonly #folder: Place;
  #list: EntryStatuses | undefined;

  constructor(folder: Place, list: EntryStatuses) {
    this.#folder = folder;
    this.#list = list;
    let [count, bytes] = [0, 0];
    for (let index = 0; index < list.count; index++) {
      if (!list.isPlainFile(index)) continue;
      count++;
      bytes += list.size(index);
    }
    this.count = count;
    this.bytes = bytes;
  }

  /** Returns the tasks of copying these files, and lets go of the list. */
  take(): Task[] {
    const list = this.#list as EntryStatuses;
    this.#list = undefined;
    const tasks: Task[] = [];
    for (let index = 0; index < list.count; index++) {
      if (!list.isPlainFile(index)) continue;
      const place = placeOf(this.#folder, list.name(index));
      tasks.push({ entry: new ListedEntry(place, list, index), there: undefined });
    }
    return tasks;
  }
}

const tasksMin = 4096;

/** Yields the tasks of many folders, several thousand at a time. */
export function* tasksOf(folders: readonly FreshFiles[]): Generator<Task[]> {
  let tasks: Task[] = [];
  for (const folder of folders) {
    tasks = tasks.concat(folder.take());
    if (tasks.length < tasksMin) continue;
    yield tasks;
    tasks = [];
  }
  if (tasks.length > 0) yield tasks;
}

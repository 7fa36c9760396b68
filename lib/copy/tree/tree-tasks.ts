import { depthOf, type Place } from './tree-place.js';
import type { NameTask, Plan, Task } from './tree-plan.js';
import type { Trees } from './tree-walk.js';

/** Groups items by depth, in the order in which the depths appear. */
export function byDepth<T>(items: readonly T[], placeOf: (item: T) => Place): T[][] {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const depth = depthOf(placeOf(item));
    const group = groups.get(depth);
    if (group === undefined) groups.set(depth, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** Whether a task is for another name of a file. */
export function isAnother(task: Task): task is NameTask {
  return task.first !== undefined;
}

/** Whether a task is for the first or only name of a file, or another entry. */
export function isFirst(task: Task): boolean {
  return task.first === undefined;
}

export const placeOfTask = ({ entry }: Task): Place => entry.place;

function bytesOf(tasks: readonly Task[]): number {
  return tasks.reduce((sum, { entry }) => sum + entry.size, 0);
}

/** Returns how many files a copy examines, and how many bytes it copies. */
export function totalsOf(plan: Plan, { same, fresh }: Trees): [files: number, bytes: number] {
  const { files, names, unchanged } = plan;
  const freshCount = fresh.reduce((sum, { count }) => sum + count, 0);
  const freshBytes = fresh.reduce((sum, { bytes }) => sum + bytes, 0);
  const count = files.length + names.length + unchanged.length + same + freshCount;
  return [count, bytesOf(files) + freshBytes];
}

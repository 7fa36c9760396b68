import type { GroupCommit } from './group-commit.js';
import { forEachGroup, groupsOf, type Unnamed } from './small-files.js';
import type { TaskRunner } from './task-runner.js';
import type { TreeActions } from './tree-actions.js';
import type { TreeObstacles } from './tree-obstacles.js';
import type { Place } from './tree-place.js';
import { isWithin, type Task } from './tree-plan.js';
import type { TreeMeter } from './tree-progress.js';
import type { TreeReporter } from './tree-reporter.js';

interface FileParts {
  actions: TreeActions;
  commit: GroupCommit;
  meter: TreeMeter;
  obstacles: TreeObstacles;
  reporter: TreeReporter;
  runner: TaskRunner;
  /** Whether a task may run. */
  mayMake: (task: Task) => boolean;
  /** Called before the folder of a place changes. */
  touch: (place: Place) => void;
}

/** Copies the files of a tree. */
export class TreeFiles {
  readonly #parts: FileParts;
  readonly #concurrency: number;

  constructor(parts: FileParts, concurrency: number) {
    this.#parts = parts;
    this.#concurrency = concurrency;
  }

  /** Copies files, many small ones by one operation. */
  async copyAll(tasks: readonly Task[]): Promise<void> {
    const { actions, runner } = this.#parts;
    const small: Task[] = [];
    const others: Task[] = [];
    for (const task of tasks) {
      (actions.isSmall(task) && !runner.mayClash(task) ? small : others).push(task);
    }
    const groups = groupsOf(small, (task) => task);
    await forEachGroup(groups, this.#concurrency, (group) => this.#copyTogether(group));
    await runner.eachFile(others, (task) => this.copy(task));
  }

  /** Copies one file. @throws its error */
  async copy(task: Task): Promise<void> {
    const { actions, commit, meter, obstacles, reporter, mayMake, touch } = this.#parts;
    if (!mayMake(task)) return;
    const { place } = task.entry;
    touch(place);
    let before = 0;
    const begun = commit.begin();
    const copied = await obstacles.replace(task, (made) =>
      actions.writeFile(made, (progress) => {
        if (progress.phase !== 'copy') return;
        meter.advance(place, 0, progress.bytes - before);
        before = progress.bytes;
      }),
    );
    try {
      meter.advance(place, 0, copied.bytes - before);
    } finally {
      const waits = copied.unnamed !== undefined || copied.isInPlace;
      if (waits) await commit.add(task, copied, begun);
      else reporter.copied(task, copied);
    }
  }

  /** Copies small files of one folder; those that one operation cannot copy, one by one. */
  async #copyTogether(tasks: readonly Task[]): Promise<void> {
    const { actions, commit, runner, touch } = this.#parts;
    const { place } = (tasks[0] as Task).entry;
    const isTried = runner.runsTasks() && !isWithin(place, runner.failedFolders);
    if (isTried) touch(place);
    const begun = commit.begin();
    const copies = isTried ? await actions.writeSmallFiles(tasks) : [];
    const done: Unnamed[] = [];
    const others: Task[] = [];
    for (const [index, task] of tasks.entries()) {
      const copied = copies[index];
      if (copied === undefined) others.push(task);
      else done.push({ task, copied });
    }
    const added = commit.addAll(done, begun);
    try {
      for (const { task, copied } of done) this.#advance(task, copied.bytes);
    } finally {
      await added;
    }
    for (const task of others) await runner.eachFile([task], (one) => this.copy(one));
  }

  #advance(task: Task, bytes: number): void {
    const { meter, runner } = this.#parts;
    try {
      meter.advance(task.entry.place, 1, bytes);
    } catch (error) {
      runner.fail(task, error);
    }
  }
}

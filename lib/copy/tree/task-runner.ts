import { abortError } from '../../node/errors.js';
import { forEach } from '../for-each.js';
import type { TreeSettings } from './copy-tree-options.js';
import type { GroupCommit } from './group-commit.js';
import type { TreeActions } from './tree-actions.js';
import type { TreeEntry } from './tree-entry.js';
import type { Place } from './tree-place.js';
import { isWithin, type Task } from './tree-plan.js';
import type { TreeMeter } from './tree-progress.js';
import type { TreeReporter } from './tree-reporter.js';

interface RunnerParts {
  actions: TreeActions;
  commit: GroupCommit;
  meter: TreeMeter;
  reporter: TreeReporter;
  /** New places whose names the destination may treat as that of another entry. */
  clashing: ReadonlySet<Place>;
  /** Tasks that have failed; the runner adds to them. */
  failed: Set<Task>;
}

/** Runs the tasks of a tree copy: after an error of one task the others go on. */
export class TaskRunner {
  /** Folders that could not be made: their entries are not tried. */
  readonly failedFolders = new Set<Place>();
  readonly #parts: RunnerParts;
  readonly #settings: TreeSettings;

  constructor(parts: RunnerParts, settings: TreeSettings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  /** Runs tasks; records an error of one task, and stops only for a fatal error or an abort. */
  async each<T extends Task>(tasks: readonly T[], work: (task: T) => Promise<void>): Promise<void> {
    const mayClash = (task: T): boolean => this.mayClash(task);
    const many = tasks.filter((task) => !mayClash(task));
    await forEach(many, this.#settings.concurrency, (task) => this.#run(task, work));
    // These run one after another, so that each sees the entries made before.
    await forEach(tasks.filter(mayClash), 1, (task) =>
      this.#run(task, async () => {
        await this.#checkName(task.entry);
        await work(task);
        await this.#parts.commit.flush();
      }),
    );
  }

  /** Runs tasks like each(), and counts each as a file that is done. */
  eachFile<T extends Task>(tasks: readonly T[], work: (task: T) => Promise<void>): Promise<void> {
    return this.each(tasks, async (task) => {
      try {
        await work(task);
      } finally {
        this.#parts.meter.advance(task.entry.place, 1, 0);
      }
    });
  }

  mayClash({ entry, there }: Task): boolean {
    return there === undefined && this.#parts.clashing.has(entry.place);
  }

  /** Whether tasks are run: nothing fatal has happened. @throws AbortError; errors of callbacks */
  runsTasks(): boolean {
    const { signal } = this.#settings;
    if (signal?.aborted) throw abortError(signal);
    const { commit, reporter } = this.#parts;
    commit.throwIfThrown();
    return !reporter.report.stopped;
  }

  /** Records the error of a task. @throws AbortError; errors of callbacks */
  fail(task: Task, error: unknown): void {
    const { signal } = this.#settings;
    const { failed, reporter } = this.#parts;
    if (signal?.aborted) throw abortError(signal);
    if (reporter.isOfCaller(error)) throw error;
    failed.add(task);
    reporter.error(task.entry.place, error);
  }

  async #run<T extends Task>(task: T, work: (task: T) => Promise<void>): Promise<void> {
    if (!this.runsTasks()) return;
    if (isWithin(task.entry.place, this.failedFolders)) return void this.#parts.failed.add(task);
    try {
      await work(task);
    } catch (error) {
      this.fail(task, error);
    }
  }

  async #checkName({ place, kind }: TreeEntry): Promise<void> {
    try {
      await this.#parts.actions.checkName(place);
    } catch (error) {
      if (kind === 'folder') this.failedFolders.add(place);
      throw error;
    }
  }
}

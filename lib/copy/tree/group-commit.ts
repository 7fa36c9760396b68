import { clearTimeout, setTimeout } from '../../node/globals.js';
import { forEach } from '../for-each.js';
import type { CopiedFile } from './copy-small-file.js';
import { forEachGroup, groupsOf, type Unnamed } from './small-files.js';
import type { TreeActions } from './tree-actions.js';
import type { Task } from './tree-plan.js';

const filesMax = 2_000;
const bytesMax = 128 * 1024 * 1024;
const ageMsMax = 3_000;

interface Waiting extends Unnamed {
  /** How many syncs had failed when the file was begun. */
  begun: number;
}

export interface CommitWatch {
  /** Called when the file is durable and has its name. */
  onNamed(task: Task, copied: CopiedFile): void;
  /** Called when the file has been removed. */
  onFailed(task: Task, error: unknown): void;
}

/**
 * Renames files in groups, each after one sync of the file system. A file with a name is durable,
 * and no file pays for a sync of its own. Files wait for 3 s at most until their sync begins, and
 * less if other files can wait only after them.
 */
export class GroupCommit {
  readonly #actions: TreeActions;
  readonly #watch: CommitWatch;
  readonly #concurrency: number;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOld = false;
  #isHurried = false;
  #committing: Promise<void> | undefined;
  #failedSyncs = 0;
  #lastFailure: unknown;
  /** The first error that a callback has thrown, until it is thrown again. */
  #thrown: { error: unknown } | undefined;

  constructor(actions: TreeActions, concurrency: number, watch: CommitWatch) {
    this.#actions = actions;
    this.#concurrency = concurrency;
    this.#watch = watch;
  }

  /** Returns a mark for add(); must be called before the first byte of a file is written. */
  begin(): number {
    return this.#failedSyncs;
  }

  /** Adds a complete file; waits while two groups are ready. @param begun from begin() */
  add(task: Task, copied: CopiedFile, begun: number): Promise<void> {
    return this.addAll([{ task, copied }], begun);
  }

  /** Adds complete files that were begun at the same time, like add(). */
  async addAll(files: readonly Unnamed[], begun: number): Promise<void> {
    if (files.length === 0) return;
    if (this.#waiting.length === 0) this.#startTimer();
    for (const { task, copied } of files) {
      this.#waiting.push({ task, copied, begun });
      this.#bytes += copied.bytes;
    }
    if (!this.#isDue()) return;
    await this.#committing;
    this.#commitIfDue();
  }

  /** Renames files as soon as possible: those that wait, or else the next ones. */
  hurry(): void {
    this.#isHurried = true;
    this.#commitIfDue();
  }

  /** Renames all waiting files. @throws the first error of a callback */
  async flush(): Promise<void> {
    while (this.#committing !== undefined || this.#waiting.length > 0) {
      if (this.#committing === undefined) this.#commit();
      await this.#committing;
    }
    this.throwIfThrown();
  }

  /** Throws the first error of a callback once. */
  throwIfThrown(): void {
    const thrown = this.#thrown;
    this.#thrown = undefined;
    if (thrown !== undefined) throw thrown.error;
  }

  // While a huge file is copied, no other file may be added for hours.
  #startTimer(): void {
    this.#isOld = false;
    this.#timer = setTimeout(() => {
      this.#isOld = true;
      this.#commitIfDue();
    }, ageMsMax);
  }

  #isDue(): boolean {
    const { length } = this.#waiting;
    if (length === 0) return false;
    return length >= filesMax || this.#bytes >= bytesMax || this.#isOld || this.#isHurried;
  }

  #commitIfDue(): void {
    if (this.#committing === undefined && this.#isDue()) this.#commit();
  }

  #commit(): void {
    clearTimeout(this.#timer);
    const group = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    this.#isHurried = false;
    this.#committing = this.#nameAll(group).finally(() => {
      this.#committing = undefined;
      this.#commitIfDue();
    });
  }

  // Never rejects: errors of files and callbacks are kept.
  async #nameAll(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#actions.sync();
    } catch (error) {
      // The sync does not tell whose bytes are lost, and the next one does not report them again.
      // So it fails every file that has been begun by now, also those that are still written.
      this.#failedSyncs++;
      this.#lastFailure = error;
    }
    const others = await this.#nameTogether(group);
    await forEach(others, this.#concurrency, async (waiting) => {
      this.#report(await this.#nameOne(waiting));
    });
  }

  /** Renames files many at a time. @returns those that are left */
  async #nameTogether(group: readonly Waiting[]): Promise<Waiting[]> {
    const isLost = ({ begun }: Waiting): boolean => begun < this.#failedSyncs;
    const mayJoin = ({ copied }: Unnamed): boolean => copied.unnamed !== undefined;
    const others = group.filter((waiting) => isLost(waiting) || !mayJoin(waiting));
    const many = group.filter((waiting) => !isLost(waiting) && mayJoin(waiting));
    const groups = groupsOf(many, ({ task }) => task);
    await forEachGroup(groups, this.#concurrency, async (files) => {
      const isNamed = await this.#actions.giveNames(files);
      for (const [index, waiting] of files.entries()) {
        if (!isNamed[index]) others.push(waiting);
        else this.#report(() => this.#watch.onNamed(waiting.task, waiting.copied));
      }
    });
    return others;
  }

  #report(report: () => void): void {
    try {
      report();
    } catch (error) {
      this.#thrown ??= { error };
    }
  }

  /** Renames or removes a file. @returns a function that tells the watch */
  async #nameOne({ task, copied, begun }: Waiting): Promise<() => void> {
    try {
      if (begun < this.#failedSyncs) throw this.#lastFailure;
      const named = await this.#actions.giveName(task, copied);
      return () => this.#watch.onNamed(task, named);
    } catch (error) {
      await this.#actions.removeUnnamed(task, copied).catch(() => {});
      return () => this.#watch.onFailed(task, error);
    }
  }
}

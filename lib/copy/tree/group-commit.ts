import { monotonicMs } from '../../node/globals.js';
import type { CopyFallback } from '../fallbacks.js';
import { forEach } from '../for-each.js';
import type { CopiedFile } from './copy-small-file.js';
import type { TreeActions } from './tree-actions.js';
import type { Task } from './tree-plan.js';

const filesMax = 2_000;
const bytesMax = 128 * 1024 * 1024;
const ageMsMax = 3_000;

/** A file with complete content and without its final name. */
interface Unnamed {
  task: Task;
  copied: CopiedFile;
}

export interface CommitWatch {
  /** Called when the file is durable and has its name. */
  onNamed(task: Task, copied: CopiedFile, fallbacks: readonly CopyFallback[]): void;
  /** Called when the file has been removed. */
  onFailed(task: Task, error: unknown): void;
}

/**
 * Renames files in groups, each after one sync of the file system. A file with a name is durable,
 * and no file pays for a sync of its own.
 */
export class GroupCommit {
  readonly #actions: TreeActions;
  readonly #watch: CommitWatch;
  readonly #concurrency: number;
  #waiting: Unnamed[] = [];
  #bytes = 0;
  #sinceMs = 0;
  #committing: Promise<void> | undefined;

  constructor(actions: TreeActions, concurrency: number, watch: CommitWatch) {
    this.#actions = actions;
    this.#concurrency = concurrency;
    this.#watch = watch;
  }

  /** Adds a complete file; waits while two groups are ready. */
  async add(task: Task, copied: CopiedFile): Promise<void> {
    if (this.#waiting.length === 0) this.#sinceMs = monotonicMs();
    this.#waiting.push({ task, copied });
    this.#bytes += copied.bytes;
    if (!this.#isDue()) return;
    await this.#committing;
    if (this.#isDue()) this.#commit();
  }

  /** Renames all waiting files. */
  async flush(): Promise<void> {
    await this.#committing;
    this.#commit();
    await this.#committing;
  }

  #isDue(): boolean {
    const { length } = this.#waiting;
    if (length === 0) return false;
    const isOld = monotonicMs() - this.#sinceMs >= ageMsMax;
    return length >= filesMax || this.#bytes >= bytesMax || isOld;
  }

  #commit(): void {
    if (this.#waiting.length === 0) return;
    const group = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    this.#committing = this.#nameAll(group).finally(() => {
      this.#committing = undefined;
    });
  }

  async #nameAll(group: readonly Unnamed[]): Promise<void> {
    let failure: { error: unknown } | undefined;
    try {
      await this.#actions.sync();
    } catch (error) {
      // The sync does not tell whose bytes are lost.
      failure = { error };
    }
    await forEach(group, this.#concurrency, async ({ task, copied }) => {
      try {
        if (failure !== undefined) throw failure.error;
        const fallbacks = await this.#actions.giveName(task, copied);
        this.#watch.onNamed(task, copied, fallbacks);
      } catch (error) {
        await this.#actions.removeUnnamed(task, copied).catch(() => {});
        this.#watch.onFailed(task, error);
      }
    });
  }
}

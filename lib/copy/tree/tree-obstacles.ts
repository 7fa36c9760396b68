import type { TreeActions } from './tree-actions.js';
import type { TreeEntry } from './tree-entry.js';
import type { Place } from './tree-place.js';
import type { Task } from './tree-plan.js';
import type { TreeReporter } from './tree-reporter.js';

/** Makes read-only folders writable. @param entries each before the folder that contains it */
export async function openAll(entries: readonly TreeEntry[], actions: TreeActions): Promise<void> {
  for (const entry of [...entries].reverse()) {
    if (entry.kind === 'folder') await actions.openFolder(entry).catch(() => {});
  }
}

/** Folders of the destination where the source has another kind of entry. */
export class TreeObstacles {
  readonly #contents: ReadonlyMap<Place, readonly TreeEntry[]>;
  readonly #actions: TreeActions;
  readonly #reporter: TreeReporter;

  /** @param contents each folder with everything below it, deepest first */
  constructor(
    contents: ReadonlyMap<Place, readonly TreeEntry[]>,
    actions: TreeActions,
    reporter: TreeReporter,
  ) {
    this.#contents = contents;
    this.#actions = actions;
    this.#reporter = reporter;
  }

  /** Makes an entry; a folder that it replaces is deleted only when the entry is complete. */
  async replace<T>(task: Task, make: (task: Task) => Promise<T>): Promise<T> {
    const { entry, there } = task;
    if (there?.kind !== 'folder') return make(task);
    const made = { entry, there: undefined, as: this.#actions.temporaryBeside(entry.place) };
    const result = await make(made);
    try {
      await this.#remove(entry.place);
      await this.#actions.moveIn(made);
      return result;
    } catch (error) {
      await this.#actions.discard(made).catch(() => {});
      throw error;
    }
  }

  async #remove(place: Place): Promise<void> {
    const entries = this.#contents.get(place) ?? [];
    await openAll(entries, this.#actions);
    for (const entry of entries) {
      await this.#actions.remove(entry);
      this.#reporter.deleted(entry);
    }
  }
}

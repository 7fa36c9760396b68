import type { CoreHandle } from '../../handle/core-handle.js';
import { FallbackLog } from '../fallbacks.js';
import { makeUnfinished, unlinkIfThere } from '../unfinished.js';
import type { TreeRoot } from './tree-root.js';

interface Marker {
  handle: CoreHandle;
  name: string;
}

/**
 * An empty file in the top of a destination, under a temporary name and locked. While it is there,
 * files below under temporary names that are newer may belong to a running copy, although they are
 * not locked themselves.
 */
export class LiveMarker {
  readonly #root: TreeRoot;
  #making: Promise<Marker | undefined> | undefined;

  constructor(root: TreeRoot) {
    this.#root = root;
  }

  /** Makes the file. Where that fails, the copy itself reports why. */
  async show(): Promise<void> {
    this.#making ??= this.#root
      .within('', (directory) => makeUnfinished(directory, {}, new FallbackLog()))
      .catch(() => undefined);
    await this.#making;
  }

  /** Removes the file if it is there. */
  async remove(): Promise<void> {
    const marker = await this.#making;
    this.#making = undefined;
    if (marker === undefined) return;
    const { name, handle } = marker;
    await this.#root
      .within('', (directory) => unlinkIfThere(directory, name))
      .catch(() => {})
      .finally(() => handle.close());
  }
}

import { isNodesOwn } from '../node/layers.js';

interface Replacement {
  readonly object: Record<string, unknown>;
  readonly name: string;
  readonly before: unknown;
  readonly ours: unknown;
}

/** Replaces values of objects and can restore them. */
export class Replacements {
  readonly #list: Replacement[] = [];

  /**
   * Replaces functions that are Node's own. Names that the object lacks, and functions that other
   * code has already replaced, are left alone.
   */
  serve(object: object, values: Readonly<Record<string, unknown>>): void {
    for (const [name, ours] of Object.entries(values)) {
      if (!Object.hasOwn(object, name)) continue;
      const before = (object as Record<string, unknown>)[name];
      if (before !== ours && isNodesOwn(before)) this.#put(object, name, before, ours);
    }
  }

  /** Replaces a function with a wrapper that calls it, even if it is not Node's own. */
  wrap<F>(object: object, name: string, around: (before: F) => unknown): void {
    const before = (object as Record<string, unknown>)[name];
    if (typeof before === 'function') this.#put(object, name, before, around(before as F));
  }

  // Assigns the value, so that property setters run.
  #put(object: object, name: string, before: unknown, ours: unknown): void {
    const target = object as Record<string, unknown>;
    target[name] = ours;
    this.#list.push({ object: target, name, before, ours });
  }

  /**
   * Restores the values in reverse order. A value that other code has since replaced is kept.
   * @returns the names of the values that were kept
   */
  takeBack(): string[] {
    const kept: string[] = [];
    for (const { object, name, before, ours } of this.#list.splice(0).reverse()) {
      if (object[name] === ours) object[name] = before;
      else kept.push(name);
    }
    return kept;
  }
}

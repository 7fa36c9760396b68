import { isNodesOwn } from '../node/layers.js';

interface Replacement {
  readonly name: string;
  /** Restores the value; returns false if other code has replaced ours. */
  readonly undo: () => boolean;
}

const { defineProperty, getOwnPropertyDescriptor } = Object;

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

  /**
   * Replaces a value that Node makes when it is first read, which is expensive, by one that is made
   * likewise.
   */
  serveLater(object: object, name: string, make: () => unknown): void {
    const before = getOwnPropertyDescriptor(object, name);
    if (before === undefined) return;
    if (before.get === undefined || !isNodesOwn(before.get)) {
      this.serve(object, { [name]: make() });
      return;
    }
    const { get } = before;
    const now: { value?: unknown; isReplaced?: boolean } = {};
    const ours: PropertyDescriptor = {
      ...before,
      get() {
        if (now.isReplaced) return now.value;
        const nodes: unknown = get.call(object);
        // Other code may have replaced it before.
        return isNodesOwn(nodes) ? make() : nodes;
      },
      set(value: unknown) {
        now.value = value;
        now.isReplaced = true;
      },
    };
    defineProperty(object, name, ours);
    const undo = (): boolean => {
      if (now.isReplaced || getOwnPropertyDescriptor(object, name)?.get !== ours.get) return false;
      defineProperty(object, name, before);
      return true;
    };
    this.#list.push({ name, undo });
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
    const undo = (): boolean => {
      if (target[name] !== ours) return false;
      target[name] = before;
      return true;
    };
    this.#list.push({ name, undo });
  }

  /**
   * Restores the values in reverse order. A value that other code has since replaced is kept.
   * @returns the names of the values that were kept
   */
  takeBack(): string[] {
    const kept: string[] = [];
    for (const { name, undo } of this.#list.splice(0).reverse()) {
      if (!undo()) kept.push(name);
    }
    return kept;
  }
}

import { isNodesOwn } from '../node/layers.js';

interface Replacement {
  readonly object: Record<string, unknown>;
  readonly name: string;
  readonly before: unknown;
  readonly ours: unknown;
}

/** Values that have replaced those of other objects, and can be taken back. */
export class Replacements {
  readonly #list: Replacement[] = [];

  /**
   * Replaces functions that are Node's own. Names that the object does not have, and functions that
   * somebody else has replaced before, stay as they are.
   */
  serve(object: object, values: Readonly<Record<string, unknown>>): void {
    for (const [name, ours] of Object.entries(values)) {
      if (!Object.hasOwn(object, name)) continue;
      const before = (object as Record<string, unknown>)[name];
      if (before !== ours && isNodesOwn(before)) this.#put(object, name, before, ours);
    }
  }

  /** Replaces a function by one that calls it, whoever made it. */
  wrap<F>(object: object, name: string, around: (before: F) => unknown): void {
    const before = (object as Record<string, unknown>)[name];
    if (typeof before === 'function') this.#put(object, name, before, around(before as F));
  }

  // By assignment, which reaches the setters of properties that have one.
  #put(object: object, name: string, before: unknown, ours: unknown): void {
    const target = object as Record<string, unknown>;
    target[name] = ours;
    this.#list.push({ object: target, name, before, ours });
  }

  /**
   * Takes the values back, the last first. A value that somebody has put over one of ours stays.
   * @returns the names of those values
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

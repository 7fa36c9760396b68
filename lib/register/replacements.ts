interface Replacement {
  readonly object: Record<string, unknown>;
  readonly name: string;
  readonly before: unknown;
  readonly ours: unknown;
}

/** Values that have been put into the places of others, and can be taken back. */
export class Replacements {
  readonly #list: Replacement[] = [];

  /**
   * Puts values into an object that has such properties already; what it has not, it does not get.
   * The properties stay what they were: assignment reaches the setters of those that have one.
   */
  put(object: object, values: Readonly<Record<string, unknown>>): void {
    const target = object as Record<string, unknown>;
    for (const [name, ours] of Object.entries(values)) {
      if (!Object.hasOwn(target, name)) continue;
      const before = target[name];
      if (before === ours) continue;
      target[name] = ours;
      this.#list.push({ object: target, name, before, ours });
    }
  }

  /**
   * Takes them back, the last first. A value that somebody has put into the place of ours stays.
   * @returns the names of those
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

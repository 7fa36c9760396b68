/**
 * Runs tasks that become ready in any order one after another by their number, from 0 on. A task
 * whose turn never comes because an earlier one failed is released by fail().
 */
export class InOrder {
  readonly #waiting = new Map<number, { start: () => void; fail: (error: unknown) => void }>();
  #next = 0;
  #failure: { error: unknown } | undefined;

  /** Resolves when it is the turn of this number; done() ends the turn. */
  turn(index: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (index === this.#next) return Promise.resolve();
    return new Promise((start, fail) => this.#waiting.set(index, { start, fail }));
  }

  done(): void {
    const index = ++this.#next;
    const next = this.#waiting.get(index);
    this.#waiting.delete(index);
    next?.start();
  }

  /** Rejects those that wait and those that come. The first failure wins. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { fail } of this.#waiting.values()) fail(this.#failure.error);
    this.#waiting.clear();
  }
}

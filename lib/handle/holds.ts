/**
 * Counts who still needs a file. close() waits until nobody does: calls that consist of several
 * operations, calls that wait for their turn at the cursor, and streams.
 */
export class Holds {
  #count = 0;
  #onFree: (() => void) | undefined;
  #onClosing: Set<() => void> | undefined;

  get any(): boolean {
    return this.#count > 0;
  }

  /** Needs the file until release() is called. */
  add(): void {
    this.#count++;
  }

  release(): void {
    this.#count--;
    if (this.#count === 0) this.#onFree?.();
  }

  /** Needs the file until the promise of `run` has settled. */
  async during<R>(run: () => Promise<R>): Promise<R> {
    this.add();
    try {
      return await run();
    } finally {
      this.release();
    }
  }

  /**
   * Needs the file until the returned function is called.
   * @param onClosing called by askToLetGo()
   */
  hold(onClosing: () => void): () => void {
    this.add();
    this.#onClosing ??= new Set();
    this.#onClosing.add(onClosing);
    return () => {
      if (this.#onClosing?.delete(onClosing)) this.release();
    };
  }

  /** Tells everybody who called hold() that the file is being closed. */
  askToLetGo(): void {
    for (const letGo of this.#onClosing ?? []) letGo();
  }

  /** Resolves when nobody needs the file any more. */
  async whenFree(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#onFree = resolve;
    });
  }
}

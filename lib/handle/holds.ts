/**
 * Counts the users of a file. close() waits until there are none: calls that consist of several
 * operations, calls that wait for the cursor, and streams.
 */
export class Holds {
  #count = 0;
  #onFree: (() => void) | undefined;
  #onClosing: Set<() => void> | undefined;

  get any(): boolean {
    return this.#count > 0;
  }

  /** Holds the file until release() is called. */
  add(): void {
    this.#count++;
  }

  release(): void {
    this.#count--;
    if (this.#count === 0) this.#onFree?.();
  }

  /** Holds the file until the promise of `run` has settled. */
  async during<R>(run: () => Promise<R>): Promise<R> {
    this.add();
    try {
      return await run();
    } finally {
      this.release();
    }
  }

  /**
   * Holds the file until the returned function is called.
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

  /** Whether a caller of hold() has not let go yet. */
  get mustBeAsked(): boolean {
    return this.#onClosing !== undefined && this.#onClosing.size > 0;
  }

  /** Tells every caller of hold() that the file is being closed. */
  askToLetGo(): void {
    for (const letGo of this.#onClosing ?? []) letGo();
  }

  /** Resolves when the file has no users. */
  async whenFree(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#onFree = resolve;
    });
  }
}

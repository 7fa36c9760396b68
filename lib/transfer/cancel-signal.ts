type Listener = () => void;

/**
 * Cancels operations, as an AbortSignal does, at a fraction of the cost of an AbortController: each
 * stream needs one, and few are ever aborted. The engine takes every object of this shape.
 */
export class CancelSignal {
  aborted = false;
  reason: unknown;
  #listeners: Listener[] | undefined;

  addEventListener(_type: 'abort', listener: Listener): void {
    this.#listeners ??= [];
    this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    this.#listeners = this.#listeners?.filter((other) => other !== listener);
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) listener();
  }

  /** This object as an option of operations. */
  get signal(): AbortSignal {
    return this as unknown as AbortSignal;
  }
}

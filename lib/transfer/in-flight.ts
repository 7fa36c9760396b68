import { abortError } from '../node/errors.js';
import { AbortController } from '../node/globals.js';

export interface CancelOptions {
  /** Makes the window fail with an AbortError at once. */
  signal?: AbortSignal | undefined;
  /**
   * Cancels all operations in flight on the file, for a window that has the file to itself.
   * Otherwise the transfers of the window get a signal.
   */
  canceller?: { cancelAll(): void } | undefined;
}

const idle = Promise.resolve();

/**
 * The operations of a window that are in flight: counts them, keeps the first error, cancels them,
 * and reports when all have ended.
 */
export class InFlight {
  count = 0;
  /** The first error. Once there is one, the window submits nothing more. */
  failure: { error: unknown } | undefined;
  readonly #userSignal: AbortSignal | undefined;
  readonly #canceller: { cancelAll(): void } | undefined;
  readonly #onFailed: (error: unknown) => void;
  #controller: AbortController | undefined;
  #onIdle: (() => void)[] | undefined;
  #onAbort: (() => void) | undefined;

  /** @param onFailed called once, with the first error */
  constructor({ signal, canceller }: CancelOptions, onFailed: (error: unknown) => void) {
    this.#userSignal = signal;
    this.#canceller = canceller;
    this.#onFailed = onFailed;
  }

  /** Starts listening to the user's signal; the window must be ready to fail. */
  listen(): void {
    const signal = this.#userSignal;
    if (signal === undefined) return;
    this.#onAbort = () => this.fail(abortError(signal));
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Stops listening to the signal when the window has ended. */
  unlisten(): void {
    if (this.#onAbort === undefined) return;
    this.#userSignal?.removeEventListener('abort', this.#onAbort);
  }

  /** The signal for a transfer of the window; undefined if the canceller needs none. */
  get signal(): AbortSignal | undefined {
    if (this.#canceller !== undefined) return undefined;
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  begin(): void {
    this.count++;
  }

  end(): void {
    this.count--;
    if (this.count > 0 || this.#onIdle === undefined) return;
    const waiting = this.#onIdle;
    this.#onIdle = undefined;
    for (const resolve of waiting) resolve();
  }

  /** Keeps the first error, cancels operations in flight, and tells the window. */
  fail(error: unknown): void {
    if (this.failure !== undefined) return;
    this.failure = { error };
    this.unlisten();
    this.cancel();
    this.#onFailed(error);
  }

  /** Requests cancellation of operations in flight. */
  cancel(): void {
    if (this.count === 0) return;
    if (this.#canceller === undefined) this.#controller?.abort();
    else this.#canceller.cancelAll();
  }

  /** Resolves when nothing is in flight. */
  whenIdle(): Promise<void> {
    if (this.count === 0) return idle;
    return new Promise<void>((resolve) => {
      this.#onIdle ??= [];
      this.#onIdle.push(resolve);
    });
  }
}

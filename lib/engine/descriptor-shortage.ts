import { monotonicMs, setTimeout } from '../node/globals.js';
import type { Operation } from './operation.js';

/**
 * An operation that waits for a descriptor fails if none becomes free for this long: the program
 * itself may hold all of them until this very operation is done.
 */
const waitMsMax = 5000;
/** Other code closes descriptors, too, so the engine retries from time to time. */
const retryMs = 20;

// UV_EMFILE, UV_ENFILE: the negative errno on POSIX, libuv's own numbers on Windows (uv/errno.h).
const shortageErrors = new Set([-24, -23, -4066, -4061]);

export function isDescriptorShortage(error: number): boolean {
  return shortageErrors.has(error);
}

interface Waiting {
  readonly operation: Operation;
  /** Position in the queue. */
  readonly number: number;
  /** Makes the error for an operation that has waited in vain. */
  readonly makeError: () => Error;
}

/**
 * Operations that open a file, and for which the system had no descriptor. They wait in order, and
 * are submitted again as descriptors become free.
 */
export class DescriptorShortage {
  #waiting: Waiting[] = [];
  /** Operations that are being retried. */
  readonly #tried = new Map<Operation, Waiting>();
  #lastNumber = 0;
  #deadline = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #submitAgain: (operation: Operation) => void;
  readonly #fail: (operation: Operation, makeError: () => Error) => void;

  /**
   * @param submitAgain submits a waiting operation
   * @param fail fails a waiting operation
   */
  constructor(
    submitAgain: (operation: Operation) => void,
    fail: (operation: Operation, makeError: () => Error) => void,
  ) {
    this.#submitAgain = submitAgain;
    this.#fail = fail;
  }

  /** Whether no operation is affected by the shortage. */
  get isOver(): boolean {
    return this.#waiting.length === 0 && this.#tried.size === 0;
  }

  /** Queues an operation that failed for lack of a descriptor. */
  add(operation: Operation, makeError: () => Error): void {
    if (this.isOver) this.#noteProgress();
    const before = this.#tried.get(operation);
    this.#tried.delete(operation);
    const waiting = before ?? { operation, number: ++this.#lastNumber, makeError };
    // A retried operation keeps its position in the queue.
    const index = this.#waiting.findIndex(({ number }) => number > waiting.number);
    this.#waiting.splice(index < 0 ? this.#waiting.length : index, 0, waiting);
    this.#timer ??= setTimeout(() => this.#onTime(), retryMs);
  }

  /** Removes an operation, if it waits here. */
  remove(operation: Operation): boolean {
    const index = this.#waiting.findIndex((waiting) => waiting.operation === operation);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  /** Called when an operation that opens or closes a file has succeeded. */
  onSuccess(operation: Operation): void {
    this.#tried.delete(operation);
    this.#noteProgress();
    this.#tryOldest();
  }

  /** Called when an operation has finally failed. */
  onFailure(operation: Operation): void {
    this.#tried.delete(operation);
  }

  #noteProgress(): void {
    this.#deadline = monotonicMs() + waitMsMax;
  }

  #tryOldest(): void {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) return;
    this.#tried.set(oldest.operation, oldest);
    this.#submitAgain(oldest.operation);
  }

  #onTime(): void {
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    if (monotonicMs() > this.#deadline) {
      for (const waiting of this.#waiting.splice(0)) {
        this.#fail(waiting.operation, waiting.makeError);
      }
      return;
    }
    this.#timer = setTimeout(() => this.#onTime(), retryMs);
    this.#tryOldest();
  }
}

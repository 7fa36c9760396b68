import { monotonicMs, setTimeout } from '../node/globals.js';
import type { Operation } from './operation.js';

/**
 * Without any descriptor coming free for so long, what waits for one fails: the program may hold
 * all of them itself until this very operation is done.
 */
const waitMsMax = 5000;
/** Others than this engine close descriptors, too, so it tries again from time to time. */
const retryMs = 20;

// UV_EMFILE, UV_ENFILE: the negative errno on POSIX, libuv's own numbers on Windows (uv/errno.h).
const shortageErrors = new Set([-24, -23, -4066, -4061]);

export function isDescriptorShortage(error: number): boolean {
  return shortageErrors.has(error);
}

interface Waiting {
  readonly operation: Operation;
  /** Its turn. */
  readonly number: number;
  /** Makes the error that it fails with when it has waited in vain. */
  readonly makeError: () => Error;
}

/**
 * Operations that open a file, and for which the system had no descriptor. They wait in order, and
 * are submitted again as descriptors come free.
 */
export class DescriptorShortage {
  #waiting: Waiting[] = [];
  /** Those that are being tried again. */
  readonly #tried = new Map<Operation, Waiting>();
  #lastNumber = 0;
  #deadline = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #submitAgain: (operation: Operation) => void;
  readonly #fail: (operation: Operation, makeError: () => Error) => void;

  /**
   * @param submitAgain submits an operation that waited
   * @param fail ends one that waited
   */
  constructor(
    submitAgain: (operation: Operation) => void,
    fail: (operation: Operation, makeError: () => Error) => void,
  ) {
    this.#submitAgain = submitAgain;
    this.#fail = fail;
  }

  /** Whether nothing has met the shortage. */
  get isOver(): boolean {
    return this.#waiting.length === 0 && this.#tried.size === 0;
  }

  /** Lets an operation wait that has met the shortage. */
  add(operation: Operation, makeError: () => Error): void {
    if (this.isOver) this.#noteProgress();
    const before = this.#tried.get(operation);
    this.#tried.delete(operation);
    const waiting = before ?? { operation, number: ++this.#lastNumber, makeError };
    // What was tried keeps its turn.
    const index = this.#waiting.findIndex(({ number }) => number > waiting.number);
    this.#waiting.splice(index < 0 ? this.#waiting.length : index, 0, waiting);
    this.#timer ??= setTimeout(() => this.#onTime(), retryMs);
  }

  /** Takes an operation out, if it waits here. */
  remove(operation: Operation): boolean {
    const index = this.#waiting.findIndex((waiting) => waiting.operation === operation);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    return true;
  }

  /** To be called when an operation has ended that opens or closes a file, and has not failed. */
  onSuccess(operation: Operation): void {
    this.#tried.delete(operation);
    this.#noteProgress();
    this.#tryOldest();
  }

  /** To be called when an operation has ended for good with an error. */
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

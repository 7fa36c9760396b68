import process from 'node:process';
import { setImmediate } from '../node/globals.js';
import { giveLoopATurn } from './before-exit.js';
import type { Completion } from './completion.js';
import { errorMaker, failureOf } from './error-maker.js';
import type { NativeBinding } from './native.js';
import type { CompleteRequest } from './operation.js';
import { FailedNow } from './outcome.js';
import type { SubmissionRing } from './submission-ring.js';

const resolved = Promise.resolve();
// No other system has calls that guarantee not to wait.
const isPossible = process.platform === 'linux';
// If a program starts more operations than this without waiting for them, a batch is faster, which
// costs one call of the addon and is shared with workers.
const runsMax = 8;

/** Returned for an operation that has to be submitted. */
export const notNow = Symbol('not now');

/**
 * Runs operations before the call that starts them returns, if the kernel guarantees not to wait. A
 * program that awaits one operation after another needs neither a batch nor a record of it.
 */
export class InPlace {
  readonly #native: NativeBinding;
  readonly #submissions: SubmissionRing;
  readonly #completion: Completion;
  /** Operations that have run since the microtask queue last reached its end. */
  #runs = 0;
  /** Whether the last batch of this turn of the event loop was large: more like it will follow. */
  #isDeep = false;
  readonly #endTurn = (): void => {
    this.#runs = 0;
  };
  readonly #endDepth = (): void => {
    this.#isDeep = false;
  };

  constructor(native: NativeBinding, submissions: SubmissionRing, completion: Completion) {
    this.#native = native;
    this.#submissions = submissions;
    this.#completion = completion;
  }

  /** Whether operations may run now. Those that wait for submission go first. */
  get isOpen(): boolean {
    return isPossible && !this.#isDeep && this.#runs < runsMax && this.#submissions.count === 0;
  }

  /** Called with the size of each batch. */
  noteBatch(count: number): void {
    const isDeep = isPossible && count > runsMax;
    if (isDeep && !this.#isDeep) setImmediate(this.#endDepth).unref();
    this.#isDeep = isDeep;
  }

  /**
   * Returns the value of the operation, a FailedNow, or notNow. An operation with a signal must be
   * able to be canceled.
   */
  run(request: CompleteRequest): unknown {
    if (!this.isOpen || request.signal !== undefined) return notNow;
    const submissions = this.#submissions;
    if (++this.#runs === runsMax / 2) resolved.then(this.#endTurn);
    const { opcode, file, flags, position, offset, length, object } = request;
    submissions.writeFirst(opcode, file, flags, position, offset, length);
    if (!this.#native.runNow(object)) return notNow;
    giveLoopATurn();
    const completion = this.#completion;
    completion.moveToRun();
    if (completion.error !== 0) return new FailedNow(errorMaker(request, failureOf(completion)));
    try {
      return request.decode(completion, request);
    } catch (error) {
      return new FailedNow(() => error as Error);
    }
  }
}

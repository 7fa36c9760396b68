import type { Subject } from '../node/errors.js';
import type { Completion } from './completion.js';
import type { Encoded } from './requests.js';

/**
 * Turns the completion of an operation into the value of its promise. It runs while completions are
 * being taken off the ring, so it must not call code of the user's.
 */
export type Decode = (completion: Completion, operation: Operation) => unknown;

/** An operation to submit: what an encoder of requests.ts gives, and how its end is told. */
export interface Request extends Encoded {
  subject: Subject;
  decode: Decode;
  /** The number of the open file that bytes come from. */
  source?: number;
  owner?: unknown;
  signal?: AbortSignal | undefined;
}

/** An operation that a module submits through an open handle, which adds its file. */
export interface HandleRequest<T> extends Encoded {
  subject: Subject;
  decode: (completion: Completion, operation: Operation) => T;
  signal?: AbortSignal | undefined;
}

/** What modules need of an open handle. */
export interface Operable {
  operate<T>(request: HandleRequest<T>): Promise<T>;
}

export function decodeNothing(): undefined {
  return undefined;
}

export function decodeValue({ value }: Completion): number {
  return value;
}

export type Settle = (value: unknown) => void;

/** Why an operation failed, as its completion says. */
export interface Failure {
  /** libuv's negative number. */
  readonly error: number;
  /** errno, or what GetLastError() said. */
  readonly osError: number;
  /** How far a compound operation had come. */
  readonly step: number;
  readonly mayHaveMovedBytes: boolean;
  /** The place in a tree where it failed. */
  readonly place: string | undefined;
}

/**
 * A promise that waits for a completion, and what must stay alive until then: the memory that the
 * kernel reads or writes and the handle. Records are used again, so that an operation allocates
 * nothing but its promise and its result.
 */
export class Operation {
  readonly slot: number;
  resolve: Settle = ignore;
  reject: Settle = ignore;
  decode: Decode = decodeNothing;
  subject: Subject = noSubject;
  /** The Buffer, the Buffers or the path. */
  object: unknown = undefined;
  /** Keeps the handle from being collected while the operation is in flight. */
  owner: unknown = undefined;
  watch: AbortWatch | undefined = undefined;
  /** The submission of an operation that opens or closes a file, to repeat it. */
  request: Request | undefined = undefined;
  /** Between the ring and the promise: the value, unless it failed. */
  value: unknown = undefined;
  failure: Failure | undefined = undefined;
  /** What the decoder has thrown. */
  thrown: { readonly error: unknown } | undefined = undefined;

  constructor(slot: number) {
    this.slot = slot;
  }
}

/**
 * The operations that one signal aborts. The signal has one listener however many there are, since
 * Node warns of a leak at eleven, and a deep queue has more.
 */
export class AbortWatch {
  readonly signal: AbortSignal;
  readonly #operations = new Set<Operation>();
  readonly #onAbort: () => void;

  /** @param cancel asks for the end of these operations, which stay watched until they end */
  constructor(signal: AbortSignal, cancel: (operations: Iterable<Operation>) => void) {
    this.signal = signal;
    this.#onAbort = () => cancel(this.#operations);
  }

  /** Watches the operation, unless the signal is one that nobody can listen to. */
  add(operation: Operation): void {
    if (this.#operations.size === 0 && !this.#listen()) return;
    this.#operations.add(operation);
    operation.watch = this;
  }

  // To Node all that has a property `aborted` is a signal, which it looks at between its steps.
  // What consists of several operations does so, too.
  #listen(): boolean {
    try {
      this.signal.addEventListener('abort', this.#onAbort, { once: true });
      return true;
    } catch {
      return false;
    }
  }

  delete(operation: Operation): void {
    operation.watch = undefined;
    this.#operations.delete(operation);
    if (this.#operations.size > 0) return;
    try {
      this.signal.removeEventListener('abort', this.#onAbort);
    } catch {
      // The signal is the user's object. The operation has ended, whatever it throws.
    }
  }
}

/** The operations in flight by slot, and those that are free. */
export class OperationTable {
  readonly #operations: Operation[] = [];
  readonly #free: Operation[] = [];

  acquire(): Operation {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const operation = new Operation(this.#operations.length);
    this.#operations.push(operation);
    return operation;
  }

  at(slot: number): Operation {
    return this.#operations[slot] as Operation;
  }

  ownedBy(owner: object): Operation[] {
    return this.#operations.filter((operation) => operation.owner === owner);
  }

  release(operation: Operation): void {
    operation.watch?.delete(operation);
    operation.resolve = ignore;
    operation.reject = ignore;
    // It may hold the buffer of its result.
    operation.decode = decodeNothing;
    operation.value = undefined;
    operation.failure = undefined;
    operation.thrown = undefined;
    operation.object = undefined;
    operation.owner = undefined;
    operation.request = undefined;
    this.#free.push(operation);
  }
}

const noSubject: Subject = { syscall: 'unknown' };

export function ignore(): void {}

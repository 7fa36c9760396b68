import type { Subject } from '../node/errors.js';
import type { Completion } from './completion.js';
import { rejectionWith } from './outcome.js';
import type { Encoded } from './requests.js';

/**
 * Converts the completion of an operation to the value of its promise. It runs while completions
 * are being taken off the ring, so it must not call user code.
 */
export type Decode = (completion: Completion, operation: WithObject) => unknown;

/** An operation or a request, with its Buffer, Buffers or path. */
export interface WithObject {
  readonly object: unknown;
}

/** An operation to submit: the fields from an encoder in requests.ts, and how to report its end. */
export interface Request extends Encoded {
  subject: Subject;
  decode: Decode;
  /** The number of the open file from which bytes come. */
  source?: number;
  owner?: unknown;
  signal?: AbortSignal | undefined;
}

/** A request with all of its fields, so that reading one never reaches Object.prototype. */
export interface CompleteRequest extends Encoded {
  readonly subject: Subject;
  readonly decode: Decode;
  readonly signal: AbortSignal | undefined;
  readonly owner: unknown;
}

/** Completes the fields from an encoder. One literal makes every request, without copies. */
export function complete(
  encoded: Encoded,
  subject: Subject,
  decode: Decode,
  signal?: AbortSignal | undefined,
  owner?: unknown,
): CompleteRequest {
  const { opcode, file, flags, position, offset, length, object } = encoded;
  return {
    opcode,
    file,
    flags,
    position,
    offset,
    length,
    object,
    subject,
    decode,
    signal,
    owner,
  };
}

/** An operation submitted through an open handle, which adds its file. */
export interface HandleRequest<T> extends Encoded {
  subject: Subject;
  decode: (completion: Completion, operation: WithObject) => T;
  signal?: AbortSignal | undefined;
}

/** The part of an open handle that other modules use. */
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
type Fail = (makeError: () => Error) => void;

/** The failure of an operation, as its completion reports it. */
export interface Failure {
  /** libuv's negative error number. */
  readonly error: number;
  /** errno, or the result of GetLastError(). */
  readonly osError: number;
  /** The step at which a compound operation failed. */
  readonly step: number;
  readonly mayHaveMovedBytes: boolean;
  /** The place in a tree where the operation failed. */
  readonly place: string | undefined;
}

/**
 * A promise that waits for a completion, with the objects that must stay alive until then: the
 * handle, and the memory that the kernel reads or writes. Records are reused, so that an operation
 * allocates only its promise and its result.
 */
export class Operation {
  readonly slot: number;
  resolve: Settle = ignore;
  reject: Settle = ignore;
  /** How to fail, if a callback instead of a promise waits. */
  fail: Fail | undefined = undefined;
  decode: Decode = decodeNothing;
  subject: Subject = noSubject;
  /** The Buffer, the Buffers or the path. */
  object: unknown = undefined;
  /**
   * Keeps the handle, and what else it names, from being collected while the operation is in
   * flight. By it Engine.cancelOwnedBy() finds the operations of an object.
   */
  owner: unknown = undefined;
  watch: AbortWatch | undefined = undefined;
  /** The submission of an operation that opens or closes a file, to repeat it. */
  request: Request | undefined = undefined;
  /** Whether a cancel was requested. */
  isCanceled = false;
  /** The value between ring and promise, unless the operation failed. */
  value: unknown = undefined;
  failure: Failure | undefined = undefined;
  /** The error thrown by the decoder. */
  thrown: { readonly error: unknown } | undefined = undefined;

  constructor(slot: number) {
    this.slot = slot;
  }

  /** Settles a failed operation. */
  end(makeError: () => Error): void {
    if (this.fail === undefined) this.resolve(rejectionWith(makeError));
    else this.fail(makeError);
  }
}

// A promise passes its two functions to this executor, so that no closure is created per operation.
let lastResolve: Settle = ignore;
let lastReject: Settle = ignore;
function executor(resolve: Settle, reject: Settle): void {
  lastResolve = resolve;
  lastReject = reject;
}

/** Creates the promise that an operation settles. */
export function promiseOf(operation: Operation): Promise<unknown> {
  const promise = new Promise(executor);
  operation.resolve = lastResolve;
  operation.reject = lastReject;
  // References kept here would keep the promise's result alive.
  lastResolve = ignore;
  lastReject = ignore;
  return promise;
}

/**
 * The operations that one signal aborts. The signal has a single listener for all of them, since
 * Node warns of a leak at eleven listeners, and a deep queue has more operations.
 */
export class AbortWatch {
  readonly signal: AbortSignal;
  readonly #operations = new Set<Operation>();
  readonly #onAbort: () => void;

  /** @param cancel requests cancellation of these operations, which stay watched until they end */
  constructor(signal: AbortSignal, cancel: (operations: Iterable<Operation>) => void) {
    this.signal = signal;
    this.#onAbort = () => cancel(this.#operations);
  }

  /** Watches the operation, unless the signal does not support listeners. */
  add(operation: Operation): void {
    if (this.#operations.size === 0 && !this.#listen()) return;
    this.#operations.add(operation);
    operation.watch = this;
  }

  // Node treats any object with a property `aborted` as a signal, and checks it between steps.
  // Calls that consist of several operations do so, too.
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
      // The signal is the user's object. The operation has ended, even if the signal throws.
    }
  }
}

/** The watches of all signals in use. */
export class AbortWatches {
  readonly #watches = new WeakMap<AbortSignal, AbortWatch>();
  readonly #cancel: (operations: Iterable<Operation>) => void;

  /** @param cancel that of AbortWatch */
  constructor(cancel: (operations: Iterable<Operation>) => void) {
    this.#cancel = cancel;
  }

  add(operation: Operation, signal: AbortSignal): void {
    let watch = this.#watches.get(signal);
    if (watch === undefined) {
      watch = new AbortWatch(signal, this.#cancel);
      this.#watches.set(signal, watch);
    }
    watch.add(operation);
  }
}

/** The operations in flight by slot, and the free records. */
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
    operation.fail = undefined;
    // The decoder may hold the buffer of its result.
    operation.decode = decodeNothing;
    operation.value = undefined;
    operation.failure = undefined;
    operation.thrown = undefined;
    operation.object = undefined;
    operation.owner = undefined;
    operation.request = undefined;
    operation.isCanceled = false;
    this.#free.push(operation);
  }
}

const noSubject: Subject = { syscall: 'unknown' };

export function ignore(): void {}

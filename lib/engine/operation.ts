import type { Subject } from '../node/errors.js';

/** How the completion of an operation becomes the value of its promise. */
export type Decode = (operation: Operation, value: number, index: number) => unknown;

/** An operation to submit; see native.ts for what the fields mean per opcode. */
export interface Request {
  opcode: number;
  subject: Subject;
  decode: Decode;
  file?: number;
  flags?: number;
  position?: number | bigint;
  offset?: number;
  length?: number;
  object?: unknown;
  owner?: unknown;
  signal?: AbortSignal | undefined;
}

/** An operation that a module asks of an open handle, which adds its file. */
export interface HandleRequest<T> {
  opcode: number;
  subject: Subject;
  decode: (operation: Operation, value: number, index: number) => T;
  flags?: number;
  position?: number | bigint;
  offset?: number;
  length?: number;
  object?: unknown;
  signal?: AbortSignal | undefined;
}

/** What modules need of an open handle. */
export interface Operable {
  operate<T>(request: HandleRequest<T>): Promise<T>;
}

export function decodeNothing(): undefined {
  return undefined;
}

export type Settle = (value: unknown) => void;

/**
 * A promise that waits for a completion, and what must stay alive until then: the memory that the
 * kernel reads or writes and the handle. Records are used again, so that an operation allocates
 * nothing but its promise and its result.
 */
export class Operation {
  readonly slot: number;
  resolve: Settle = ignore;
  reject: Settle = ignore;
  decode: Decode = decodeValue;
  subject: Subject = noSubject;
  /** The Buffer, the Buffers or the path. */
  object: unknown = undefined;
  /** Keeps the handle from being collected while the operation is in flight. */
  owner: unknown = undefined;
  watch: AbortWatch | undefined = undefined;
  /** Of what opens or closes a file: what was submitted, to do it again. */
  request: Request | undefined = undefined;

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
    if (this.#operations.size === 0) this.signal.removeEventListener('abort', this.#onAbort);
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

  release(operation: Operation): void {
    operation.watch?.delete(operation);
    operation.resolve = ignore;
    operation.reject = ignore;
    // It may hold the buffer of its result.
    operation.decode = decodeValue;
    operation.object = undefined;
    operation.owner = undefined;
    operation.request = undefined;
    this.#free.push(operation);
  }
}

const noSubject: Subject = { syscall: 'unknown' };

export function ignore(): void {}

export function decodeValue(_operation: Operation, value: number): unknown {
  return value;
}

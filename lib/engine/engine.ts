import process from 'node:process';
import { abortError, type Subject } from '../node/errors.js';
import { endsWithProcess, isNode } from '../node/host.js';
import { servesWhile } from '../node/layers.js';
import { giveLoopATurn, watchExit } from './before-exit.js';
import { loadBinding } from './binding.js';
import { Completion } from './completion.js';
import { DescriptorShortage, isDescriptorShortage } from './descriptor-shortage.js';
import { errorMaker, failureOf } from './error-maker.js';
import { InPlace, notNow } from './in-place.js';
import { type EngineKind, type EngineStats, type NativeBinding, readInPlaceMax } from './native.js';
import { descriptorOpcodes, Opcode } from './opcodes.js';
import {
  AbortWatches,
  type CompleteRequest,
  complete,
  type Decode,
  type Failure,
  type Operation,
  OperationTable,
  promiseOf,
  type Request,
} from './operation.js';
import {
  type Callback,
  callBackInContext,
  FailedNow,
  type Later,
  settleBy,
  settledWith,
  tickCallback,
  tickFailure,
} from './outcome.js';
import { hasRelativePath, RelativePaths } from './relative-paths.js';
import { isShortage } from './shortage.js';
import { noteStart } from './started.js';
import { SubmissionRing } from './submission-ring.js';

const resolved = Promise.resolve();

const { hasOwn } = Object;

// A property missing from a request must not come from Object.prototype.
function own<Name extends keyof Request>(request: Request, name: Name): Request[Name] | undefined {
  return hasOwn(request, name) ? request[name] : undefined;
}

/**
 * The engine of one JavaScript environment: collects submissions until the end of the microtask
 * batch, submits them with one native call, and settles promises from completions.
 */
export class Engine {
  readonly native: NativeBinding;
  readonly #submissions: SubmissionRing;
  readonly #relativePaths = new RelativePaths();
  readonly #completion: Completion;
  readonly #inPlace: InPlace;
  readonly #operations = new OperationTable();
  /** Operations whose completions have been taken off the ring, but whose promises are pending. */
  readonly #ended: Operation[] = [];
  #isTaking = false;
  #isSettling = false;
  readonly #flush = (): void => this.flush();
  readonly #cancel = (operations: Iterable<Operation>): void => {
    for (const operation of [...operations]) {
      operation.isCanceled = true;
      if (this.#shortage.remove(operation)) this.#end(operation, errorMaker(operation));
      else this.#push(operation, Opcode.cancel, 0, 0, 0, 0, 0);
    }
    this.flush();
  };
  readonly #watches = new AbortWatches(this.#cancel);
  readonly #shortage = new DescriptorShortage(
    (operation) => this.#pushRequest(operation, operation.request as Request),
    (operation, makeError) => this.#end(operation, makeError),
  );

  constructor(native: NativeBinding, wanted: string) {
    const results: unknown[] = [];
    const onCompletions = (count: number): void => this.#settle(count);
    // The addon's async resource: Jest asks it whether it keeps the process alive.
    Object.defineProperty(results, 'hasRef', { value: () => native.stats().inFlight > 0 });
    const description = native.start(wanted, onCompletions, results, endsWithProcess(), isNode);
    watchExit();
    this.native = native;
    this.#submissions = new SubmissionRing(description.submissions);
    this.#completion = new Completion(description, results);
    this.#inPlace = new InPlace(native, this.#submissions, this.#completion);
  }

  get kind(): EngineKind {
    return this.native.identify().kind;
  }

  get reason(): string | null {
    return this.native.identify().reason;
  }

  stats(): EngineStats {
    return this.native.stats();
  }

  addressOf(memory: ArrayBufferView | ArrayBufferLike): number {
    return this.native.addressOf(memory);
  }

  giveAwayDescriptor(file: number): void {
    this.native.giveAwayDescriptor(file);
  }

  forgetFile(file: number): boolean {
    return this.native.forgetFile(file);
  }

  duplicateDescriptor(file: number): number {
    return this.native.duplicateDescriptor(file);
  }

  moveCursor(file: number, position: number): number {
    return this.native.moveCursor(file, position);
  }

  /** Submits any operation. Reads and writes of one buffer use transfer(). */
  submit<T>(request: Request): Promise<T> {
    const signal = own(request, 'signal');
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const operation = this.#operations.acquire();
    const promise = promiseOf(operation);
    this.#enter(operation, request, signal);
    return promise as Promise<T>;
  }

  /** Submits an operation whose callback keeps its context. @param later called with its value */
  submitFor<T>(request: CompleteRequest, callback: Callback<T>, later?: Later<T>): void {
    const { signal } = request;
    if (signal?.aborted) {
      tickFailure(callback, () => abortError(signal));
      return;
    }
    const operation = this.#operations.acquire();
    settleBy(operation, callback, later);
    this.#enter(operation, request, signal);
  }

  #enter(operation: Operation, request: Request, signal: AbortSignal | undefined): void {
    operation.decode = request.decode;
    operation.subject = request.subject;
    operation.object = request.object;
    operation.owner = own(request, 'owner');
    if (descriptorOpcodes.has(request.opcode)) operation.request = request;
    if (signal !== undefined) this.#watches.add(operation, signal);
    const isRelative = hasRelativePath(request);
    if (isRelative && this.#relativePaths.isElsewhere) this.flush();
    this.#pushRequest(operation, request);
    if (isRelative) this.#relativePaths.add(this.#submissions.count - 1);
  }

  /**
   * Performs an operation: before this returns, if the kernel guarantees not to wait, or else like
   * submit().
   * @param later called with the value of an operation that was submitted
   */
  start<T>(request: CompleteRequest, later?: Later<T>): Promise<T> {
    const value = this.runNow(request);
    if (value !== notNow) return settledWith(value as T | FailedNow);
    return later === undefined ? this.submit(request) : this.submit<never>(request).then(later);
  }

  /**
   * Performs an operation like start(), for a function with a callback. The callback runs outside
   * promise reactions, so that an exception in it is uncaught instead of a rejection.
   */
  call<T>(request: CompleteRequest, callback: Callback<T>, later?: Later<T>): void {
    const value = this.runNow(request);
    if (value === notNow) {
      callBackInContext(this.submit(request), later, callback);
    } else if (value instanceof FailedNow) {
      tickFailure(callback, value.makeError);
    } else {
      tickCallback(callback, value as T);
    }
  }

  /** Performs an operation if the kernel guarantees not to wait: its value, FailedNow or notNow. */
  runNow(request: CompleteRequest): unknown {
    // Operations that wait for a descriptor go first.
    return this.#shortage.isOver ? this.#inPlace.run(request) : notNow;
  }

  /** Submits a read or a write of one buffer. The arguments must be valid. */
  transfer<T>(
    opcode: number,
    subject: Subject,
    decode: Decode,
    owner: unknown,
    file: number,
    buffer: ArrayBufferView,
    offset: number,
    length: number,
    position: number | bigint,
  ): Promise<T> {
    const mayRunNow = opcode === Opcode.read && length <= readInPlaceMax && position !== -1;
    if (mayRunNow && this.#inPlace.isOpen) {
      const encoded = { opcode, file, flags: 0, position, offset, length, object: buffer };
      const value = this.runNow(complete(encoded, subject, decode));
      if (value !== notNow) return settledWith(value as T | FailedNow);
    }
    const operation = this.#operations.acquire();
    operation.decode = decode;
    operation.subject = subject;
    operation.object = buffer;
    operation.owner = owner;
    const promise = promiseOf(operation);
    this.#push(operation, opcode, file, 0, position, offset, length);
    return promise as Promise<T>;
  }

  /**
   * Requests cancellation of everything in flight for an owner. It searches all operations, so that
   * rarely canceled operations need no signal.
   */
  cancelOwnedBy(owner: object): void {
    this.#cancel(this.#operations.ownedBy(owner));
  }

  /** Requests cancellation of everything in flight on a file. */
  cancelFile(file: number): void {
    if (this.#submissions.full) this.flush();
    this.#submissions.push(Opcode.cancelFile, 0, file, 0, 0, 0, 0, undefined);
    this.flush();
  }

  /** Submits the collected operations. */
  flush(): void {
    const submissions = this.#submissions;
    const { count } = submissions;
    // The completion ring must not be overwritten before it has been read.
    if (count === 0 || this.#isTaking) return;
    this.#inPlace.noteBatch(count);
    this.#relativePaths.settle(submissions.objects);
    let completions = 0;
    try {
      completions = this.native.submit(count, submissions.objects);
    } finally {
      // The addon throws for a submission whose slot it refuses, and serves all others.
      submissions.clear();
    }
    if (completions > 0) {
      giveLoopATurn();
      this.#settle(completions);
    }
  }

  #pushRequest(operation: Operation, request: Request): void {
    this.#push(
      operation,
      request.opcode,
      request.file,
      request.flags,
      request.position,
      own(request, 'source') ?? request.offset,
      request.length,
    );
  }

  #push(
    operation: Operation,
    opcode: number,
    file: number,
    flags: number,
    position: number | bigint,
    offset: number,
    length: number,
  ): void {
    const submissions = this.#submissions;
    if (submissions.full) this.flush();
    if (submissions.count === 0) resolved.then(this.#flush);
    const { slot, object } = operation;
    submissions.push(opcode, slot, file, flags, position, offset, length, object);
  }

  // All completions are taken off the ring before the first promise settles, so that user code
  // which runs then, such as a listener or a signal, never sees a half-read ring.
  #settle(count: number): void {
    this.#isTaking = true;
    for (let index = 0; index < count; index++) this.#take(index);
    this.#isTaking = false;
    // User code that runs below may call this again. The outer call settles those operations, too.
    if (this.#isSettling) return;
    this.#isSettling = true;
    const ended = this.#ended;
    const thrown: unknown[] = [];
    for (let index = 0; index < ended.length; index++) {
      try {
        this.#settleOne(ended[index] as Operation);
      } catch (error) {
        thrown.push(error);
      }
    }
    ended.length = 0;
    this.#isSettling = false;
    if (thrown.length > 0) throw thrown[0];
  }

  #take(index: number): void {
    const completion = this.#completion;
    completion.moveTo(index);
    const operation = this.#operations.at(completion.slot);
    if (completion.error !== 0) {
      operation.failure = failureOf(completion);
    } else {
      try {
        operation.value = operation.decode(completion, operation);
      } catch (thrown) {
        operation.thrown = { error: thrown };
      }
    }
    this.#ended.push(operation);
  }

  #settleOne(operation: Operation): void {
    const { failure, thrown } = operation;
    if (failure !== undefined) {
      this.#settleFailed(operation, failure);
      return;
    }
    if (thrown === undefined) operation.resolve(operation.value);
    else operation.reject(thrown.error);
    if (operation.request !== undefined && !this.#shortage.isOver) {
      this.#shortage.onSuccess(operation);
    }
    this.#operations.release(operation);
  }

  #settleFailed(operation: Operation, failure: Failure): void {
    const isShort = operation.request !== undefined && isDescriptorShortage(failure.error);
    if (isShort && !operation.isCanceled) {
      operation.failure = undefined;
      this.#shortage.add(operation, errorMaker(operation, failure));
    } else {
      this.#shortage.onFailure(operation);
      // A canceled operation does not wait for a descriptor.
      this.#end(operation, isShort ? errorMaker(operation) : errorMaker(operation, failure));
    }
  }

  #end(operation: Operation, makeError: () => Error): void {
    operation.end(makeError);
    this.#operations.release(operation);
  }
}

let current: Engine | undefined;

/**
 * Returns the engine of this environment, started on first use. The environment variable
 * OVERLAPPED_ENGINE (iocp, uring, threadpool) forces an engine.
 * @throws ERR_ENGINE_UNAVAILABLE if the forced engine is not available
 */
export function getEngine(): Engine {
  current ??= startEngine();
  return current;
}

function startEngine(): Engine {
  const engine = new Engine(loadBinding(), process.env.OVERLAPPED_ENGINE ?? '');
  noteStart(() => {
    engine.flush();
    engine.native.submitDeferred();
  });
  return engine;
}

/**
 * Whether the engine is able to serve. The first call may come when the process has no descriptor
 * left to load the addon. Node then reports that as it does for the call, or serves it.
 */
export function canServe(): boolean {
  try {
    return getEngine() !== undefined;
  } catch (error) {
    return !isShortage(error);
  }
}

servesWhile(canServe);

/** Returns the engine, if it has started. */
export const startedEngine = (): Engine | undefined => current;

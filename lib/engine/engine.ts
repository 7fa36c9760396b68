import { AbortError, abortError, type Subject, systemError, unavailable } from '../node/errors.js';
import { validateInteger } from '../node/validate.js';
import { loadBinding } from './binding.js';
import { DescriptorShortage, isDescriptorShortage } from './descriptor-shortage.js';
import { type EngineKind, type EngineStats, type NativeBinding, Opcode } from './native.js';
import {
  AbortWatch,
  type Decode,
  ignore,
  type Operation,
  OperationTable,
  type Request,
  type Settle,
} from './operation.js';
import { hasRelativePath, RelativePaths } from './relative-paths.js';
import { CompletionRing, SubmissionRing } from './rings.js';

const resolved = Promise.resolve();
const workingSetMax = 2 ** 40;

// What takes a descriptor, or gives one back.
const descriptorOpcodes = new Set<number>([
  Opcode.open,
  Opcode.close,
  Opcode.readPath,
  Opcode.writePath,
  Opcode.listTree,
  Opcode.copySmallFile,
  Opcode.openIn,
  Opcode.listIn,
  Opcode.createPipeInstance,
  Opcode.createPipePair,
  Opcode.createMailslot,
  Opcode.openMailslot,
]);

// A promise hands its two functions to this executor, so that none is made per operation.
let lastResolve: Settle = ignore;
let lastReject: Settle = ignore;
function executor(resolve: Settle, reject: Settle): void {
  lastResolve = resolve;
  lastReject = reject;
}

// Held on to, they would keep the promise's result alive.
function takeFunctions(operation: Operation): void {
  operation.resolve = lastResolve;
  operation.reject = lastReject;
  lastResolve = ignore;
  lastReject = ignore;
}

/**
 * The engine of one JavaScript environment: collects submissions until the end of the microtask
 * batch, hands them over with one native call, and settles promises from completions.
 */
export class Engine {
  readonly kind: EngineKind;
  readonly reason: string | null;
  readonly completions: CompletionRing;
  readonly #native: NativeBinding;
  readonly #submissions: SubmissionRing;
  readonly #relativePaths = new RelativePaths();
  readonly #operations = new OperationTable();
  readonly #watches = new WeakMap<AbortSignal, AbortWatch>();
  readonly #flush = (): void => this.flush();
  readonly #cancel = (operations: Iterable<Operation>): void => {
    for (const operation of [...operations]) {
      if (this.#shortage.remove(operation))
        this.#end(operation, abortError((operation.watch as AbortWatch).signal));
      else this.#push(operation, Opcode.cancel, 0, 0, 0, 0, 0);
    }
    this.flush();
  };
  readonly #shortage = new DescriptorShortage(
    (operation) => this.#pushRequest(operation, operation.request as Request),
    (operation, error) => this.#end(operation, error),
  );

  constructor(native: NativeBinding, wanted: string) {
    const results: unknown[] = [];
    const onCompletions = (count: number): void => this.#settle(count);
    const description = native.start(wanted, onCompletions, results);
    this.#native = native;
    this.kind = description.kind;
    this.reason = description.reason;
    this.#submissions = new SubmissionRing(description.submissions);
    this.completions = new CompletionRing(description, results);
  }

  stats(): EngineStats {
    return this.#native.stats();
  }

  addressOf(memory: ArrayBufferView | ArrayBufferLike): number {
    return this.#native.addressOf(memory);
  }

  duplicateDescriptor(file: number): number {
    return this.#native.duplicateDescriptor(file);
  }

  growWorkingSet(bytes: number): number {
    if (this.#native.growWorkingSet === undefined) throw unavailable('growWorkingSet');
    const least = this.#native.growWorkingSet(bytes);
    if (least < 0) throw systemError(least, { syscall: 'SetProcessWorkingSetSize' });
    return least;
  }

  /** Submits any operation. For reads and writes of one buffer there is transfer(). */
  submit<T>(request: Request): Promise<T> {
    const { signal } = request;
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const operation = this.#operations.acquire();
    operation.decode = request.decode;
    operation.subject = request.subject;
    operation.object = request.object;
    operation.owner = request.owner;
    if (descriptorOpcodes.has(request.opcode)) operation.request = request;
    if (signal !== undefined) this.#watch(operation, signal);
    const promise = new Promise(executor);
    takeFunctions(operation);
    const isRelative = hasRelativePath(request);
    if (isRelative && this.#relativePaths.isElsewhere) this.flush();
    this.#pushRequest(operation, request);
    if (isRelative) this.#relativePaths.add(this.#submissions.count - 1);
    return promise as Promise<T>;
  }

  /** Submits a read or a write of one buffer; the arguments are valid. */
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
    const operation = this.#operations.acquire();
    operation.decode = decode;
    operation.subject = subject;
    operation.object = buffer;
    operation.owner = owner;
    const promise = new Promise(executor);
    takeFunctions(operation);
    this.#push(operation, opcode, file, 0, position, offset, length);
    return promise as Promise<T>;
  }

  /** Asks for the end of all that is in flight on a file. */
  cancelFile(file: number): void {
    if (this.#submissions.full) this.flush();
    this.#submissions.push(Opcode.cancelFile, 0, file, 0, 0, 0, 0, undefined);
    this.flush();
  }

  /** Hands over what has been collected. */
  flush(): void {
    const submissions = this.#submissions;
    const { count } = submissions;
    if (count === 0) return;
    this.#relativePaths.settle(submissions.objects);
    const completions = this.#native.submit(count, submissions.objects);
    submissions.clear();
    if (completions > 0) this.#settle(completions);
  }

  #pushRequest(operation: Operation, request: Request): void {
    this.#push(
      operation,
      request.opcode,
      request.file ?? 0,
      request.flags ?? 0,
      request.position ?? 0,
      request.offset ?? 0,
      request.length ?? 0,
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

  #watch(operation: Operation, signal: AbortSignal): void {
    let watch = this.#watches.get(signal);
    if (watch === undefined) {
      watch = new AbortWatch(signal, this.#cancel);
      this.#watches.set(signal, watch);
    }
    watch.add(operation);
  }

  #settle(count: number): void {
    const { completions } = this;
    for (let index = 0; index < count; index++) {
      const operation = this.#operations.at(completions.slot(index));
      const error = completions.error(index);
      if (error !== 0) {
        const failure = this.#safeFailure(operation, error, index);
        if (operation.request !== undefined && isDescriptorShortage(error)) {
          this.#shortage.add(operation, failure);
        } else {
          this.#shortage.onFailure(operation);
          this.#end(operation, failure);
        }
        continue;
      }
      try {
        operation.resolve(operation.decode(operation, completions.value(index), index));
      } catch (thrown) {
        // The others of the batch are settled all the same.
        operation.reject(thrown);
      }
      if (operation.request !== undefined && !this.#shortage.isOver) {
        this.#shortage.onSuccess(operation);
      }
      this.#operations.release(operation);
    }
  }

  #end(operation: Operation, error: Error): void {
    operation.reject(error);
    this.#operations.release(operation);
  }

  // A signal's `reason` may throw when it is looked at.
  #safeFailure(operation: Operation, error: number, index: number): Error {
    try {
      return this.#failure(operation, error, index);
    } catch (thrown) {
      return thrown as Error;
    }
  }

  #failure(operation: Operation, error: number, index: number): Error {
    const { subject, watch } = operation;
    if (isCancelled(error)) {
      const signal = watch?.signal;
      const mayHaveMoved = this.completions.step(index) === 1;
      return signal?.aborted
        ? abortError(signal, mayHaveMoved)
        : new AbortError(undefined, mayHaveMoved);
    }
    const osError = this.completions.osError(index);
    const { laterSteps, showPlace } = subject;
    const step = laterSteps === undefined ? 0 : this.completions.step(index);
    const syscall = step === 0 ? subject.syscall : (laterSteps?.[step - 1] ?? subject.syscall);
    const place = showPlace && this.completions.takeResult(index);
    if (showPlace && typeof place === 'string') {
      return systemError(error, { syscall, path: showPlace(place) }, osError);
    }
    // As in Node, only what was done with the path names it.
    return systemError(error, step === 0 ? subject : { syscall }, osError);
  }
}

// UV_ECANCELED: -ECANCELED on POSIX, libuv's own number on Windows (uv/errno.h).
const cancelledErrors = new Set([-125, -89, -85, -4081]);

function isCancelled(error: number): boolean {
  return cancelledErrors.has(error);
}

let current: Engine | undefined;

/**
 * The engine of this environment, started on first use. The environment variable OVERLAPPED_ENGINE
 * (iocp, uring, threadpool) forces one.
 * @throws ERR_ENGINE_UNAVAILABLE where the forced engine cannot be had
 */
export function getEngine(): Engine {
  current ??= new Engine(loadBinding(), process.env.OVERLAPPED_ENGINE ?? '');
  return current;
}

/** Hands over what has been collected, if there is an engine yet. */
export function flushEngine(): void {
  current?.flush();
}

/** Which engine serves, why no better one does, and what it has done. */
export const engine = {
  /** 'iocp', 'uring' or 'threadpool'. */
  get kind(): EngineKind {
    return getEngine().kind;
  },
  /** Why a better engine does not serve; null when the best one does. */
  get reason(): string | null {
    return getEngine().reason;
  },
  /** Counts since the start of the engine in this thread. */
  stats(): EngineStats {
    return getEngine().stats();
  },
  /**
   * Windows: raises the least and the most memory that the process keeps resident
   * (SetProcessWorkingSetSize). The system locks the buffers of transfers in flight within it, and
   * has no more to give when many large ones are: `stats().retried` then counts what waits for
   * that.
   * @param bytes that are to be had beyond those of now
   * @returns the new minimum in bytes
   * @throws ERR_OUT_OF_RANGE; EPERM and other system errors;
   *   ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on other systems
   */
  growWorkingSet(bytes: number): number {
    validateInteger(bytes, 'bytes', 1, workingSetMax);
    return getEngine().growWorkingSet(bytes);
  },
} as const;

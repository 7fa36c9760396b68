import liveFs from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { openCore } from '../handle/open.js';
import type { OpenOptions } from '../handle/open-options.js';
import type { PublicHandle } from '../handle/public-handle.js';
import { AbortController, clearTimeout, nextTick, setTimeout } from '../node/globals.js';
import { isReplaced } from '../node/layers.js';

type Callback = (error: unknown, ...results: unknown[]) => void;
type Arguments = readonly unknown[];

/** What Node calls an `fs`: functions with a callback as the last argument. */
type Functions = Record<string, (...given: unknown[]) => void>;

// What Node's streams use of their `fs`.
const usedFunctions = ['open', 'read', 'write', 'writev', 'fsync', 'close'] as const;

type Transfer = 'read' | 'write' | 'writev';
const transfers: readonly Transfer[] = ['read', 'write', 'writev'];

function callLive(name: (typeof usedFunctions)[number], given: Arguments): void {
  (liveFs as unknown as Functions)[name]?.(...given);
}

/**
 * Calls back once the promise has settled, outside of its reaction: what a listener of the stream
 * throws is an uncaught exception, as in Node, and no rejection.
 */
function callBack<T>(
  promise: Promise<T>,
  callback: Callback,
  results: (value: T) => unknown[] = () => [],
): void {
  promise.then(
    (value) => nextTick(callback, null, ...results(value)),
    (error) => nextTick(callback, error),
  );
}

/**
 * The file of a stream, in the shape that Node's stream classes take as their `fs` option. They use
 * it to open and to close; reads and writes go through a window over `handle`, and come here only
 * where there is none: for a descriptor that the program has opened in a way of its own.
 */
export abstract class StreamFile {
  /** What the engine has open for the stream. */
  handle: CoreHandle | undefined;
  /** Whether only the stream uses the handle. */
  abstract readonly isOwn: boolean;
  /** Ends what is in flight; what becomes of a window when the stream is destroyed. */
  settle: () => Promise<void> = async () => {};
  /** The handle, where a window may stand between it and the stream. */
  get windowed(): CoreHandle | undefined {
    return this.handle;
  }
  /** The stream has been destroyed; whether its file could be opened does not matter any more. */
  cancelOpening(): void {}
  /** Whether an open has failed since it was cancelled, so that there is nothing to close. */
  isGivenUp = false;
  /** What the next read shall fail with. */
  failure: { error: unknown } | undefined;

  abstract open(path: string, flags: string | number, mode: number, callback: Callback): void;
  protected abstract end(handle: CoreHandle): Promise<void>;
  protected abstract sync(handle: CoreHandle): Promise<void>;

  close(fd: number, callback: Callback): void {
    const { handle } = this;
    if (this.isGivenUp) nextTick(callback, null);
    else if (handle === undefined) callLive('close', [fd, callback]);
    else callBack(this.#close(handle), callback);
  }

  async #close(handle: CoreHandle): Promise<void> {
    try {
      await this.settle();
    } finally {
      await this.end(handle);
    }
  }

  fsync(fd: number, callback: Callback): void {
    const { handle } = this;
    if (handle === undefined) {
      callLive('fsync', [fd, callback]);
      return;
    }
    const sync = async (): Promise<void> => {
      await this.settle();
      await this.sync(handle);
    };
    callBack(sync(), callback);
  }

  read(...given: Arguments): void {
    const { failure } = this;
    if (failure === undefined) this.call('read', given);
    else nextTick(given.at(-1) as Callback, failure.error);
  }
  write(...given: Arguments): void {
    this.call('write', given);
  }
  writev(...given: Arguments): void {
    this.call('writev', given);
  }

  protected call(name: Transfer, given: Arguments): void {
    callLive(name, given);
  }
}

/** How long a stream that has been destroyed waits for its file to open. */
const openingMsMax = 50;

/** A file that the stream opens itself, and closes. */
export class PathFile extends StreamFile {
  readonly isOwn = true;
  readonly #options: OpenOptions;
  readonly #isClosed: () => boolean;
  readonly #opening = new AbortController();
  #patience: NodeJS.Timeout | undefined;

  /**
   * @param options what Node's streams do not have
   * @param isClosed whether the stream has ended. One that is aborted at once has before its file
   *   is open, and would never close it.
   */
  constructor(options: OpenOptions, isClosed: () => boolean) {
    super();
    this.#options = options;
    this.#isClosed = isClosed;
  }

  open(path: string, flags: string | number, mode: number, callback: Callback): void {
    if (isReplaced(usedFunctions) && Object.keys(this.#options).length === 0) {
      callLive('open', [path, flags, mode, callback]);
      return;
    }
    callBack(this.#open(path, flags, mode), callback, (fd) => [fd]);
  }

  async #open(path: string, flags: string | number, mode: number): Promise<number> {
    const handle = await this.#openOrGiveUp(path, flags, mode);
    this.handle = handle;
    handle.cursor.share();
    const { descriptor } = handle.file;
    if (this.#isClosed()) void handle.close();
    return descriptor;
  }

  async #openOrGiveUp(path: string, flags: string | number, mode: number): Promise<CoreHandle> {
    const { signal } = this.#opening;
    try {
      return await openCore(path, flags, { ...this.#options, mode, signal });
    } catch (error) {
      this.isGivenUp = signal.aborted && (error as NodeJS.ErrnoException).code === 'ABORT_ERR';
      throw error;
    } finally {
      clearTimeout(this.#patience);
    }
  }

  // What opens soon is opened and closed, with its events, as in Node. A FIFO may never open.
  override cancelOpening(): void {
    if (this.handle !== undefined) return;
    this.#patience ??= setTimeout(() => this.#opening.abort(), openingMsMax).unref();
  }

  protected end(handle: CoreHandle): Promise<void> {
    return handle.close();
  }

  protected sync(handle: CoreHandle): Promise<void> {
    return handle.sync();
  }
}

/** A handle that is held for the stream, and that the stream closes when it has ended. */
export class HandleFile extends StreamFile {
  readonly isOwn = false;
  readonly #given: PublicHandle;
  readonly #release: () => void;

  constructor(given: PublicHandle, core: CoreHandle, release: () => void) {
    super();
    this.handle = core;
    this.#given = given;
    this.#release = release;
  }

  // A program that has put functions of its own into the handle shall see the calls it expects.
  override get windowed(): CoreHandle | undefined {
    return transfers.some((name) => Object.hasOwn(this.#given, name)) ? undefined : this.handle;
  }

  protected override call(name: Transfer, given: Arguments): void {
    const callback = given.at(-1) as Callback;
    type Method = (
      ...given: unknown[]
    ) => Promise<{ bytesRead: number } | { bytesWritten: number }>;
    const handle = this.#given as unknown as Record<Transfer, Method>;
    callBack(handle[name](...given.slice(1, -1)), callback, (result) => [
      'bytesRead' in result ? result.bytesRead : result.bytesWritten,
      given[1],
    ]);
  }

  open(_path: string, _flags: string | number, _mode: number, callback: Callback): void {
    nextTick(callback, null, this.handle?.file.streamDescriptor);
  }

  protected end(): Promise<void> {
    this.#release();
    return this.#given.close();
  }

  protected sync(): Promise<void> {
    return this.#given.sync();
  }
}

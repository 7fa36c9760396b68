import liveFs from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import type { FirstBytes, Opened } from '../handle/open.js';
import type { StreamOpenOptions } from '../handle/open-options.js';
import type { PublicHandle } from '../handle/public-handle.js';
import { fileClosed } from '../node/errors.js';
import { clearTimeout, nextTick, setTimeout } from '../node/globals.js';
import { isReplaced } from '../node/layers.js';
import { nodeFs } from '../node/node-fs.js';
import { noOptions } from '../node/own-options.js';
import type { GivenHandle } from './held-file.js';
import { HeldFile, isGivenHandle } from './held-file.js';

type Callback = (error: unknown, ...results: unknown[]) => void;
type Arguments = readonly unknown[];

/** The functions of Node's `fs` option, with a callback as the last argument. */
type Functions = Record<string, (...given: unknown[]) => void>;

// The functions of `fs` that Node's streams call.
const usedFunctions = ['open', 'read', 'write', 'writev', 'fsync', 'close'] as const;

type Transfer = 'read' | 'write' | 'writev';
const transfers: readonly Transfer[] = ['read', 'write', 'writev'];

function callLive(name: (typeof usedFunctions)[number], given: Arguments): void {
  (liveFs as unknown as Functions)[name]?.(...given);
}

/**
 * Calls back once the promise has settled, outside of its reaction: an error thrown by a listener
 * of the stream becomes an uncaught exception, as in Node, and not a rejection.
 */
function callBack(promise: Promise<unknown>, callback: Callback): void {
  promise.then(
    () => nextTick(callback, null),
    (error) => nextTick(callback, error),
  );
}

/** After this time a destroyed stream checks whether opening its file may never end. */
const patienceMs = 50;

/** What moves the bytes between a stream and its open file. */
export interface Mover {
  /**
   * Ends operations in flight when the stream is destroyed. Returns undefined if none has to be
   * waited for.
   */
  settle(): Promise<void> | undefined;
  /** Begins writes that wait for the end of the turn. */
  beginWrites?(): void;
}

/**
 * The file of one of Node's streams, in the form of their `fs` option. They open and close through
 * it. Reads and writes go through a window over the open file, and come here only without a window:
 * for a descriptor that the program has opened with functions of its own.
 */
export class NodeFile {
  /** The file; undefined before open() is called, and if the program's own functions are used. */
  held: HeldFile | undefined;
  /** Undefined before the first transfer. */
  mover: Mover | undefined;
  /** Opens a file whose opening has been put off. */
  openAtOnce: (() => void) | undefined;
  /** The error to report for the next read. */
  failure: { error: unknown } | undefined;
  readonly #options: StreamOpenOptions;
  readonly #given: PublicHandle | undefined;
  readonly #stream: { readonly closed: boolean };
  #isUnwanted = false;
  #patience: NodeJS.Timeout | undefined;

  /**
   * @param file options of open() in addition to Node's for a path, or the given handle
   * @param stream a stream that is aborted at once ends before its file is open, and never closes
   *   it
   */
  constructor(file: StreamOpenOptions | GivenHandle, stream: { readonly closed: boolean }) {
    this.#stream = stream;
    if (isGivenHandle(file)) {
      this.#options = noOptions;
      this.#given = file.handle;
      this.held = new HeldFile(file);
    } else {
      this.#options = file;
    }
  }

  /** The open file, if a window may stand between it and the stream. */
  get windowed(): CoreHandle | undefined {
    const given = this.#given;
    // A program that has replaced functions of the handle gets the calls it expects.
    if (given !== undefined && transfers.some((name) => Object.hasOwn(given, name))) {
      return undefined;
    }
    return this.held?.handle;
  }

  /** Whether opening was given up, so that it has not failed for the stream. */
  get isGivenUp(): boolean {
    return this.held?.isGivenUp === true;
  }

  /**
   * Calls back with an error, or null, the descriptor and the number of bytes written. There is no
   * descriptor if the file has been closed again.
   * @param first bytes that are written at once
   */
  open(
    path: string,
    flags: string | number,
    mode: number,
    callback: Callback,
    first?: FirstBytes,
  ): void {
    // A stream that was aborted at once has closed its handle before it would be opened.
    if (this.#given !== undefined) {
      nextTick(callback, fileClosed('open'));
      return;
    }
    const options = this.#options;
    if (isReplaced(usedFunctions) && Object.keys(options).length === 0) {
      callLive('open', [path, flags, mode, callback]);
      return;
    }
    const held = new HeldFile({ path, flags, mode, options });
    this.held = held;
    const opened: Opened = (error, handle, bytesWritten = 0) => {
      if (this.#patience !== undefined) clearTimeout(this.#patience);
      if (error) {
        callback(error);
        return;
      }
      const descriptor = handle?.file.streamDescriptor;
      if (this.#stream.closed) handle?.close().catch(() => {});
      callback(null, descriptor, bytesWritten);
    };
    try {
      held.openBy(opened, first);
      if (this.#isUnwanted) this.#losePatience(path);
    } catch (error) {
      nextTick(callback, error);
    }
  }

  /**
   * Handles a stream that is destroyed before its file is open. A file is opened and closed, with
   * the stream's events, as in Node. Opening a FIFO or a device may never end and is canceled.
   * @param path the path of the stream
   */
  cancelOpening(path: string): void {
    this.openAtOnce?.();
    this.#isUnwanted = true;
    if (this.held?.isOpening === true) this.#losePatience(path);
  }

  // Time alone proves nothing: the thread or the machine may have been busy.
  #losePatience(path: string): void {
    this.#patience ??= setTimeout(() => {
      nodeFs.stat(path, (_error, status) => {
        const isFile = status === undefined || status.isFile() || status.isDirectory();
        if (!isFile) this.held?.cancelOpening();
      });
    }, patienceMs).unref();
  }

  close(fd: number, callback: Callback): void {
    const { held } = this;
    if (this.isGivenUp) nextTick(callback, null);
    else if (held === undefined) callLive('close', [fd, callback]);
    else callBack(this.#close(held), callback);
  }

  #close(held: HeldFile): Promise<void> {
    const settling = this.mover?.settle();
    if (settling === undefined) return held.close(true);
    return settling.then(
      () => held.close(true),
      (error) =>
        held.close(true).then(() => {
          throw error;
        }),
    );
  }

  fsync(fd: number, callback: Callback): void {
    const { held } = this;
    if (held === undefined) callLive('fsync', [fd, callback]);
    else callBack(this.#sync(held), callback);
  }

  async #sync(held: HeldFile): Promise<void> {
    await this.mover?.settle();
    await held.sync();
  }

  read(...given: Arguments): void {
    const { failure } = this;
    if (failure === undefined) this.#call('read', given);
    else nextTick(given.at(-1) as Callback, failure.error);
  }
  write(...given: Arguments): void {
    this.#call('write', given);
  }
  writev(...given: Arguments): void {
    this.#call('writev', given);
  }

  #call(name: Transfer, given: Arguments): void {
    if (this.#given === undefined) {
      callLive(name, given);
      return;
    }
    type Method = (
      ...given: unknown[]
    ) => Promise<{ bytesRead: number } | { bytesWritten: number }>;
    const callback = given.at(-1) as Callback;
    const handle = this.#given as unknown as Record<Transfer, Method>;
    handle[name](...given.slice(1, -1)).then(
      (result) => {
        const bytes = 'bytesRead' in result ? result.bytesRead : result.bytesWritten;
        nextTick(callback, null, bytes, given[1]);
      },
      (error) => nextTick(callback, error),
    );
  }
}

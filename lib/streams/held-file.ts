import { getEngine } from '../engine/engine.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { type FirstBytes, type Opened, openForStream } from '../handle/open.js';
import { parseStreamOptions, type StreamOpenOptions } from '../handle/open-options.js';
import type { PublicHandle } from '../handle/public-handle.js';
import type { SystemError } from '../node/errors.js';
import type { PathLike } from '../node/paths.js';

/** A file that a stream opens and closes itself. */
export interface FilePath {
  readonly path: PathLike;
  readonly flags: string | number;
  readonly mode?: number | string | undefined;
  readonly options: StreamOpenOptions;
}

/** A handle that was given to a stream. */
export interface GivenHandle {
  /** Its close() and sync() are called, because a program may have replaced them. */
  readonly handle: PublicHandle;
  readonly core: CoreHandle;
  /** Called when the handle is being closed, so that the stream ends. */
  onClosing(): void;
}

/** Whether a stream is given a handle. Any object may inherit properties from Object.prototype. */
export function isGivenHandle(file: object): file is GivenHandle {
  return Object.hasOwn(file, 'core');
}

/**
 * The file of a stream of any kind: one that the stream opens and closes itself, or a given handle
 * that is held for it.
 */
export class HeldFile {
  readonly isOwn: boolean;
  /** Undefined until the file is open. */
  handle: CoreHandle | undefined;
  readonly #path: FilePath | undefined;
  readonly #given: PublicHandle | undefined;
  readonly #onClosing: (() => void) | undefined;
  #release: (() => void) | undefined;
  #opening: Promise<CoreHandle> | undefined;
  #isOpening = false;
  #isUnwanted = false;
  #isGivenUp = false;

  constructor(file: FilePath | GivenHandle) {
    if (isGivenHandle(file)) {
      this.isOwn = false;
      this.handle = file.core;
      this.#given = file.handle;
      this.#onClosing = () => file.onClosing();
    } else {
      this.isOwn = true;
      this.#path = file;
    }
  }

  /** Keeps a given handle open until close(); its own close() waits for that. */
  hold(): void {
    if (this.#onClosing !== undefined) this.#release = this.handle?.hold(this.#onClosing);
  }

  /** Opens the file, once. @throws a system error; AbortError after cancelOpening() */
  open(): Promise<CoreHandle> {
    if (this.#opening !== undefined) return this.#opening;
    if (this.handle !== undefined) return Promise.resolve(this.handle);
    this.#opening = new Promise((resolve, reject) => {
      this.openBy((error, core) => (error ? reject(error) : resolve(core as CoreHandle)));
    });
    return this.#opening;
  }

  /**
   * Opens the file like open(), and calls back outside promise reactions. close() must not be
   * called before that.
   * @param first bytes that are written at once
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
   */
  openBy(opened: Opened, first?: FirstBytes): void {
    const { path, flags, mode, options } = this.#path as FilePath;
    const called: Opened = (error, core, bytesWritten) => {
      this.handle = core;
      this.#isOpening = false;
      this.#isGivenUp = this.#isUnwanted && (error as SystemError | null)?.code === 'ABORT_ERR';
      opened(error, core, bytesWritten);
    };
    openForStream(path, parseStreamOptions(flags, mode, options), this, called, first);
    this.#isOpening = true;
  }

  /** Whether the file is being opened. */
  get isOpening(): boolean {
    return this.#isOpening;
  }

  /** Whether opening was canceled and has failed, so that there is nothing to close. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Gives up an open that may never end, such as opening a FIFO without a writer. */
  cancelOpening(): void {
    if (!this.#isOpening) return;
    this.#isUnwanted = true;
    getEngine().cancelOwnedBy(this);
  }

  /**
   * Called when a program learns the descriptor: it can use the cursor.
   * @param mayClose whether it may close a file that the stream has opened
   */
  shareDescriptor(mayClose: boolean): void {
    const { handle } = this;
    if (handle === undefined || handle.file.state === 'closed') return;
    handle.cursor.share();
    if (this.isOwn) handle.file.shareDescriptor(mayClose);
  }

  /** Called when the stream has ended: only a program that closes the descriptor keeps the file. */
  leaveToDescriptor(): void {
    if (this.isOwn) this.handle?.file.leaveToDescriptor();
  }

  async sync(): Promise<void> {
    await (this.#given ?? this.handle)?.sync();
  }

  /**
   * Releases the file when no operation of the stream is in flight.
   * @param closes whether a given handle is closed; a file opened by the stream always is
   */
  close(closes: boolean): Promise<void> {
    const opening = this.handle === undefined ? this.#opening : undefined;
    if (opening === undefined) return this.#close(closes);
    // A file that could not be opened need not be closed.
    const close = (): Promise<void> => this.#close(closes);
    return opening.then(close, close);
  }

  #close(closes: boolean): Promise<void> {
    this.#release?.();
    const handle = this.isOwn || closes ? (this.#given ?? this.handle) : undefined;
    if (handle === undefined) return Promise.resolve();
    // A close() by the program waits for the events of this stream.
    const left = this.handle?.file.left;
    const closed = handle.close();
    if (left === undefined) return closed;
    closed.catch(() => {});
    return left;
  }
}

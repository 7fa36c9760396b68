import type { FileHandle } from '../file-handle/file-handle.js';
import {
  type OpenOptions,
  type StreamOpenOptions,
  streamOpenOptionsOf,
} from '../handle/open-options.js';
import { abortError, invalidArgType, systemErrorOf } from '../node/errors.js';
import { type PathLike, parsePath } from '../node/paths.js';
import { validateBoolean, validateInteger, validateSignal } from '../node/validate.js';

/** Opens what is not a handle yet. The streams stand below it, since handles make streams. */
export type OpenPath = (
  path: PathLike,
  flags: string | number,
  options: OpenOptions,
) => Promise<FileHandle>;

export interface FileOptions extends StreamOpenOptions, Pick<OpenOptions, 'mode'> {
  /** How a path is opened; Node's flags. */
  flags?: string | number | undefined;
  /** A handle in the place of a path. */
  fd?: FileHandle | null | undefined;
  /** Whether the stream closes the handle that it was given when it ends. Default true. */
  autoClose?: boolean | undefined;
  /** Ends the stream with an AbortError. */
  signal?: AbortSignal | undefined;
}

/** Called when others end a stream: with an AbortError, or EBADF where its handle is closed. */
export type Interrupt = (error: Error) => void;

function isHandle(value: unknown): value is FileHandle {
  return typeof (value as Partial<FileHandle> | null)?.hold === 'function';
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function validatePlace(place: unknown, name: string, least = 0): void {
  if (place !== undefined && place !== Number.POSITIVE_INFINITY) {
    validateInteger(place, name, least);
  }
}

/** The file of a stream: one that it opens and closes itself, or a handle that is held for it. */
export class HeldFile {
  readonly path: PathLike | undefined;
  readonly isOwn: boolean;
  readonly autoClose: boolean;
  readonly #flags: string | number;
  readonly #options: OpenOptions;
  readonly #openPath: OpenPath | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #interrupt: Interrupt;
  #handle: FileHandle | undefined;
  #opening: Promise<FileHandle> | undefined;
  readonly #openingCancellation = new AbortController();
  #closing: Promise<void> | undefined;
  #release = (): void => {};

  constructor(
    path: PathLike | null | undefined,
    options: FileOptions,
    flags: string,
    operation: 'read' | 'write',
    openPath: OpenPath | undefined,
    interrupt: Interrupt,
  ) {
    const { fd, autoClose = true, signal } = options;
    validateBoolean(autoClose, 'options.autoClose');
    validateSignal(signal);
    if (fd == null) parsePath(path);
    else if (!isHandle(fd)) {
      throw invalidArgType('options.fd', 'an instance of FileHandle of this package', fd);
    }
    this.isOwn = fd == null;
    this.path = this.isOwn ? (path as PathLike) : undefined;
    this.autoClose = autoClose;
    this.#flags = options.flags ?? flags;
    this.#options = { mode: options.mode, ...streamOpenOptionsOf(options) };
    this.#openPath = openPath;
    this.#signal = signal;
    this.#interrupt = interrupt;
    if (fd != null) {
      this.#handle = fd;
      this.#release = fd.hold(() => interrupt(systemErrorOf('EBADF', { syscall: operation })));
    }
    // Not before whoever makes the stream has it.
    if (signal?.aborted) queueMicrotask(this.#abort);
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Opens the file, once. @throws a system error */
  open(): Promise<FileHandle> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<FileHandle> {
    const path = this.path as PathLike;
    const openPath = this.#openPath as OpenPath;
    const { signal } = this.#openingCancellation;
    this.#handle ??= await openPath(path, this.#flags, { ...this.#options, signal });
    return this.#handle;
  }

  /** A FIFO without a writer, say, is not opened for ever. */
  cancelOpening(): void {
    if (this.#handle === undefined) this.#openingCancellation.abort();
  }

  /** Lets go of the file, once; nothing is in flight any more. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort);
    // One that cannot be opened need not be closed.
    await this.#opening?.catch(() => {});
    this.#release();
    if (this.isOwn || this.autoClose) await this.#handle?.close();
  }

  readonly #abort = (): void => {
    if (this.#closing === undefined) this.#interrupt(abortError(this.#signal as AbortSignal));
  };
}

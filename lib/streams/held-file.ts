import type { CoreHandle } from '../handle/core-handle.js';
import { requireCore } from '../handle/core-of.js';
import { openCore } from '../handle/open.js';
import {
  type OpenOptions,
  type StreamOpenOptions,
  streamOpenOptionsOf,
} from '../handle/open-options.js';
import type { PublicHandle } from '../handle/public-handle.js';
import { abortError, systemErrorOf } from '../node/errors.js';
import { AbortController, queueMicrotask } from '../node/globals.js';
import { type PathLike, parsePath } from '../node/paths.js';
import { validateBoolean, validateInteger, validateSignal } from '../node/validate.js';

export interface FileOptions extends StreamOpenOptions, Pick<OpenOptions, 'mode'> {
  /** How a path is opened; Node's flags. */
  flags?: string | number | undefined;
  /** A FileHandle of this package instead of a path. */
  fd?: PublicHandle | null | undefined;
  /** Whether the stream closes the handle that it was given when it ends. Default true. */
  autoClose?: boolean | undefined;
  /** Ends the stream with an AbortError. */
  signal?: AbortSignal | undefined;
}

/** Called when others end a stream: with an AbortError, or EBADF where its handle is closed. */
export type Interrupt = (error: Error) => void;

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
  readonly #signal: AbortSignal | undefined;
  readonly #interrupt: Interrupt;
  /** The handle that the stream was given, whose close() a program may have replaced. */
  readonly #given: PublicHandle | undefined;
  #handle: CoreHandle | undefined;
  #opening: Promise<CoreHandle> | undefined;
  readonly #openingCancellation = new AbortController();
  #closing: Promise<void> | undefined;
  #release = (): void => {};

  constructor(
    path: PathLike | null | undefined,
    options: FileOptions,
    flags: string,
    operation: 'read' | 'write',
    interrupt: Interrupt,
  ) {
    const { fd, autoClose = true, signal } = options;
    validateBoolean(autoClose, 'options.autoClose');
    validateSignal(signal);
    if (fd == null) parsePath(path);
    const core = fd == null ? undefined : requireCore(fd, 'options.fd');
    this.isOwn = fd == null;
    this.path = this.isOwn ? (path as PathLike) : undefined;
    this.autoClose = autoClose;
    this.#flags = options.flags ?? flags;
    this.#options = { mode: options.mode, ...streamOpenOptionsOf(options) };
    this.#signal = signal;
    this.#interrupt = interrupt;
    this.#given = fd ?? undefined;
    if (core !== undefined) {
      this.#handle = core;
      this.#release = core.hold(() => interrupt(systemErrorOf('EBADF', { syscall: operation })));
    }
    // Not before whoever makes the stream has it.
    if (signal?.aborted) queueMicrotask(this.#abort);
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Opens the file, once. @throws a system error */
  open(): Promise<CoreHandle> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<CoreHandle> {
    const path = this.path as PathLike;
    const { signal } = this.#openingCancellation;
    this.#handle ??= await openCore(path, this.#flags, { ...this.#options, signal });
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
    if (this.isOwn || this.autoClose) await (this.#given ?? this.#handle)?.close();
  }

  readonly #abort = (): void => {
    if (this.#closing === undefined) this.#interrupt(abortError(this.#signal as AbortSignal));
  };
}

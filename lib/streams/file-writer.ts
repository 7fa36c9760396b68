import { isPromise } from 'node:util/types';
import type { CoreHandle } from '../handle/core-handle.js';
import { AbortError } from '../node/errors.js';
import { ownOptions } from '../node/own-options.js';
import type { PathLike } from '../node/paths.js';
import { validateBoolean } from '../node/validate.js';
import { validateWindow, type WindowOptions } from '../transfer/window.js';
import { WriteBehind } from '../transfer/write-behind.js';
import type { WriteCallback } from '../transfer/write-part.js';
import { type FileOptions, fileOf, type Interrupt, validatePlace } from './file-options.js';
import { hasPlaces, placeToAppend, placeWithoutStart, watchCursor } from './first-place.js';
import type { HeldFile } from './held-file.js';

export interface FileWriterOptions extends FileOptions {
  /** Position of the first byte. Default: the start of a path, the cursor of a handle. */
  start?: number | undefined;
  /** Bounds of the window of writes. */
  writeBehind?: WindowOptions | undefined;
  /** Whether the file is synced after the last write, before it is closed. Default false. */
  flush?: boolean | undefined;
}

export interface WritingOptions {
  /** Position of the first byte, if the user gives one. */
  start: number | undefined;
  /** Without a start: bytes of the stream that are in the file already. Default 0. */
  readonly skipped?: number | undefined;
  readonly autoClose: boolean;
  readonly window: WindowOptions;
  onFlushed(flushedPosition: number): void;
  onFailed(error: unknown): void;
}

export interface Writing {
  readonly behind: WriteBehind;
  /** Position of the first byte; 0 at the cursor. */
  readonly start: number;
}

/** Starts writing a stream's open file; returns a promise if the size must be looked up. */
export function beginWriting(file: HeldFile, options: WritingOptions): Writing | Promise<Writing> {
  const handle = file.handle as CoreHandle;
  const end = placeToAppend(handle);
  if (isPromise(end)) {
    return end.then((place) => writingAt(file, handle, place, false, options));
  }
  if (end === null) return writingAt(file, handle, null, false, options);
  const isFree = options.start === undefined;
  const first = options.start ?? placeWithoutStart(handle, file, options.autoClose);
  const start = isFree && first !== null ? first + (options.skipped ?? 0) : first;
  return writingAt(file, handle, start, isFree, options);
}

function writingAt(
  file: HeldFile,
  handle: CoreHandle,
  start: number | null,
  isFree: boolean,
  { start: given, window, onFlushed, onFailed }: WritingOptions,
): Writing {
  const isOwn = file.isOwn && hasPlaces(handle);
  const movesCursor = given === undefined && handle.alignment !== null;
  const behind = new WriteBehind(handle, {
    ...window,
    start,
    leavesPrefix: hasPlaces(handle),
    size: isOwn ? handle.file.sizeWhenOpened : undefined,
    mayUseCursor: isFree,
    canceller: isOwn ? handle : undefined,
    onFlushed: (position) => {
      if (movesCursor) handle.cursor.position = position;
      onFlushed(position);
    },
    onFailed,
  });
  if (isFree && start !== null && handle.alignment === null) {
    watchCursor(handle, () => {
      behind.useCursor();
      return behind.position;
    });
  }
  return { behind, start: start ?? 0 };
}

/** Writes a file for a stream: opens it, writes behind, and closes it when nothing is in flight. */
export class FileWriter {
  readonly path: PathLike | undefined;
  readonly #file: HeldFile;
  readonly #autoClose: boolean;
  readonly #unlisten: () => void;
  readonly #options: FileWriterOptions;
  readonly #interrupt: Interrupt;
  readonly #onFlushed: (position: number) => void;
  #behind: WriteBehind | undefined;
  #start = 0;
  #isFinished = false;
  #cancelled: { error: unknown } | undefined;
  #cancelling: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param interrupt called when the stream is ended from outside, or a write failed; the stream
   *   then cancels and closes this writer
   * @param onFlushed called when flushedPosition has moved
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
   */
  constructor(
    path: PathLike | null | undefined,
    options: FileWriterOptions,
    interrupt: Interrupt,
    onFlushed: (position: number) => void,
  ) {
    const { start, flush = false, writeBehind = {} } = ownOptions(options);
    validatePlace(start, 'options.start');
    validateBoolean(flush, 'options.flush');
    validateWindow(writeBehind, 'options.writeBehind');
    this.#options = ownOptions(options);
    this.#interrupt = interrupt;
    this.#onFlushed = onFlushed;
    const { file, autoClose, unlisten } = fileOf(path, options, 'w', 'write', (error) => {
      if (this.#closing === undefined) interrupt(error);
    });
    this.#file = file;
    this.#autoClose = autoClose;
    this.#unlisten = unlisten;
    this.path = file.isOwn ? (path as PathLike) : undefined;
  }

  /** Whether the file is not open yet. */
  get pending(): boolean {
    return this.#behind === undefined;
  }

  /** All bytes before this position are in the file; they are durable after a sync. */
  get flushedPosition(): number {
    return this.#behind?.flushedPosition ?? this.#options.start ?? 0;
  }

  /** Bytes of the stream that are in the file. */
  get bytesWritten(): number {
    return this.#behind === undefined ? 0 : this.#behind.flushedPosition - this.#start;
  }

  /** @throws a system error */
  async open(): Promise<void> {
    await this.#file.open();
    if (this.#cancelled !== undefined) return;
    const writing = await beginWriting(this.#file, {
      start: this.#options.start,
      autoClose: this.#autoClose,
      window: this.#options.writeBehind ?? {},
      onFlushed: this.#onFlushed,
      // No later call may report the error.
      onFailed: (error) => {
        if (this.#cancelled === undefined) this.#interrupt(error as Error);
      },
    });
    if (this.#cancelled !== undefined) return;
    this.#start = writing.start;
    this.#behind = writing.behind;
  }

  /**
   * Writes chunks to an open file.
   * @param untilFree whether to wait until their memory is free; a piped stream does not reuse it
   * @param taken called when there is room for more, or with the first error
   */
  write(chunks: readonly Uint8Array[], untilFree: boolean, taken: WriteCallback): void {
    const behind = this.#behind;
    if (behind === undefined || this.#cancelled !== undefined) {
      taken(this.#cancelled?.error ?? new AbortError());
      return;
    }
    let used = 1;
    const free = (error?: unknown): void => {
      if (--used > 0) return;
      if (error === undefined) behind.whenRoom(taken);
      else taken(error);
    };
    try {
      for (const chunk of chunks) {
        if (untilFree) used++;
        behind.write(chunk, untilFree ? free : undefined);
      }
    } catch (error) {
      taken(error);
      return;
    }
    free();
  }

  /** Writes the remaining bytes, and syncs the file if requested. @throws a system error */
  async finish(): Promise<void> {
    await this.#behind?.finish();
    if (this.#cancelled !== undefined) throw this.#cancelled.error;
    if (this.#options.flush) await this.#file.sync();
    this.#isFinished = true;
  }

  /**
   * Cancels writes in flight, unless everything is written.
   * @param error error passed to waiting callers
   */
  cancel(error: unknown = new AbortError()): void {
    if (this.#isFinished || this.#cancelled !== undefined) return;
    this.#cancelled = { error };
    this.#file.cancelOpening();
    this.#cancelling = this.#behind?.cancel(error);
    // close() rejects with its error.
    this.#cancelling?.catch(() => {});
  }

  /** Cancels writes in flight, waits for them and closes the file. @throws a system error */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.cancel();
    this.#unlisten();
    try {
      await this.#cancelling;
    } finally {
      await this.#file.close(this.#autoClose);
    }
  }
}

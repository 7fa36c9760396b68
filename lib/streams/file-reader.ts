import type { CoreHandle } from '../handle/core-handle.js';
import { ownOptions } from '../node/own-options.js';
import type { PathLike } from '../node/paths.js';
import { ReadAhead } from '../transfer/read-ahead.js';
import { validateWindow, type WindowOptions } from '../transfer/window.js';
import { type FileOptions, fileOf, type Interrupt, validatePlace } from './file-options.js';
import { hasPlaces, placeWithoutStart, watchCursor } from './first-place.js';
import type { HeldFile } from './held-file.js';

export interface FileReaderOptions extends FileOptions {
  /** Position of the first byte. Default: the start of a path, the cursor of a handle. */
  start?: number | undefined;
  /** Position of the last byte, inclusive, as in Node's streams. Default: the end of the file. */
  end?: number | undefined;
  /** Bounds of the window of reads. */
  readAhead?: WindowOptions | undefined;
}

export interface ReadingOptions {
  /** Position of the first byte, if the user gives one. */
  start: number | undefined;
  /** Position of the last byte; without a start the number of bytes less one. */
  end: number;
  readonly autoClose: boolean;
  readonly window: WindowOptions;
  /** Chunk sizes are multiples of this many bytes. */
  readonly unit?: number | undefined;
  /** Bytes of a read at the cursor, which must not read more than node:fs would. */
  readonly cursorRead?: number | undefined;
  /** Without a start: bytes delivered to the stream before. Default 0. */
  readonly skipped?: number | undefined;
  /**
   * Returns the bytes delivered to the stream so far, from the start. Default: all that the window
   * returned.
   */
  delivered?: (() => number) | undefined;
  /** Called when the rest is read at the cursor, which is after the delivered bytes. */
  onShared?: (() => void) | undefined;
}

export interface Reading {
  readonly ahead: ReadAhead;
  /** Position of the first byte; null at the cursor. */
  readonly start: number | null;
}

/** Starts reading a stream's open file. */
export function beginReading(file: HeldFile, options: ReadingOptions): Reading {
  const handle = file.handle as CoreHandle;
  const { start: given, end, autoClose, window, unit, cursorRead, delivered } = options;
  const isFree = given === undefined;
  const first = given ?? placeWithoutStart(handle, file, autoClose);
  const start = isFree && first !== null ? first + (options.skipped ?? 0) : first;
  const isOwn = file.isOwn && hasPlaces(handle);
  const ahead = new ReadAhead(handle, {
    ...(start === null && cursorRead !== undefined ? { chunkSize: cursorRead } : window),
    start,
    // Without a start, the end is a number of bytes.
    end: end + 1 + (isFree ? (start ?? 0) : 0),
    unit,
    size: isOwn ? handle.file.sizeWhenOpened : undefined,
    mayUseCursor: isFree,
    canceller: isOwn ? handle : undefined,
  });
  if (isFree && first !== null && handle.alignment === null) {
    watchCursor(handle, () => {
      const place = delivered === undefined ? ahead.position : first + delivered();
      ahead.useCursor(place, cursorRead);
      options.onShared?.();
      return place;
    });
  }
  return { ahead, start: first };
}

/** Reads a file for a stream: opens it, reads ahead, and closes it when nothing is in flight. */
export class FileReader {
  readonly path: PathLike | undefined;
  readonly #file: HeldFile;
  readonly #autoClose: boolean;
  readonly #unlisten: () => void;
  readonly #options: FileReaderOptions;
  #ahead: ReadAhead | undefined;
  #movesCursor = false;
  #isCancelled = false;
  #cancelling: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** Bytes delivered to the stream. */
  bytesRead = 0;

  /**
   * @param interrupt called when the stream is ended from outside; the stream then cancels and
   *   closes this reader
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
   */
  constructor(path: PathLike | null | undefined, options: FileReaderOptions, interrupt: Interrupt) {
    const { start, end, readAhead = {} } = ownOptions(options);
    validatePlace(start, 'options.start');
    validatePlace(end, 'options.end', start);
    validateWindow(readAhead, 'options.readAhead');
    this.#options = ownOptions(options);
    const { file, autoClose, unlisten } = fileOf(path, options, 'r', 'read', (error) => {
      if (this.#closing === undefined) interrupt(error);
    });
    this.#file = file;
    this.#autoClose = autoClose;
    this.#unlisten = unlisten;
    this.path = file.isOwn ? (path as PathLike) : undefined;
  }

  /** Whether the file is not open yet. */
  get pending(): boolean {
    return this.#ahead === undefined;
  }

  /** @throws a system error */
  async open(): Promise<void> {
    const handle = await this.#file.open();
    if (this.#isCancelled) return;
    const { start, end = Number.POSITIVE_INFINITY, readAhead = {} } = this.#options;
    this.#movesCursor = start === undefined && handle.alignment !== null;
    const { ahead } = beginReading(this.#file, {
      start,
      end,
      autoClose: this.#autoClose,
      window: readAhead,
    });
    this.#ahead = ahead;
  }

  /** Returns the next chunk; null at the end and after cancel(); undefined if none is ready. */
  take(): Buffer | null | undefined {
    if (this.#ahead === undefined) return null;
    const chunk = this.#ahead.take();
    if (chunk) this.#count(chunk.byteLength);
    return chunk;
  }

  /** Calls back once when take() has a result, after it returned undefined. */
  whenReady(callback: () => void): void {
    this.#ahead?.whenReady(callback);
  }

  /** Returns the next chunk, or null at the end and after cancel(). @throws a system error */
  async next(): Promise<Buffer | null> {
    const chunk = (await this.#ahead?.next()) ?? null;
    if (chunk !== null) this.#count(chunk.byteLength);
    return chunk;
  }

  /** Reads like ReadAhead.readInto(); returns 0 also after cancel(). */
  async readInto(target: Uint8Array): Promise<number> {
    const bytes = (await this.#ahead?.readInto(target)) ?? 0;
    this.#count(bytes);
    return bytes;
  }

  #count(bytes: number): void {
    this.bytesRead += bytes;
    if (this.#movesCursor) (this.#file.handle as CoreHandle).cursor.position += bytes;
  }

  /** Cancels reads in flight; waiting consumers learn that there are no more bytes. */
  cancel(): void {
    this.#isCancelled = true;
    this.#file.cancelOpening();
    this.#cancelling ??= this.#ahead?.cancel();
  }

  /** Cancels reads in flight, waits for them and closes the file. @throws a system error */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.cancel();
    this.#unlisten();
    await this.#cancelling;
    await this.#file.close(this.#autoClose);
  }
}

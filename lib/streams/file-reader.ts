import type { CoreHandle } from '../handle/core-handle.js';
import type { PathLike } from '../node/paths.js';
import { ReadAhead } from '../transfer/read-ahead.js';
import { validateWindow, type WindowOptions } from '../transfer/window.js';
import { type FileOptions, fileOf, type Interrupt, validatePlace } from './file-options.js';
import { hasPlaces, placeWithoutStart, watchCursor } from './first-place.js';
import type { HeldFile } from './held-file.js';

export interface FileReaderOptions extends FileOptions {
  /** Place of the first byte. Default: the start of a path, the cursor of a handle. */
  start?: number | undefined;
  /** Place of the last byte, as of Node's streams. Default: the end of the file. */
  end?: number | undefined;
  /** Bounds of the window of reads. */
  readAhead?: WindowOptions | undefined;
}

export interface ReadingOptions {
  /** Place of the first byte where the user gives one. */
  start: number | undefined;
  /** Place of the last byte; without a start the number of bytes less one. */
  end: number;
  readonly autoClose: boolean;
  readonly window: WindowOptions;
  /** Bytes that chunks shall be multiples of. */
  readonly unit?: number | undefined;
  /** Bytes of a read at the cursor, where no more may be read than node:fs would. */
  readonly cursorRead?: number | undefined;
  /** Bytes that the stream has been given so far. */
  delivered(): number;
  /** Called when the rest is read at the cursor, which is behind what was delivered. */
  onShared?: (() => void) | undefined;
}

export interface Reading {
  readonly ahead: ReadAhead;
  /** Place of the first byte; null at the cursor. */
  readonly start: number | null;
}

/** Begins to read a file that is open for a stream. */
export function beginReading(file: HeldFile, options: ReadingOptions): Reading {
  const handle = file.handle as CoreHandle;
  const { start: given, end, autoClose, window, unit, cursorRead, delivered } = options;
  const isFree = given === undefined;
  const start = given ?? placeWithoutStart(handle, file, autoClose);
  const isOwn = file.isOwn && hasPlaces(handle);
  const ahead = new ReadAhead(handle, {
    ...(start === null && cursorRead !== undefined ? { chunkSize: cursorRead } : window),
    start,
    // Without a start the end is a number of bytes.
    end: end + 1 + (isFree ? (start ?? 0) : 0),
    unit,
    size: isOwn ? handle.file.sizeWhenOpened : undefined,
    mayUseCursor: isFree,
    canceller: isOwn ? handle : undefined,
  });
  if (isFree && start !== null && handle.alignment === null) {
    watchCursor(handle, () => {
      const place = start + delivered();
      ahead.useCursor(place, cursorRead);
      options.onShared?.();
      return place;
    });
  }
  return { ahead, start };
}

/** Reads a file for a stream: opens it, reads it ahead, and closes it when nothing is in flight. */
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
  /** Bytes that the stream has been given. */
  bytesRead = 0;

  /**
   * @param interrupt called when others end the stream; the stream then cancels and closes this
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
   */
  constructor(path: PathLike | null | undefined, options: FileReaderOptions, interrupt: Interrupt) {
    const { start, end, readAhead = {} } = options;
    validatePlace(start, 'options.start');
    validatePlace(end, 'options.end', start);
    validateWindow(readAhead, 'options.readAhead');
    this.#options = options;
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
      delivered: () => this.bytesRead,
    });
    this.#ahead = ahead;
  }

  /** The next chunk; null at the end and once cancelled; undefined where it is not there yet. */
  take(): Buffer | null | undefined {
    if (this.#ahead === undefined) return null;
    const chunk = this.#ahead.take();
    if (chunk) this.#count(chunk.byteLength);
    return chunk;
  }

  /** Calls back, once, when take() has something to say; after it had not. */
  whenReady(callback: () => void): void {
    this.#ahead?.whenReady(callback);
  }

  /** The next chunk, or null at the end and once cancelled. @throws a system error */
  async next(): Promise<Buffer | null> {
    const chunk = (await this.#ahead?.next()) ?? null;
    if (chunk !== null) this.#count(chunk.byteLength);
    return chunk;
  }

  /** As ReadAhead.readInto(); 0 also once cancelled. */
  async readInto(target: Uint8Array): Promise<number> {
    const bytes = (await this.#ahead?.readInto(target)) ?? 0;
    this.#count(bytes);
    return bytes;
  }

  #count(bytes: number): void {
    this.bytesRead += bytes;
    if (this.#movesCursor) (this.#file.handle as CoreHandle).cursor.position += bytes;
  }

  /** Cancels what is in flight; whoever waits for bytes is told that there are no more. */
  cancel(): void {
    this.#isCancelled = true;
    this.#file.cancelOpening();
    this.#cancelling ??= this.#ahead?.cancel();
  }

  /** Cancels what is in flight, waits for it and closes the file. @throws a system error */
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

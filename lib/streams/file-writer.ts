import type { CoreHandle } from '../handle/core-handle.js';
import { AbortError } from '../node/errors.js';
import type { PathLike } from '../node/paths.js';
import { validateBoolean } from '../node/validate.js';
import { validateWindow, type WindowOptions } from '../transfer/window.js';
import { WriteBehind, type WriteCallback } from '../transfer/write-behind.js';
import { placeToAppend, placeWithoutStart } from './first-place.js';
import { type FileOptions, HeldFile, type Interrupt, validatePlace } from './held-file.js';

export interface FileWriterOptions extends FileOptions {
  /** Place of the first byte. Default: the start of a path, the cursor of a handle. */
  start?: number | undefined;
  /** Bounds of the window of writes. */
  writeBehind?: WindowOptions | undefined;
  /** Whether the file is synced when all has been written, before it is closed. Default false. */
  flush?: boolean | undefined;
}

/** Writes a file for a stream: opens it, writes behind, and closes it when nothing is in flight. */
export class FileWriter {
  readonly #file: HeldFile;
  readonly #options: FileWriterOptions;
  readonly #interrupt: Interrupt;
  readonly #onFlushed: (position: number) => void;
  #handle: CoreHandle | undefined;
  #behind: WriteBehind | undefined;
  #start = 0;
  #isFinished = false;
  #cancelled: { error: unknown } | undefined;
  #cancelling: Promise<void> | undefined;

  /**
   * @param interrupt told when others end the stream, or a write failed, who then has to cancel and
   *   close this
   * @param onFlushed called when flushedPosition has moved
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
   */
  constructor(
    path: PathLike | null | undefined,
    options: FileWriterOptions,
    interrupt: Interrupt,
    onFlushed: (position: number) => void,
  ) {
    const { start, flush = false, writeBehind = {} } = options;
    validatePlace(start, 'options.start');
    validateBoolean(flush, 'options.flush');
    validateWindow(writeBehind, 'options.writeBehind');
    this.#options = options;
    this.#interrupt = interrupt;
    this.#onFlushed = onFlushed;
    this.#file = new HeldFile(path, options, 'w', 'write', interrupt);
  }

  get path(): PathLike | undefined {
    return this.#file.path;
  }

  /** Whether the file is not open yet. */
  get pending(): boolean {
    return this.#behind === undefined;
  }

  /** All bytes below it are in the file; after a sync of the file they are durable. */
  get flushedPosition(): number {
    return this.#behind?.flushedPosition ?? this.#options.start ?? 0;
  }

  /** Bytes of the stream that are in the file. */
  get bytesWritten(): number {
    return this.#behind === undefined ? 0 : this.#behind.flushedPosition - this.#start;
  }

  /** @throws a system error */
  async open(): Promise<void> {
    const handle = await this.#file.open();
    const { start, writeBehind } = this.#options;
    const { isOwn, autoClose } = this.#file;
    const end = placeToAppend(handle);
    const place =
      end === undefined ? (start ?? placeWithoutStart(handle, isOwn, autoClose)) : await end;
    if (this.#cancelled !== undefined) return;
    const movesCursor = start === undefined && handle.alignment !== null;
    this.#handle = handle;
    this.#start = place ?? 0;
    this.#behind = new WriteBehind(handle, {
      ...writeBehind,
      start: place,
      onFlushed: (position) => {
        if (movesCursor) handle.cursor.position = position;
        this.#onFlushed(position);
      },
      // It may be that nobody asks for anything any more.
      onFailed: (error) => {
        if (this.#cancelled === undefined) this.#interrupt(error as Error);
      },
    });
  }

  /**
   * Takes chunks of an open file.
   * @param untilFree whether to wait until their memory is free; whoever pipes does not use it
   *   again
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

  /** Writes what is left, and syncs the file where that is asked for. @throws a system error */
  async finish(): Promise<void> {
    await this.#behind?.finish();
    if (this.#cancelled !== undefined) throw this.#cancelled.error;
    if (this.#options.flush) await this.#handle?.sync();
    this.#isFinished = true;
  }

  /**
   * Cancels what is in flight, unless all is written.
   * @param error what those hear who wait
   */
  cancel(error: unknown = new AbortError()): void {
    if (this.#isFinished || this.#cancelled !== undefined) return;
    this.#cancelled = { error };
    this.#file.cancelOpening();
    this.#cancelling = this.#behind?.cancel(error);
    // Whoever closes hears of it.
    this.#cancelling?.catch(() => {});
  }

  /** Cancels what is in flight, waits for it and closes the file. @throws a system error */
  async close(): Promise<void> {
    this.cancel();
    try {
      await this.#cancelling;
    } finally {
      await this.#file.close();
    }
  }
}

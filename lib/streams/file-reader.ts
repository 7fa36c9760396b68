import type { CoreHandle } from '../handle/core-handle.js';
import type { PathLike } from '../node/paths.js';
import { ReadAhead } from '../transfer/read-ahead.js';
import { validateWindow, type WindowOptions } from '../transfer/window.js';
import { placeWithoutStart } from './first-place.js';
import { type FileOptions, HeldFile, type Interrupt, validatePlace } from './held-file.js';

export interface FileReaderOptions extends FileOptions {
  /** Place of the first byte. Default: the start of a path, the cursor of a handle. */
  start?: number | undefined;
  /** Place of the last byte, as of Node's streams. Default: the end of the file. */
  end?: number | undefined;
  /** Bounds of the window of reads. */
  readAhead?: WindowOptions | undefined;
}

/** Reads a file for a stream: opens it, reads it ahead, and closes it when nothing is in flight. */
export class FileReader {
  readonly #file: HeldFile;
  readonly #options: FileReaderOptions;
  #ahead: ReadAhead | undefined;
  #movesCursor = false;
  #handle: CoreHandle | undefined;
  #isCancelled = false;
  #cancelling: Promise<void> | undefined;
  /** Bytes that the stream has been given. */
  bytesRead = 0;

  /**
   * @param interrupt told when others end the stream, who then has to cancel and close this
   * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
   */
  constructor(path: PathLike | null | undefined, options: FileReaderOptions, interrupt: Interrupt) {
    const { start, end, readAhead = {} } = options;
    validatePlace(start, 'options.start');
    validatePlace(end, 'options.end', start);
    validateWindow(readAhead, 'options.readAhead');
    this.#options = options;
    this.#file = new HeldFile(path, options, 'r', 'read', interrupt);
  }

  get path(): PathLike | undefined {
    return this.#file.path;
  }

  /** Whether the file is not open yet. */
  get pending(): boolean {
    return this.#ahead === undefined;
  }

  /** @throws a system error */
  async open(): Promise<void> {
    const handle = await this.#file.open();
    if (this.#isCancelled) return;
    const { start, end = Number.POSITIVE_INFINITY, readAhead } = this.#options;
    const { isOwn, autoClose } = this.#file;
    const place = start ?? placeWithoutStart(handle, isOwn, autoClose);
    // Without a start the end is a number of bytes.
    const behind = end + 1 + (start === undefined ? (place ?? 0) : 0);
    this.#movesCursor = start === undefined && handle.alignment !== null;
    this.#handle = handle;
    this.#ahead = new ReadAhead(handle, { ...readAhead, start: place, end: behind });
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
    if (this.#movesCursor) (this.#handle as CoreHandle).cursor.position += bytes;
  }

  /** Cancels what is in flight: whoever waits for bytes is told that there are none any more. */
  cancel(): void {
    this.#isCancelled = true;
    this.#file.cancelOpening();
    this.#cancelling ??= this.#ahead?.cancel();
  }

  /** Cancels what is in flight, waits for it and closes the file. @throws a system error */
  async close(): Promise<void> {
    this.cancel();
    await this.#cancelling;
    await this.#file.close();
  }
}

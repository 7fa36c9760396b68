import { AsyncResource } from 'node:async_hooks';
import type { BigIntStats, ReadStream as FsReadStream, Stats, TimeLike } from 'node:fs';
import type { CreateReadStreamOptions, CreateWriteStreamOptions } from 'node:fs/promises';
import { createInterface, type Interface } from 'node:readline';
import type { ReadableStream } from 'node:stream/web';
import { flushEngine } from '../engine/started.js';
import type { CoreHandle } from '../handle/core-handle.js';
import type { CloseOptions, StatHandleOptions } from '../handle/public-handle.js';
import type {
  Position,
  ReadOptions,
  ReadResult,
  ReadVectorResult,
  TransferOptions,
  WriteResult,
  WriteVectorResult,
} from '../handle/transfer-result.js';
import { invalidState } from '../node/errors.js';
import { validateObject } from '../node/validate.js';
import {
  ReadStream,
  type ReadStreamExtras,
  type WindowedWriteStream,
  WriteStream,
  type WriteStreamExtras,
} from '../streams/file-streams.js';
import type { FileWriterOptions } from '../streams/file-writer.js';
import { type FileWritableStream, writableStreamOf } from '../streams/web-streams.js';
import { ExtendedHandle } from './extended-handle.js';
import { type ReadableWebStreamOptions, readableStreamOf } from './handle-web-stream.js';
import {
  type Content,
  checkDecoding,
  type ReadFileOptions,
  readWholeFile,
  type WriteData,
  type WriteFileOptions,
  writeWholeFile,
} from './whole-file.js';

export type HandleWritableStreamOptions = Pick<
  FileWriterOptions,
  'start' | 'autoClose' | 'flush' | 'signal' | 'writeBehind'
>;
export type HandleReadStreamOptions = CreateReadStreamOptions & Pick<ReadStreamExtras, 'readAhead'>;
export type HandleWriteStreamOptions = CreateWriteStreamOptions &
  Pick<WriteStreamExtras, 'writeBehind'>;

/**
 * An open file. Positions are explicit; calls with `position: null` use the handle's own cursor and
 * are served in the order they were made, except on pipes and terminals, which have no cursor.
 * close() waits for operations in flight.
 *
 * Events: 'close', once the file is closed.
 */
export class FileHandle extends ExtendedHandle {
  readonly #core: CoreHandle;
  #isLockedByStream = false;
  #asyncResource: AsyncResource | undefined;

  /** @internal open() makes handles. */
  constructor(core: CoreHandle) {
    super(core);
    this.#core = core;
    core.file.onClosed = () => this.emit('close');
    core.file.warnWhenCollected();
  }

  /**
   * The file descriptor, for code that needs a number; -1 once the handle is closed. On Windows it
   * is a second, synchronous descriptor of the file, made on first use.
   */
  get fd(): number {
    // Code with the descriptor can move the cursor, and comes after what was requested before.
    this.#core.cursor.share();
    flushEngine();
    return this.#core.file.descriptor;
  }

  /**
   * Reads from the file into the buffer.
   * @param buffer default: a new Buffer of 16 KiB
   * @param offset offset in the buffer, in bytes; default 0
   * @param length bytes; default: to the end of the buffer. One of over 2 GiB is split.
   * @param position position in the file, a number or bigint; null or -1 for the handle's cursor
   * @returns bytesRead (0 at the end of the file) and the buffer
   * @throws AlignmentError on an unbuffered handle; ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, …;
   *   nothing has been submitted then
   */
  read<T extends ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: Position,
  ): Promise<ReadResult<T>>;
  read<T extends ArrayBufferView>(buffer: T, options?: TransferOptions): Promise<ReadResult<T>>;
  read<T extends ArrayBufferView = Buffer>(options?: ReadOptions<T>): Promise<ReadResult<T>>;
  read(
    bufferOrOptions?: ArrayBufferView | ReadOptions<ArrayBufferView> | null,
    offsetOrOptions?: number | TransferOptions | null,
    length?: number | null,
    position?: Position,
  ): Promise<ReadResult<never>> {
    const { transfers } = this.#core;
    return transfers.read(bufferOrOptions, offsetOrOptions, length, position) as Promise<never>;
  }

  /**
   * Writes bytes of the buffer to the file.
   * @param buffer a view, or a string, for which the arguments are (string, position, encoding)
   * @param offset offset in the buffer, in bytes; default 0
   * @param length bytes; default: to the end of the buffer. One of over 2 GiB is split.
   * @param position position in the file, a number or bigint; null or -1 for the handle's cursor
   * @returns bytesWritten, which may be fewer than asked for, and the buffer
   * @throws the same errors as read()
   */
  write<T extends ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: Position,
  ): Promise<WriteResult<T>>;
  write<T extends ArrayBufferView>(buffer: T, options?: TransferOptions): Promise<WriteResult<T>>;
  write(
    data: string,
    position?: Position,
    encoding?: BufferEncoding | null,
  ): Promise<WriteResult<string>>;
  write(
    data: ArrayBufferView | string,
    offsetOrOptions?: Position | TransferOptions,
    lengthOrEncoding?: number | BufferEncoding | null,
    position?: Position,
  ): Promise<WriteResult<never>> {
    const { transfers } = this.#core;
    return transfers.write(data, offsetOrOptions, lengthOrEncoding, position) as Promise<never>;
  }

  /**
   * Reads into several buffers, one after another.
   * @param position position in the file; null or another value for the handle's cursor
   */
  readv<T extends readonly ArrayBufferView[]>(
    buffers: T,
    position?: Position,
  ): Promise<ReadVectorResult<T>> {
    return this.#core.vectors.readv(buffers, position);
  }

  /**
   * Writes several buffers, one after another.
   * @param position position in the file; null or another value for the handle's cursor
   */
  writev<T extends readonly ArrayBufferView[]>(
    buffers: T,
    position?: Position,
  ): Promise<WriteVectorResult<T>> {
    return this.#core.vectors.writev(buffers, position);
  }

  /** Status of the file, as Node's Stats or, with `bigint: true`, BigIntStats. */
  stat(options?: StatHandleOptions & { bigint?: false | undefined }): Promise<Stats>;
  stat(options: StatHandleOptions & { bigint: true }): Promise<BigIntStats>;
  stat(options?: StatHandleOptions): Promise<Stats | BigIntStats>;
  async stat(options?: StatHandleOptions): Promise<Stats | BigIntStats> {
    return this.#core.stat(options);
  }

  /** Cuts or extends the file to a size. @param length bytes; default 0 */
  async truncate(length = 0): Promise<void> {
    return this.#core.truncate(length);
  }

  /** Resolves when the file's data and status are on the device (fsync, FlushFileBuffers). */
  async sync(): Promise<void> {
    return this.#core.sync();
  }

  /** Like sync(), without metadata that is not needed to read the data back (fdatasync). */
  async datasync(): Promise<void> {
    return this.#core.datasync();
  }

  /**
   * Reads from the cursor to the end of the file.
   * @param options an encoding, or an object with `encoding`, `signal` and `buffer`
   * @returns a Buffer, or a string if an encoding is given
   */
  readFile(options?: (ReadFileOptions & { encoding?: null | undefined }) | null): Promise<Content>;
  readFile(
    options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding }),
  ): Promise<string>;
  readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<Content | string>;
  async readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<Buffer | string> {
    const { file } = this.#core;
    file.checkOpen('readFile');
    checkDecoding(options);
    return file.holds.during(() => readWholeFile(this.#core, options));
  }

  /**
   * Writes all of the data at the cursor, or at the end in append mode. On an unbuffered handle the
   * data may have any length: the tail is padded, written, and the file truncated and synced.
   */
  async writeFile(
    data: WriteData,
    options?: WriteFileOptions | BufferEncoding | null,
  ): Promise<void> {
    const { file } = this.#core;
    file.checkOpen('writeFile');
    return file.holds.during(() => writeWholeFile(this.#core, data, options));
  }

  /** Writes data like writeFile(). */
  async appendFile(
    data: WriteData,
    options?: WriteFileOptions | BufferEncoding | null,
  ): Promise<void> {
    return this.writeFile(data, options);
  }

  /** Changes the permission bits. @param mode a number or a string in octal */
  async chmod(mode: number | string): Promise<void> {
    return this.#core.chmod(mode);
  }

  /** Changes the owner. */
  async chown(uid: number, gid: number): Promise<void> {
    return this.#core.chown(uid, gid);
  }

  /** Changes the access and modification times. @param atime seconds, or a Date */
  async utimes(atime: TimeLike, mtime: TimeLike): Promise<void> {
    return this.#core.utimes(atime, mtime);
  }

  /**
   * Creates an fs.ReadStream for the file, or a part of it. It closes the handle when it ends,
   * unless `autoClose` is false, and ends when the handle is closed.
   */
  createReadStream(options?: HandleReadStreamOptions): FsReadStream {
    return Reflect.construct(ReadStream, [undefined, { ...options, fd: this }]);
  }

  /** Creates an fs.WriteStream for the file. @see createReadStream */
  createWriteStream(options?: HandleWriteStreamOptions): WindowedWriteStream {
    return Reflect.construct(WriteStream, [undefined, { ...options, fd: this }]);
  }

  /** Reads the file line by line with node:readline. @param options those of createReadStream() */
  readLines(options?: CreateReadStreamOptions): Interface {
    return createInterface({ input: this.createReadStream(options), crlfDelay: Infinity });
  }

  /**
   * Creates a web stream that reads the file from the cursor on. A handle supports only one.
   * @throws ERR_INVALID_STATE
   */
  readableWebStream(options: ReadableWebStreamOptions = {}): ReadableStream {
    this.#checkForWebStream();
    if (this.#isLockedByStream) throw invalidState('The FileHandle is locked');
    this.#isLockedByStream = true;
    return readableStreamOf(this, this.#core, options);
  }

  /**
   * Creates a web stream that writes the file, from `start` or else from the cursor on, or at the
   * end in append mode. It behaves like that of createWritableStream() in `overlapped/web`, with
   * the same options, except that it closes the handle only if `autoClose` is true.
   * @throws ERR_INVALID_STATE, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
   */
  writableWebStream(options: HandleWritableStreamOptions = {}): FileWritableStream {
    validateObject(options, 'options');
    this.#checkForWebStream();
    const { autoClose = false } = options;
    return writableStreamOf(null, { ...options, autoClose, fd: this });
  }

  #checkForWebStream(): void {
    const { state } = this.#core.file;
    if (state !== 'open') throw invalidState(`The FileHandle is ${state}`);
  }

  /** Returns the handle's ID for async_hooks, made on first use. */
  getAsyncId(): number {
    this.#asyncResource ??= new AsyncResource('FILEHANDLE');
    return this.#asyncResource.asyncId();
  }

  /**
   * Closes the file when all operations in flight on it have ended. The method is bound, so that
   * `.finally(handle.close)` works.
   * @param options.cancel cancels them first, like cancel(); also works after another close()
   */
  readonly close = (options?: CloseOptions): Promise<void> => this.#core.close(options);

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

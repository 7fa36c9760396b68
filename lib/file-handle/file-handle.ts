import { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import type { BigIntStats, ReadStream as FsReadStream, Stats, TimeLike } from 'node:fs';
import type { CreateReadStreamOptions, CreateWriteStreamOptions } from 'node:fs/promises';
import { createInterface, type Interface } from 'node:readline';
import type { ReadableStream } from 'node:stream/web';
import { types } from 'node:util';
import { getEngine } from '../engine/engine.js';
import { Opcode } from '../engine/native.js';
import {
  decodeNothing,
  decodeValue,
  type HandleRequest,
  type Operation,
} from '../engine/operation.js';
import {
  allocatedSizeOfHandle,
  attributesOfHandle,
  type FileAttributes,
  type SettableAttributes,
  setAttributesOfHandle,
} from '../handle/attributes.js';
import { type LockOptions, type LockRange, lockRange, unlockRange } from '../handle/locks.js';
import type { Access } from '../handle/open-flags.js';
import { type SeekOrigin, seek } from '../handle/seek.js';
import {
  allocatedRanges,
  type FileRange,
  punchHole,
  type RangeOptions,
  setSparse,
} from '../handle/sparse.js';
import { decodeBigIntStats, decodeStats } from '../handle/stats.js';
import {
  type ReadResult,
  type ReadVectorResult,
  readResult,
  readVectorResult,
  type WriteResult,
  type WriteVectorResult,
  writeResult,
  writeVectorResult,
} from '../handle/transfer-result.js';
import { type VectorGroup, vectorGroups } from '../handle/vector-groups.js';
import {
  AbortError,
  afterMoving,
  invalidArgType,
  invalidArgValue,
  invalidState,
  outOfRange,
  systemError,
  systemErrorOf,
} from '../node/errors.js';
import { modeForNode } from '../node/file-mode.js';
import { nodeFs } from '../node/node-fs.js';
import {
  validateBoolean,
  validateBuffer,
  validateBuffers,
  validateInteger,
  validateObject,
  validatePosition,
  validateSignal,
} from '../node/validate.js';
import { type ChunksOptions, chunksOf } from '../streams/chunks.js';
import {
  ReadStream,
  type ReadStreamExtras,
  type WindowedWriteStream,
  WriteStream,
  type WriteStreamExtras,
} from '../streams/file-streams.js';
import type { FileWriterOptions } from '../streams/file-writer.js';
import { type FileWritableStream, writableStreamOf } from '../streams/web-streams.js';
import { addressAt } from '../transfer/aligned-buffer.js';
import { type Alignment, checkAligned, isAligned } from '../transfer/alignment.js';
import { endOf } from '../transfer/file-size.js';
import { readUnaligned } from '../transfer/unaligned-io.js';
import { type ReparsePoint, readReparsePoint } from '../win32/reparse-point.js';
import { type ReadableWebStreamOptions, readableStreamOf } from './handle-web-stream.js';
import {
  type Content,
  type Data,
  type ReadFileOptions,
  readWholeFile,
  type WriteFileOptions,
  writeWholeFile,
} from './whole-file.js';

type Position = number | bigint | null;

export type { ReadResult, ReadVectorResult, WriteResult, WriteVectorResult };

export interface TransferOptions {
  /** Place in the buffer, in bytes. Default 0. */
  offset?: number | null | undefined;
  /** Bytes. Default: to the end of the buffer. */
  length?: number | null | undefined;
  /** Place in the file; null or -1 for the handle's own cursor, which then moves. Default null. */
  position?: Position | undefined;
  /** Aborts the operation; bytes may have moved by then. */
  signal?: AbortSignal | undefined;
}
export interface ReadOptions<T extends ArrayBufferView = Buffer> extends TransferOptions {
  buffer?: T | undefined;
}

export type HandleWritableStreamOptions = Pick<
  FileWriterOptions,
  'start' | 'autoClose' | 'flush' | 'signal' | 'writeBehind'
>;
export type HandleReadStreamOptions = CreateReadStreamOptions & Pick<ReadStreamExtras, 'readAhead'>;
export type HandleWriteStreamOptions = CreateWriteStreamOptions &
  Pick<WriteStreamExtras, 'writeBehind'>;

/** What kind of thing a handle is open on. */
export type DeviceType = 'unknown' | 'disk' | 'block' | 'char' | 'pipe' | 'directory';
const deviceTypes: readonly DeviceType[] = [
  'unknown',
  'disk',
  'block',
  'char',
  'pipe',
  'directory',
];

/** An open file as the addon gives it. */
export interface OpenedFile {
  file: number;
  fd: number;
  deviceType: DeviceType;
  alignment: Alignment | null;
}

/** The second file of a completion that opens two. */
export function decodePeer(index: number): OpenedFile {
  const { completions } = getEngine();
  return {
    file: completions.detail(index, 6),
    fd: completions.detail(index, 5),
    deviceType: deviceTypes[completions.detail(index, 1)] ?? 'unknown',
    alignment: null,
  };
}

/** Completion of an open as an OpenedFile. */
export function decodeOpened(_operation: Operation, value: number, index: number): OpenedFile {
  const { completions } = getEngine();
  const position = completions.detail(index, 2);
  return {
    file: value,
    fd: completions.detail(index, 0),
    deviceType: deviceTypes[completions.detail(index, 1)] ?? 'unknown',
    alignment:
      position === 0
        ? null
        : Object.freeze({
            position,
            length: completions.detail(index, 3),
            memory: completions.detail(index, 4),
          }),
  };
}

// One read or write moves no more than this on Linux (read(2)), and a DWORD of bytes on Windows. A
// multiple of every sector size, so that the parts of a longer one stay aligned.
const transferMax = 0x7ffff000;
// The system takes 1,024 buffers at once (IOV_MAX).
const vectorLimits = { countMax: 1024, bytesMax: transferMax };
const defaultReadSize = 16384;
const closedFd = -1;
const noDescriptor = 2 ** 31 - 1;

const readSubject = { syscall: 'read' };
const writeSubject = { syscall: 'write' };
const statSubject = { syscall: 'fstat' };
const truncateSubject = { syscall: 'ftruncate' };
const syncSubject = { syscall: 'fsync' };
const dataSyncSubject = { syscall: 'fdatasync' };
const closeSubject = { syscall: 'close' };

function decodeRead(operation: Operation, bytesRead: number): ReadResult<ArrayBufferView> {
  return readResult(bytesRead, operation.object as ArrayBufferView);
}
function decodeWrite(operation: Operation, bytesWritten: number): WriteResult<ArrayBufferView> {
  return writeResult(bytesWritten, operation.object as ArrayBufferView);
}

/** A position, where -1 and -1n both are the cursor. */
function placeOf(position: number | bigint): number | bigint {
  return position === -1n ? -1 : position;
}

/** What a read or a write came to. */
type Moved = ReadResult<ArrayBufferView> | WriteResult<ArrayBufferView>;

function bytesOfResult(result: Moved): number {
  return 'bytesRead' in result ? result.bytesRead : result.bytesWritten;
}

// The addon takes typed arrays, not DataViews.
function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** What is open of a handle. */
interface Held {
  readonly file: number;
  /** The descriptor; on Windows a second one, or closedFd. */
  fd: number;
}

const abandoned = new FinalizationRegistry<Held>(({ file, fd }) => {
  const what = fd === closedFd ? 'a file handle without a descriptor' : `file descriptor ${fd}`;
  process.emitWarning(`Closing ${what} on garbage collection`);
  process.emitWarning(
    'Closing a FileHandle object on garbage collection is deprecated. Please close FileHandle ' +
      'objects explicitly using FileHandle.prototype.close(). In the future, an error will be ' +
      'thrown if a file descriptor is closed during garbage collection.',
    'DeprecationWarning',
    'DEP0137',
  );
  if (process.platform === 'win32' && fd !== closedFd) nodeFs.closeSync(fd);
  submitClose(file).catch(() => {});
});

function submitClose(file: number): Promise<void> {
  return getEngine().submit<void>({
    opcode: Opcode.close,
    subject: closeSubject,
    decode: decodeNothing,
    file,
  });
}

/**
 * An open file. Positions are explicit; calls with `position: null` use the handle's own cursor and
 * are served in the order they were made, but for pipes and terminals, which have no cursor.
 * close() waits for what is in flight.
 *
 * Events: 'close', once the file is closed.
 */
export class FileHandle extends EventEmitter {
  // Private, so that a handle shows no more properties than Node's.
  readonly #alignment: Alignment | null;
  readonly #deviceType: DeviceType;
  readonly #access: Access;
  readonly #file: number;
  readonly #held: Held;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  // Its number may be another file's by now.
  #isGone = false;
  #holds = 0;
  #onRelease: (() => void) | undefined;
  #onClosing: Set<() => void> | undefined;
  #isLockedByStream = false;
  #asyncResource: AsyncResource | undefined;
  #lastInOrder: Promise<unknown> | undefined;
  #cancellations = 0;
  // Of an unbuffered handle. A buffered one leaves its cursor to the system, which shares it with
  // whoever else has the descriptor.
  #cursor = 0;
  #isAtStart = true;

  /** @internal open() makes handles. */
  constructor(opened: OpenedFile, access: Access) {
    super();
    this.#alignment = opened.alignment;
    this.#deviceType = opened.deviceType;
    this.#access = access;
    this.#file = opened.file;
    this.#held = { file: opened.file, fd: opened.fd };
    abandoned.register(this, this.#held, this);
  }

  /** What transfers on this handle must be multiples of; null on a buffered handle. */
  get alignment(): Alignment | null {
    return this.#alignment;
  }

  get deviceType(): DeviceType {
    return this.#deviceType;
  }

  /**
   * The file descriptor, for code that wants a number; -1 once the handle is closed. On Windows it
   * is a second, synchronous descriptor of the file, made when first asked for.
   */
  get fd(): number {
    // Whoever has the number can move the cursor.
    this.#isAtStart = false;
    return this.descriptor;
  }

  /** @internal The same, for those who leave its cursor where it is. */
  get descriptor(): number {
    if (this.#held.fd === closedFd && process.platform === 'win32' && !this.#isClosed) {
      const fd = getEngine().duplicateDescriptor(this.#file);
      if (fd < 0) throw systemError(fd, { syscall: 'open' });
      this.#held.fd = fd;
    }
    return this.#held.fd;
  }

  /**
   * @internal The same for Node's stream classes, which want a number. Windows opens neither a pipe
   * nor a device a second time, so there it is one that no file has.
   */
  get streamDescriptor(): number {
    const isSecond = process.platform === 'win32' && this.#held.fd === closedFd;
    return isSecond && !this.#isSeekable() ? noDescriptor : this.descriptor;
  }

  /**
   * Reads from the file into the buffer.
   * @param buffer default: a new Buffer of 16 KiB
   * @param offset place in the buffer, in bytes; default 0
   * @param length bytes; default: to the end of the buffer. One of over 2 GiB is split.
   * @param position place in the file, a number or bigint; null or -1 for the handle's cursor
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
  ): Promise<ReadResult<ArrayBufferView>> {
    try {
      this.#checkOpen('read');
      let buffer = bufferOrOptions as ArrayBufferView;
      let options = offsetOrOptions;
      if (!ArrayBuffer.isView(buffer)) {
        if (bufferOrOptions != null) validateObject(bufferOrOptions, 'options');
        options = (bufferOrOptions ?? {}) as ReadOptions<ArrayBufferView>;
        buffer = (options as ReadOptions<ArrayBufferView>).buffer ?? Buffer.alloc(defaultReadSize);
        validateBuffer(buffer);
      }
      let offset: number | null | undefined;
      let signal: AbortSignal | undefined;
      if (options !== null && typeof options === 'object') {
        ({ offset, length, position, signal } = options);
        validateSignal(signal);
      } else {
        offset = options;
      }
      return this.#read(buffer, offset, length, position, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #read(
    buffer: ArrayBufferView,
    givenOffset: number | null | undefined,
    givenLength: number | null | undefined,
    givenPosition: Position | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult<ArrayBufferView>> {
    const offset = givenOffset ?? 0;
    validateInteger(offset, 'offset', 0);
    const size = buffer.byteLength;
    const length = givenLength == null ? size - offset : toLength(givenLength);
    if (length === 0) return Promise.resolve(readResult(0, buffer));
    if (size === 0) {
      throw invalidArgValue('buffer', buffer, 'is empty and cannot be written');
    }
    if (length < 0) throw outOfRange('length', '>= 0', length);
    if (offset + length > size) throw outOfRange('length', `<= ${size - offset}`, length);
    const position = placeOf(givenPosition ?? -1);
    if (position !== -1) validatePosition(position, length);
    this.#checkReadable();
    return this.#transfer(Opcode.read, buffer, offset, length, position, signal) as Promise<
      ReadResult<ArrayBufferView>
    >;
  }

  /**
   * Writes bytes of the buffer to the file.
   * @param buffer a view, or a string, for which the arguments are (string, position, encoding)
   * @param offset place in the buffer, in bytes; default 0
   * @param length bytes; default: to the end of the buffer. One of over 2 GiB is split.
   * @param position place in the file, a number or bigint; null or -1 for the handle's cursor
   * @returns bytesWritten, which may be fewer than asked for, and the buffer
   * @throws as read()
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
  ): Promise<WriteResult<ArrayBufferView | string>> {
    try {
      this.#checkOpen('write');
      if (!ArrayBuffer.isView(data)) {
        return this.#writeString(data, offsetOrOptions as Position, lengthOrEncoding);
      }
      if (data.byteLength === 0) return Promise.resolve(writeResult(0, data));
      if (offsetOrOptions !== null && typeof offsetOrOptions === 'object') {
        const { offset, length, position: place, signal } = offsetOrOptions;
        validateSignal(signal);
        return this.#write(data, offset, length, place, signal);
      }
      return this.#write(
        data,
        offsetOrOptions as number,
        lengthOrEncoding as number,
        position,
        undefined,
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #write(
    buffer: ArrayBufferView,
    givenOffset: number | null | undefined,
    givenLength: number | null | undefined,
    givenPosition: Position | undefined,
    signal: AbortSignal | undefined,
  ): Promise<WriteResult<ArrayBufferView>> {
    const offset = givenOffset ?? 0;
    validateInteger(offset, 'offset', 0);
    const size = buffer.byteLength;
    // Node takes what is no number for "all there is", and writes at the cursor.
    const length = typeof givenLength === 'number' ? givenLength : size - offset;
    const known = typeof givenPosition === 'number' || typeof givenPosition === 'bigint';
    const position = known ? placeOf(givenPosition) : -1;
    if (offset > size) throw outOfRange('offset', `<= ${size}`, offset);
    if (length > size - offset) throw outOfRange('length', `<= ${size - offset}`, length);
    if (length < 0) throw outOfRange('length', '>= 0', length);
    validateInteger(length, 'length', 0);
    if (position !== -1) validatePosition(position, length);
    if (length === 0) return Promise.resolve(writeResult(0, buffer));
    return this.#transfer(Opcode.write, buffer, offset, length, position, signal) as Promise<
      WriteResult<ArrayBufferView>
    >;
  }

  async #writeString(
    data: unknown,
    position: Position | undefined,
    encoding: unknown,
  ): Promise<WriteResult<string>> {
    if (typeof data !== 'string') {
      const expected = 'of type string or an instance of Buffer, TypedArray, or DataView';
      throw invalidArgType('buffer', expected, data);
    }
    const buffer = bytesOfString(data, encoding);
    if (buffer.byteLength === 0) return writeResult(0, data);
    const { bytesWritten } = await this.#write(buffer, 0, null, position, undefined);
    return writeResult(bytesWritten, data);
  }

  /**
   * Reads into several buffers, one after another.
   * @param position place in the file; null or no number for the handle's cursor
   */
  readv<T extends readonly ArrayBufferView[]>(
    buffers: T,
    position?: Position,
  ): Promise<ReadVectorResult<T>> {
    return this.#vector(Opcode.readVector, buffers, position, (bytes) =>
      readVectorResult(bytes, buffers),
    );
  }

  /**
   * Writes several buffers, one after another.
   * @param position place in the file; null or no number for the handle's cursor
   */
  writev<T extends readonly ArrayBufferView[]>(
    buffers: T,
    position?: Position,
  ): Promise<WriteVectorResult<T>> {
    return this.#vector(Opcode.writeVector, buffers, position, (bytes) =>
      writeVectorResult(bytes, buffers),
    );
  }

  async #vector<R>(
    opcode: number,
    buffers: readonly ArrayBufferView[],
    givenPosition: Position | undefined,
    result: (bytes: number) => R,
  ): Promise<R> {
    const write = opcode === Opcode.writeVector;
    this.#checkOpen(write ? 'writev' : 'readv');
    validateBuffers(buffers);
    // libuv reads into no less than one buffer.
    if (!write && buffers.length === 0) throw systemErrorOf('EINVAL', readSubject);
    if (!write) this.#checkReadable();
    const groups = vectorGroups(buffers, vectorLimits);
    if (groups.length === 0) return result(0);
    const known = typeof givenPosition === 'number' || typeof givenPosition === 'bigint';
    const position = known ? placeOf(givenPosition) : -1;
    if (position !== -1) validatePosition(position, 0);
    const move = (): Promise<number> => this.#vectorParts(opcode, groups, position);
    return result(await (groups.length > 1 ? this.#holding(move) : move()));
  }

  async #vectorParts(
    opcode: number,
    groups: readonly VectorGroup[],
    position: number | bigint,
  ): Promise<number> {
    let bytes = 0;
    for (const { views, length } of groups) {
      const place = position === -1 ? -1 : advance(position, bytes);
      const moved = await this.#vectorPart(opcode, views, length, place).catch((error) => {
        throw bytes === 0 ? error : afterMoving(error);
      });
      bytes += moved;
      if (moved < length) break;
    }
    return bytes;
  }

  #vectorPart(
    opcode: number,
    views: readonly ArrayBufferView[],
    length: number,
    position: number | bigint,
    signal?: AbortSignal,
  ): Promise<number> {
    const write = opcode === Opcode.writeVector;
    const submit = (place: number | bigint): Promise<number> => {
      this.#checkVectors(views, place);
      return getEngine().submit<number>({
        opcode,
        subject: write ? writeSubject : readSubject,
        decode: decodeValue,
        file: this.#file,
        position: place,
        length,
        object: views.map(bytesOf),
        owner: [this, views],
        signal,
      });
    };
    if (!this.#needsPlace(write, position)) return submit(position);
    return this.#place(write, async (place) => {
      const bytes = await submit(place);
      return { bytes, result: bytes };
    });
  }

  #checkVectors(views: readonly ArrayBufferView[], position: number | bigint): void {
    if (this.alignment === null) return;
    checkAligned('position', position, this.alignment.position);
    for (const view of views) this.#checkMemory(view, 0, view.byteLength, this.alignment);
  }

  #transfer(
    opcode: number,
    buffer: ArrayBufferView,
    offset: number,
    length: number,
    position: number | bigint,
    signal: AbortSignal | undefined,
  ): Promise<Moved> {
    const write = opcode === Opcode.write;
    if (!this.#needsPlace(write, position)) {
      return this.#submitTransfer(opcode, buffer, offset, length, position, signal);
    }
    return this.#place<Moved>(write, async (place) => {
      if (!write && this.alignment !== null && !isAligned(place, this.alignment.position)) {
        // Only the end of a file leaves the cursor within a sector, and reading on must say so.
        const target = bytesOf(buffer).subarray(offset, offset + length);
        const bytesRead = await readUnaligned(this, target, place, signal);
        return { bytes: bytesRead, result: readResult(bytesRead, buffer) };
      }
      const result: Moved = await this.#submitTransfer(
        opcode,
        buffer,
        offset,
        length,
        place,
        signal,
      );
      return { bytes: bytesOfResult(result), result };
    });
  }

  #submitTransfer(
    opcode: number,
    buffer: ArrayBufferView,
    offset: number,
    length: number,
    position: number | bigint,
    signal: AbortSignal | undefined,
  ): Promise<Moved> {
    const { alignment } = this;
    const write = opcode === Opcode.write;
    if (alignment !== null) {
      checkAligned('position', position, alignment.position);
      this.#checkMemory(buffer, offset, length, alignment);
    }
    if (length > transferMax) {
      return this.#holding(() =>
        this.#splitTransfer(opcode, buffer, offset, length, position, signal),
      );
    }
    const subject = write ? writeSubject : readSubject;
    const decode = write ? decodeWrite : decodeRead;
    if (signal === undefined && !types.isDataView(buffer)) {
      const file = this.#file;
      const engine = getEngine();
      return engine.transfer<Moved>(
        opcode,
        subject,
        decode,
        this,
        file,
        buffer,
        offset,
        length,
        position,
      );
    }
    return getEngine().submit<Moved>({
      opcode,
      subject,
      decode: write
        ? (_, bytesWritten) => writeResult(bytesWritten, buffer)
        : (_, bytesRead) => readResult(bytesRead, buffer),
      file: this.#file,
      position,
      offset,
      length,
      object: types.isDataView(buffer) ? bytesOf(buffer) : buffer,
      owner: [this, buffer],
      signal,
    });
  }

  async #splitTransfer(
    opcode: number,
    buffer: ArrayBufferView,
    offset: number,
    length: number,
    position: number | bigint,
    signal: AbortSignal | undefined,
  ): Promise<Moved> {
    let moved = 0;
    while (moved < length) {
      const part = Math.min(length - moved, transferMax);
      const place = position === -1 ? -1 : advance(position, moved);
      const transfer = this.#submitTransfer(opcode, buffer, offset + moved, part, place, signal);
      const result = await transfer.catch((error) => {
        throw moved === 0 ? error : afterMoving(error);
      });
      const bytes = bytesOfResult(result);
      moved += bytes;
      if (bytes < part) break;
    }
    return opcode === Opcode.write ? writeResult(moved, buffer) : readResult(moved, buffer);
  }

  // Whether a transfer is at the cursor, or at an end of file that only this handle knows: the
  // system does not append through an unbuffered handle, since the end may be within a sector.
  #needsPlace(write: boolean, position: number | bigint): boolean {
    if (position === -1) return this.#isSeekable();
    return write && this.alignment !== null && this.#access.append;
  }

  // A pipe or a terminal has no cursor: a read that waits there must not hold up a write.
  #isSeekable(): boolean {
    return this.deviceType === 'disk' || this.deviceType === 'block';
  }

  // Runs such a transfer after those before it, and moves the cursor by the bytes that moved.
  #place<R>(
    write: boolean,
    transfer: (place: number) => Promise<{ bytes: number; result: R }>,
  ): Promise<R> {
    return this.inOrder(async () => {
      this.#isAtStart = false;
      if (this.alignment === null) return (await transfer(-1)).result;
      const place = write && this.#access.append ? await endOf(this) : this.#cursor;
      const { bytes, result } = await transfer(place);
      this.#cursor = place + bytes;
      return result;
    });
  }

  /** @internal Runs something that uses the cursor after what was asked for before it. */
  inOrder<R>(run: () => Promise<R>): Promise<R> {
    const previous = this.#lastInOrder;
    const current = previous === undefined ? run() : this.#after(previous, run);
    this.#lastInOrder = current;
    this.#holds++;
    const forget = (): void => {
      if (this.#lastInOrder === current) this.#lastInOrder = undefined;
      this.#release();
    };
    current.then(forget, forget);
    return current;
  }

  #after<R>(previous: Promise<unknown>, run: () => Promise<R>): Promise<R> {
    const cancellations = this.#cancellations;
    const runUnlessCancelled = (): Promise<R> => {
      if (this.#cancellations !== cancellations) throw new AbortError();
      return run();
    };
    return previous.then(runUnlessCancelled, runUnlessCancelled);
  }

  /** @internal Whether nobody can have moved the cursor of a buffered handle. */
  get isAtStart(): boolean {
    return this.#isAtStart;
  }

  /** @internal The cursor of an unbuffered handle. */
  get cursor(): number {
    return this.#cursor;
  }
  /** @internal */
  set cursor(position: number) {
    this.#cursor = position;
  }
  /** @internal */
  get access(): Access {
    return this.#access;
  }

  #checkMemory(
    buffer: ArrayBufferView,
    offset: number,
    length: number,
    alignment: Alignment,
  ): void {
    checkAligned('length', length, alignment.length);
    checkAligned('address', addressAt(buffer, offset), alignment.memory);
  }

  // An unbuffered handle is open for reading even if the caller asked for writing alone, because
  // the ends of what is written may have to be read. Elsewhere the system refuses by itself.
  #checkReadable(): void {
    if (this.alignment === null || this.#access.readable) return;
    throw systemErrorOf('EBADF', readSubject);
  }

  /** @internal A read at a place, whatever the caller may; the arguments are aligned. */
  readAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const read = this.#submitTransfer(Opcode.read, buffer, offset, length, position, signal);
    return read.then(bytesOfResult);
  }

  /** @internal A write at a place, also in append mode; the arguments are aligned. */
  writeAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const write = this.#submitTransfer(Opcode.write, buffer, offset, length, position, signal);
    return write.then(bytesOfResult);
  }

  /** @internal A write of several buffers at a place, or at the cursor (-1). */
  writeViewsAt(
    views: readonly Uint8Array[],
    length: number,
    position: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const [first] = views;
    if (views.length === 1 && position !== -1 && first !== undefined) {
      return this.writeAt(first, 0, length, position, signal);
    }
    return this.#vectorPart(Opcode.writeVector, views, length, position, signal);
  }

  /** Status of the file, as Node's Stats or, with `bigint: true`, BigIntStats. */
  stat(options?: { bigint?: false | undefined; signal?: AbortSignal | undefined }): Promise<Stats>;
  stat(options: { bigint: true; signal?: AbortSignal | undefined }): Promise<BigIntStats>;
  stat(options?: {
    bigint?: boolean | undefined;
    signal?: AbortSignal | undefined;
  }): Promise<Stats | BigIntStats>;
  async stat(
    options: { bigint?: boolean | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<Stats | BigIntStats> {
    this.#checkOpen('fstat');
    return getEngine().submit({
      opcode: Opcode.stat,
      subject: statSubject,
      decode: options.bigint === true ? decodeBigIntStats : decodeStats,
      file: this.#file,
      owner: this,
      signal: options.signal,
    });
  }

  /** Cuts or extends the file to a size. @param length bytes; default 0 */
  async truncate(length = 0): Promise<void> {
    this.#checkOpen('ftruncate');
    validateInteger(length, 'len');
    return this.#command(Opcode.truncate, truncateSubject, Math.max(0, length));
  }

  /** Resolves when the file's data and status are on the device (fsync, FlushFileBuffers). */
  async sync(): Promise<void> {
    return this.#sync('fsync', Opcode.sync, syncSubject);
  }

  /** As sync(), without what is not needed to read the data back (fdatasync). */
  async datasync(): Promise<void> {
    return this.#sync('fdatasync', Opcode.dataSync, dataSyncSubject);
  }

  async #sync(syscall: string, opcode: number, subject: { syscall: string }): Promise<void> {
    this.#checkOpen(syscall);
    if (process.platform === 'win32' && !this.#access.writable) {
      throw systemErrorOf('EPERM', subject, 'FlushFileBuffers needs a handle open for writing');
    }
    return this.#command(opcode, subject);
  }

  /** @internal An operation that a module has for this file. */
  operate<T>(request: HandleRequest<T>): Promise<T> {
    this.#checkOpen(request.subject.syscall);
    return getEngine().submit<T>({ ...request, file: this.#file, owner: this });
  }

  /** @internal An operation that goes from another open file to this one. */
  operateFrom<T>(source: FileHandle, request: HandleRequest<T>): Promise<T> {
    for (const handle of [source, this]) handle.#checkOpen(request.subject.syscall);
    const offset = source.#file;
    return getEngine().submit<T>({ ...request, file: this.#file, offset, owner: [this, source] });
  }

  /**
   * Moves the handle's cursor, also beyond the end of the file; a write there leaves a hole.
   * @param position bytes, a number or bigint; negative ones before the end or the cursor
   * @param from what it is counted from: 'start' (the default), 'current' or 'end'
   * @returns the new position from the start
   * @throws ESPIPE on what has no cursor; AlignmentError on an unbuffered handle
   */
  async seek(position: number | bigint, from: SeekOrigin = 'start'): Promise<number> {
    return seek(this, this.#isSeekable(), position, from);
  }

  /** The attributes of the file. */
  async getAttributes(): Promise<FileAttributes> {
    return attributesOfHandle(this);
  }

  /** Changes attributes; those that are not named stay as they are. @see setAttributes */
  async setAttributes(attributes: SettableAttributes): Promise<void> {
    return setAttributesOfHandle(this, attributes);
  }

  /** The bytes that the file takes on the disk. @see allocatedSize */
  async allocatedSize(): Promise<number> {
    return allocatedSizeOfHandle(this);
  }

  /**
   * Lets the file have holes (FSCTL_SET_SPARSE; on POSIX every file may). With false those that it
   * has are filled on Linux; Windows refuses that where it would have to fill them.
   */
  async setSparse(sparse = true): Promise<void> {
    validateBoolean(sparse, 'sparse');
    return setSparse(this, sparse);
  }

  /**
   * Makes zeros of a part of the file, which gives its whole blocks back to the disk. On Windows
   * that needs setSparse() before; else zeros are written. The size stays.
   * @throws ENOTSUP where the file system cannot
   */
  async punchHole(range: FileRange): Promise<void> {
    return punchHole(this, range);
  }

  /**
   * The parts of the file that have space on the disk, in order; what lies between reads as zeros.
   * Adjacent ones come as one. A file system that does not know holes gives all as one part.
   */
  allocatedRanges(options: RangeOptions = {}): AsyncGenerator<FileRange, void, undefined> {
    return allocatedRanges(this, options);
  }

  /**
   * What the reparse point holds that this handle, opened with openReparsePoint, is on. Windows.
   * @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM elsewhere, where readlink() reads links
   */
  async readReparsePoint(): Promise<ReparsePoint> {
    return readReparsePoint(this);
  }

  /**
   * Locks a part of the file, or all of it, against other handles (LockFileEx; Linux: open file
   * description locks, advisory). It is released by unlock() or close().
   * @throws EBUSY without `wait` where another handle holds it; AbortError; on Linux EBADF for an
   *   exclusive lock on a handle that may not write, and for a shared one that may not read
   */
  async lock(options: LockOptions = {}): Promise<void> {
    return lockRange(this, options);
  }

  /** Gives a lock back. Windows wants exactly the range that lock() was given. */
  async unlock(options: LockRange = {}): Promise<void> {
    return unlockRange(this, options);
  }

  /**
   * Cancels all that is in flight on this handle, and what waits its turn at the cursor. Each of
   * these settles as ever: most with an AbortError, whose `bytesMayHaveMoved` says whether it may
   * have done a part of its work, and what was done already with its result. The handle stays
   * usable.
   */
  cancel(): void {
    this.#checkOpen('cancel');
    this.#cancelAll();
  }

  #cancelAll(): void {
    this.#cancellations++;
    getEngine().cancelFile(this.#file);
  }

  #command(opcode: number, subject: { syscall: string }, length = 0): Promise<void> {
    return getEngine().submit<void>({
      opcode,
      subject,
      decode: decodeNothing,
      file: this.#file,
      length,
      owner: this,
    });
  }

  /**
   * Reads from the cursor to the end of the file.
   * @param options an encoding, or encoding and signal
   * @returns a Buffer, or a string when there is an encoding
   */
  readFile(options?: (ReadFileOptions & { encoding?: null | undefined }) | null): Promise<Content>;
  readFile(
    options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding }),
  ): Promise<string>;
  readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<Content | string>;
  async readFile(options?: ReadFileOptions | BufferEncoding | null): Promise<Buffer | string> {
    this.#checkOpen('readFile');
    this.#checkReadable();
    return this.#holding(() => readWholeFile(this, options));
  }

  /**
   * Writes all of the data at the cursor (at the end in append mode). On an unbuffered handle the
   * data may have any length: the tail is padded, written, and the file truncated and synced.
   */
  async writeFile(data: Data, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    this.#checkOpen('writeFile');
    return this.#holding(() => writeWholeFile(this, data, options));
  }

  /** The same as writeFile(). */
  async appendFile(data: Data, options?: WriteFileOptions | BufferEncoding | null): Promise<void> {
    return this.writeFile(data, options);
  }

  /** Changes the permission bits. @param mode a number or a string in octal */
  chmod(mode: number | string): Promise<void> {
    return this.#onDescriptor('fchmod', (done) =>
      nodeFs.fchmod(this.descriptor, modeForNode(mode), done),
    );
  }

  /** Changes the owner. */
  chown(uid: number, gid: number): Promise<void> {
    return this.#onDescriptor('fchown', (done) => nodeFs.fchown(this.descriptor, uid, gid, done));
  }

  /** Changes the times of the last access and change. @param atime seconds, or a Date */
  utimes(atime: TimeLike, mtime: TimeLike): Promise<void> {
    return this.#onDescriptor('futimes', (done) =>
      nodeFs.futimes(this.descriptor, atime, mtime, done),
    );
  }

  async #onDescriptor(syscall: string, call: (done: DescriptorCallback) => void): Promise<void> {
    this.#checkOpen(syscall);
    return this.#holding(
      () =>
        new Promise((resolve, reject) => {
          call((error) => (error ? reject(error) : resolve()));
        }),
    );
  }

  /**
   * A stream of the file, or of a part of it: an fs.ReadStream. It closes the handle when it ends,
   * unless `autoClose` is false, and ends when the handle is closed.
   */
  createReadStream(options?: HandleReadStreamOptions): FsReadStream {
    return Reflect.construct(ReadStream, [undefined, { ...options, fd: this }]);
  }

  /** A stream into the file: an fs.WriteStream. @see createReadStream */
  createWriteStream(options?: HandleWriteStreamOptions): WindowedWriteStream {
    return Reflect.construct(WriteStream, [undefined, { ...options, fd: this }]);
  }

  /**
   * The file, or a part of it, in chunks of up to `chunkSize` bytes (default 1 MiB), with
   * `depth` reads in flight (default 8). With `recycle: true` the memory of a chunk is used again
   * when the next one is asked for. Pipes and terminals are read one read at a time.
   * @throws a system error; AbortError; EBADF when the handle is closed meanwhile
   */
  chunks(options: ChunksOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    this.#checkOpen('read');
    return chunksOf(this, options);
  }

  /** The lines of the file, from node:readline. @param options as createReadStream()'s */
  readLines(options?: CreateReadStreamOptions): Interface {
    return createInterface({ input: this.createReadStream(options), crlfDelay: Infinity });
  }

  /**
   * A web stream of the file from the cursor on. One handle gives one only.
   * @throws ERR_INVALID_STATE
   */
  readableWebStream(options: ReadableWebStreamOptions = {}): ReadableStream {
    if (this.#isClosed) throw invalidState('The FileHandle is closed');
    if (this.#closing) throw invalidState('The FileHandle is closing');
    if (this.#isLockedByStream) throw invalidState('The FileHandle is locked');
    this.#isLockedByStream = true;
    return readableStreamOf(this, options);
  }

  /**
   * A web stream into the file, from `start` or else from the cursor on, or at the end in append
   * mode. Its options and what it does are those of createWritableStream() of `overlapped/web`, but
   * that it closes the handle only where `autoClose` is true.
   * @throws ERR_INVALID_STATE, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
   */
  writableWebStream(options: HandleWritableStreamOptions = {}): FileWritableStream {
    validateObject(options, 'options');
    if (this.#isClosed) throw invalidState('The FileHandle is closed');
    if (this.#closing) throw invalidState('The FileHandle is closing');
    const { autoClose = false } = options;
    return writableStreamOf(null, { ...options, autoClose, fd: this }, undefined);
  }

  /** The number of this handle for async_hooks. It is made when first asked for. */
  getAsyncId(): number {
    this.#asyncResource ??= new AsyncResource('FILEHANDLE');
    return this.#asyncResource.asyncId();
  }

  /**
   * Closes the file when all that is in flight on it has ended. It may be called without the
   * handle, as in `.finally(handle.close)`.
   * @param options.cancel cancels it first, as cancel() does; also after another close()
   */
  readonly close = (options?: CloseOptions): Promise<void> => {
    if (options?.cancel === true && !this.#isGone) this.#cancelAll();
    return this.#endBy(() => submitClose(this.#file));
  };

  /**
   * @internal Ends this handle as close({ cancel: true }) does, but not its file, which another
   * handle goes on with.
   * @returns the other handle; undefined where this one is closed, or being closed
   */
  async handOver(): Promise<FileHandle | undefined> {
    if (this.#closing !== undefined) {
      await this.#closing;
      return undefined;
    }
    this.#cancelAll();
    let next: FileHandle | undefined;
    await this.#endBy(async () => {
      const opened = { ...this.#held, deviceType: this.#deviceType, alignment: this.#alignment };
      next = new FileHandle(opened, this.#access);
    });
    return next;
  }

  #endBy(leaveFile: () => Promise<void>): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#close(leaveFile);
      // Only now, since those who let go may call close() themselves.
      for (const letGo of this.#onClosing ?? []) letGo();
    }
    return this.#closing;
  }

  async #close(leaveFile: () => Promise<void>): Promise<void> {
    abandoned.unregister(this);
    if (this.#holds > 0) {
      await new Promise<void>((resolve) => {
        this.#onRelease = resolve;
      });
    }
    const fd = this.#held.fd;
    this.#isClosed = true;
    this.#held.fd = closedFd;
    if (process.platform === 'win32' && fd !== closedFd) nodeFs.closeSync(fd);
    await leaveFile().finally(() => {
      this.#isGone = true;
    });
    this.emit('close');
  }

  /**
   * @internal Keeps the file open until the function that it gives is called. close() waits for it.
   * @param onClosing called by close(): time to let go
   */
  hold(onClosing: () => void): () => void {
    this.#holds++;
    this.#onClosing ??= new Set();
    this.#onClosing.add(onClosing);
    return () => {
      if (this.#onClosing?.delete(onClosing)) this.#release();
    };
  }

  #release(): void {
    this.#holds--;
    if (this.#holds === 0) this.#onRelease?.();
  }

  // As in Node, what has begun goes on and is served while close() waits for it.
  async #holding<R>(run: () => Promise<R>): Promise<R> {
    this.#holds++;
    try {
      return await run();
    } finally {
      this.#release();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checkOpen(syscall: string): void {
    if (this.#closing === undefined || this.#holds > 0) return;
    throw Object.assign(new Error('file closed'), { code: 'EBADF', syscall });
  }
}

export interface CloseOptions {
  /** Cancels what is in flight. Default false: close() waits for it. */
  cancel?: boolean | undefined;
}

type DescriptorCallback = (error: NodeJS.ErrnoException | null) => void;

// As Node's write(): digits that are no whole bytes are refused, and what is no encoding is utf8.
function bytesOfString(data: string, encoding: unknown): Buffer {
  const known = typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8';
  if (known.toLowerCase() === 'hex' && data.length % 2 !== 0) {
    throw invalidArgValue('encoding', encoding, `is invalid for data of length ${data.length}`);
  }
  return Buffer.from(data, known);
}

function toLength(value: unknown): number {
  const number = Math.trunc(Number(value));
  return Number.isFinite(number) ? number : 0;
}

function advance(position: number | bigint, bytes: number): number | bigint {
  return typeof position === 'bigint' ? position + BigInt(bytes) : position + bytes;
}

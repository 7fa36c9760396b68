import type { BigIntStats, Stats, TimeLike } from 'node:fs';
import process from 'node:process';
import { Opcode } from '../engine/opcodes.js';
import { decodeNothing, type HandleRequest } from '../engine/operation.js';
import { type Encoded, syncFile, truncateFile } from '../engine/requests.js';
import { fchmod, fchown, futimes } from '../node/descriptor-functions.js';
import { type Subject, systemErrorOf } from '../node/errors.js';
import { modeForNode } from '../node/file-mode.js';
import { ownOptions } from '../node/own-options.js';
import { validateBoolean, validateInteger } from '../node/validate.js';
import type { Alignment } from '../transfer/alignment.js';
import { endOf } from '../transfer/file-size.js';
import type { SectorFile } from '../transfer/transfer-file.js';
import {
  allocatedSizeOfHandle,
  attributesOfHandle,
  type FileAttributes,
  type SettableAttributes,
  setAttributesOfHandle,
} from './attributes.js';
import { Cursor } from './cursor.js';
import { type LockOptions, type LockRange, lockRange, unlockRange } from './locks.js';
import type { OpenFile } from './open-file.js';
import type { Access } from './open-flags.js';
import type { DeviceType } from './opened-file.js';
import type { CloseOptions, StatHandleOptions } from './public-handle.js';
import { type SeekOrigin, seek } from './seek.js';
import {
  type AllocatedRangesOptions,
  allocatedRanges,
  type FileRange,
  punchHole,
  setSparse,
} from './sparse.js';
import type { ReadResult, TransferOptions, WriteResult } from './transfer-result.js';
import { Transfers } from './transfers.js';
import { VectorTransfers } from './vector-transfers.js';

const truncateSubject = { syscall: 'ftruncate' };
const syncSubject = { syscall: 'fsync' };
const dataSyncSubject = { syscall: 'fdatasync' };

type DescriptorCallback = (error: NodeJS.ErrnoException | null) => void;

/**
 * An open file with all its operations, except those that need streams. Streams, windows and the
 * functions of paths are built on it; the public FileHandle wraps one.
 */
export class CoreHandle implements SectorFile {
  readonly file: OpenFile;
  readonly cursor: Cursor;
  readonly transfers: Transfers;
  #vectors: VectorTransfers | undefined;

  constructor(file: OpenFile) {
    this.file = file;
    this.cursor = new Cursor(file);
    this.transfers = new Transfers(file, this.cursor);
  }

  /** Made on first use, since most handles never use vectors. */
  get vectors(): VectorTransfers {
    this.#vectors ??= new VectorTransfers(this.file, this.cursor, this.transfers);
    return this.#vectors;
  }

  get alignment(): Alignment | null {
    return this.file.alignment;
  }
  get deviceType(): DeviceType {
    return this.file.deviceType;
  }
  get access(): Access {
    return this.file.access;
  }

  /** Reads into one buffer. The other forms of FileHandle.read() are in `transfers`. */
  read(buffer: Uint8Array, options: TransferOptions = {}): Promise<ReadResult<ArrayBufferView>> {
    return this.transfers.read(buffer, options);
  }

  /** Writes one buffer. The other forms of FileHandle.write() are in `transfers`. */
  write(
    buffer: Uint8Array,
    options: TransferOptions = {},
  ): Promise<WriteResult<ArrayBufferView | string>> {
    return this.transfers.write(buffer, options);
  }

  // ---- For ReadAhead and WriteBehind: the arguments must be valid and aligned.

  readAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.transfers.readAt(buffer, offset, length, position, signal);
  }

  writeAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.transfers.writeAt(buffer, offset, length, position, signal);
  }

  writeViewsAt(
    views: readonly Uint8Array[],
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number> {
    const [first] = views;
    if (views.length === 1 && position !== -1 && first !== undefined) {
      return this.transfers.writeAt(first, 0, length, position, signal);
    }
    return this.vectors.moveOnce(Opcode.writeVector, views, length, position, signal);
  }

  // ---- Status and size

  stat(options?: StatHandleOptions & { bigint?: false | undefined }): Promise<Stats>;
  stat(options: StatHandleOptions & { bigint: true }): Promise<BigIntStats>;
  stat(options?: StatHandleOptions): Promise<Stats | BigIntStats>;
  async stat(options?: StatHandleOptions): Promise<Stats | BigIntStats> {
    return this.file.stat(options);
  }

  /** Returns the end of the file, or the size of the device, in bytes. */
  size(signal?: AbortSignal): Promise<number> {
    return endOf(this.file, signal);
  }

  async truncate(length = 0): Promise<void> {
    this.file.checkOpen('ftruncate');
    validateInteger(length, 'len');
    return this.#command(truncateFile(Math.max(0, length)), truncateSubject);
  }

  async sync(): Promise<void> {
    return this.#sync(syncFile({ dataOnly: false }), syncSubject);
  }

  async datasync(): Promise<void> {
    return this.#sync(syncFile({ dataOnly: true }), dataSyncSubject);
  }

  async #sync(request: Encoded, subject: Subject): Promise<void> {
    this.file.checkOpen(subject.syscall);
    if (process.platform === 'win32' && !this.access.writable) {
      throw systemErrorOf('EPERM', subject, 'FlushFileBuffers needs a handle open for writing');
    }
    return this.#command(request, subject);
  }

  #command(request: Encoded, subject: Subject): Promise<void> {
    return this.file.operate<void>({ ...request, subject, decode: decodeNothing });
  }

  // ---- By the descriptor, with Node's functions

  chmod(mode: number | string): Promise<void> {
    return this.#onDescriptor('fchmod', (fd, done) => fchmod(fd, modeForNode(mode), done));
  }

  chown(uid: number, gid: number): Promise<void> {
    return this.#onDescriptor('fchown', (fd, done) => fchown(fd, uid, gid, done));
  }

  utimes(atime: TimeLike, mtime: TimeLike): Promise<void> {
    return this.#onDescriptor('futimes', (fd, done) => futimes(fd, atime, mtime, done));
  }

  async #onDescriptor(
    syscall: string,
    call: (fd: number, done: DescriptorCallback) => void,
  ): Promise<void> {
    const { file } = this;
    file.checkOpen(syscall);
    return file.holds.during(
      () =>
        new Promise((resolve, reject) => {
          call(file.descriptor, (error) => (error ? reject(error) : resolve()));
        }),
    );
  }

  // ---- Other operations on an open file

  operate<T>(request: HandleRequest<T>): Promise<T> {
    return this.file.operate(request);
  }

  operateFrom<T>(source: CoreHandle, request: HandleRequest<T>): Promise<T> {
    return this.file.operateFrom(source.file, request);
  }

  async seek(position: number | bigint, from: SeekOrigin = 'start'): Promise<number> {
    return seek(this.file, this.cursor, position, from);
  }

  async getAttributes(): Promise<FileAttributes> {
    return attributesOfHandle(this);
  }

  async setAttributes(attributes: SettableAttributes): Promise<void> {
    return setAttributesOfHandle(this, attributes);
  }

  async allocatedSize(): Promise<number> {
    return allocatedSizeOfHandle(this);
  }

  async setSparse(sparse = true): Promise<void> {
    validateBoolean(sparse, 'sparse');
    return setSparse(this, sparse);
  }

  async punchHole(range: FileRange): Promise<void> {
    return punchHole(this, range);
  }

  allocatedRanges(
    options: AllocatedRangesOptions = {},
  ): AsyncGenerator<FileRange, void, undefined> {
    return allocatedRanges(this.file, this.cursor, options);
  }

  async lock(options: LockOptions = {}): Promise<void> {
    return lockRange(this, options);
  }

  async unlock(options: LockRange = {}): Promise<void> {
    return unlockRange(this, options);
  }

  // ---- Closing

  /**
   * Keeps the file open until the returned function is called.
   * @param onClosing called to ask for release
   */
  hold(onClosing: () => void): () => void {
    return this.file.holds.hold(onClosing);
  }

  /** Cancels operations in flight, and those that wait for the cursor, with an AbortError. */
  cancelAll(): void {
    this.cursor.cancelWaiting();
    this.file.cancelAll();
  }

  close(options?: CloseOptions): Promise<void> {
    if (ownOptions(options)?.cancel === true) this.cancelAll();
    return this.file.close();
  }

  /**
   * Closes this handle like close({ cancel: true }), and passes its open file to a new one; for
   * Windows.
   * @returns the new one; undefined if this one is closed, or being closed
   */
  async handOver(): Promise<CoreHandle | undefined> {
    if (this.file.state === 'open') this.cancelAll();
    const file = await this.file.handOver();
    return file === undefined ? undefined : new CoreHandle(file);
  }
}

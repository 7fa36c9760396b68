import type { BigIntStats, Stats } from 'node:fs';
import process from 'node:process';
import { getEngine } from '../engine/engine.js';
import { complete, type HandleRequest } from '../engine/operation.js';
import { statusOfFile } from '../engine/requests.js';
import { flushEngine } from '../engine/started.js';
import { fileClosed, systemError, systemErrorOf } from '../node/errors.js';
import { nextTick } from '../node/globals.js';
import { nodeFs } from '../node/node-fs.js';
import { noOptions, ownOptions } from '../node/own-options.js';
import { validateStatusOptions } from '../node/validate.js';
import type { Alignment } from '../transfer/alignment.js';
import type { SizedFile } from '../transfer/file-size.js';
import { type Held, submitClose, unwatchCollection, watchCollection } from './collection.js';
import { Holds } from './holds.js';
import type { Access } from './open-flags.js';
import { type DeviceType, noDescriptor, type OpenedFile } from './opened-file.js';
import type { StatHandleOptions } from './public-handle.js';
import { decodeBigIntStats, decodeStats } from './stats.js';

const isWindows = process.platform === 'win32';
/** A number that belongs to no file, since Node's stream classes require one. */
export const placeholderDescriptor = 2 ** 31 - 1;
const readSubject = { syscall: 'read' };
const writeSubject = { syscall: 'write' };
const statSubject = { syscall: 'fstat' };

// A stream calls back in one tick after its file is closed, and emits 'close' in the next one.
function afterStreams(): Promise<void> {
  return new Promise((resolve) => nextTick(() => nextTick(() => nextTick(resolve))));
}

/**
 * An open file of the engine and its state: open, closing, closed. Every operation keeps this
 * object alive while it is in flight, so that the file is not collected during the operation.
 */
export class OpenFile implements SizedFile {
  /** Its number in the addon's table of open files. */
  readonly number: number;
  readonly alignment: Alignment | null;
  readonly deviceType: DeviceType;
  /** The access requested from open(); an unbuffered file may be open for more. */
  readonly access: Access;
  /** Bytes of a regular file when it was opened; undefined if unknown. */
  readonly sizeWhenOpened: number | undefined;
  readonly holds = new Holds();
  /**
   * Called once the file is closed, before the promise of close() resolves. It also keeps the
   * public handle alive while something is in flight.
   */
  onClosed: (() => void) | undefined;
  readonly #held: Held;
  #closing: Promise<void> | undefined;
  #left: Promise<void> | undefined;
  #isClosed = false;
  /** Whether the close has completed; the number may then belong to another file. */
  #hasLeft = false;
  /** Windows: the close of the handle while the program keeps its descriptor. */
  #leaving: Promise<void> | undefined;

  constructor(opened: OpenedFile, access: Access) {
    this.number = opened.file;
    this.alignment = opened.alignment;
    this.deviceType = opened.deviceType;
    this.access = access;
    this.sizeWhenOpened = opened.size;
    this.#held = { file: opened.file, fd: opened.fd, whenCollected: 'close', object: this };
    watchCollection(this.#held);
  }

  /** Whether the file has no users any more; its number may soon belong to another file. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Settles when the file is closed, before the promise of close(), which waits for the events of
   * streams; undefined before close() is called.
   */
  get left(): Promise<void> | undefined {
    return this.#left;
  }

  get state(): 'open' | 'closing' | 'closed' {
    if (this.#isClosed) return 'closed';
    return this.#closing === undefined ? 'open' : 'closing';
  }

  /**
   * Whether the file has a cursor. A pipe or a terminal has none: reads there never wait for
   * writes.
   */
  get isSeekable(): boolean {
    return this.deviceType === 'disk' || this.deviceType === 'block';
  }

  /** The descriptor; noDescriptor once the file is closed. @throws a system error on Windows */
  get descriptor(): number {
    if (isWindows && this.#held.fd === noDescriptor && !this.#isClosed) {
      const fd = getEngine().duplicateDescriptor(this.number);
      if (fd < 0) throw systemError(fd, { syscall: 'open' });
      this.#held.fd = fd;
    }
    return this.#held.fd;
  }

  /**
   * A descriptor for Node's stream classes. Windows opens neither a pipe nor a device a second
   * time, so there it is a number that belongs to no file.
   */
  get streamDescriptor(): number {
    const isSecond = isWindows && this.#held.fd === noDescriptor;
    return isSecond && !this.isSeekable ? placeholderDescriptor : this.descriptor;
  }

  /** Makes collection of this object warn, since a program had a handle of the file. */
  warnWhenCollected(): void {
    this.#held.whenCollected = 'warn';
  }

  /**
   * Called when a program learns the descriptor of a file without having a handle. Collection then
   * never closes the descriptor.
   * @param mayClose whether the program may close the descriptor itself
   */
  shareDescriptor(mayClose: boolean): void {
    const held = this.#held;
    const isDecided = held.whenCollected === 'warn' || held.whenCollected === 'forget';
    if (isDecided || this.#isClosed) return;
    held.whenCollected = mayClose ? 'forget' : 'keep';
    if (mayClose && !isWindows) getEngine().giveAwayDescriptor(this.number);
  }

  /** @throws EBADF once close() has been called, unless an earlier operation still runs */
  checkOpen(syscall: string): void {
    if (this.#closing === undefined || this.holds.any) return;
    throw fileClosed(syscall);
  }

  /**
   * Checks that the caller may read. An unbuffered file is open for reading even if the caller
   * requested only writing, because partly written sectors may have to be read. On other files the
   * system itself refuses.
   * @throws EBADF
   */
  checkReadable(): void {
    if (this.alignment === null || this.access.readable) return;
    throw systemErrorOf('EBADF', readSubject);
  }

  /**
   * Checks a transfer of no bytes, which is not submitted: the system refuses it if the file may
   * not be read or written.
   * @throws EBADF
   */
  checkEmptyTransfer(isWrite: boolean): void {
    const { readable, writable } = this.access;
    if (isWrite ? writable : readable) return;
    throw systemErrorOf('EBADF', isWrite ? writeSubject : readSubject);
  }

  /** Moves the system's cursor synchronously. @throws a system error */
  moveCursor(position: number): void {
    if (this.#isClosed || this.#leaving !== undefined) return;
    const moved = getEngine().moveCursor(this.number, position);
    if (moved < 0) throw systemError(moved, { syscall: 'lseek' });
  }

  /** Submits an operation on this file. */
  operate<T>(request: HandleRequest<T>): Promise<T> {
    this.checkOpen(request.subject.syscall);
    return getEngine().submit<T>({ ...request, file: this.number, owner: this });
  }

  /** Returns the status of the file: Node's Stats or, with `bigint: true`, BigIntStats. */
  stat(options?: StatHandleOptions & { bigint?: false | undefined }): Promise<Stats>;
  stat(options: StatHandleOptions & { bigint: true }): Promise<BigIntStats>;
  stat(options?: StatHandleOptions): Promise<Stats | BigIntStats>;
  async stat(given: StatHandleOptions = noOptions): Promise<Stats | BigIntStats> {
    validateStatusOptions(given);
    const { bigint, signal } = ownOptions(given);
    this.checkOpen(statSubject.syscall);
    const encoded = { ...statusOfFile(), file: this.number };
    const decode = bigint === true ? decodeBigIntStats : decodeStats;
    return getEngine().start(complete(encoded, statSubject, decode, signal, this));
  }

  /** Submits an operation from another open file to this one. */
  operateFrom<T>(source: OpenFile, request: HandleRequest<T>): Promise<T> {
    for (const file of [source, this]) file.checkOpen(request.subject.syscall);
    const files = { file: this.number, source: source.number, owner: [this, source] };
    return getEngine().submit<T>({ ...request, ...files });
  }

  /** Requests cancellation of everything in flight. */
  cancelAll(): void {
    if (!this.#hasLeft) getEngine().cancelFile(this.number);
  }

  /** Closes the file when it has no users. Resolves after 'close' of streams that held it. */
  close(): Promise<void> {
    return this.#end(() => this.#leaving ?? submitClose(this.number, this.access.writable));
  }

  /**
   * Closes the handle of a stream that has ended, and leaves the file to a program that closes the
   * descriptor itself. Only on Windows, where the descriptor is a second handle.
   */
  leaveToDescriptor(): void {
    const isLeft = this.#held.whenCollected === 'forget' && this.#closing === undefined;
    if (!isWindows || !isLeft || this.holds.any || this.#leaving !== undefined) return;
    unwatchCollection(this.#held);
    this.#hasLeft = true;
    this.#leaving = submitClose(this.number, this.access.writable);
    this.#leaving.catch(() => {});
  }

  /**
   * Closes this object like close(), and passes its open file to another one. For Windows, where a
   * descriptor is a second handle that this object closes; the other object has none yet.
   * @returns the other one; undefined if this one is closed, or being closed
   */
  async handOver(): Promise<OpenFile | undefined> {
    if (this.#closing !== undefined) {
      await this.#closing;
      return undefined;
    }
    let next: OpenFile | undefined;
    await this.#end(async () => {
      const { number: file, alignment, deviceType, sizeWhenOpened: size } = this;
      next = new OpenFile({ file, fd: noDescriptor, deviceType, alignment, size }, this.access);
    });
    return next;
  }

  /**
   * Ends this object, and leaves its descriptor open for the caller, who owns it.
   * @returns false if operations are in flight; nothing has changed then
   */
  detach(): boolean {
    if (this.#closing !== undefined || this.holds.any) return false;
    if (isWindows) {
      this.#held.fd = noDescriptor;
      this.close().catch(() => {});
      return true;
    }
    flushEngine();
    if (!getEngine().forgetFile(this.number)) return false;
    unwatchCollection(this.#held);
    this.#isClosed = true;
    this.#hasLeft = true;
    this.#held.fd = noDescriptor;
    this.#left = Promise.resolve();
    this.#closing = this.#left;
    return true;
  }

  #end(leaveFile: () => Promise<void>): Promise<void> {
    if (this.#closing === undefined) {
      this.#left = this.#endOnce(leaveFile);
      this.#closing = this.holds.mustBeAsked ? this.#left.then(afterStreams) : this.#left;
      // This comes last, because streams that release the file may call close() themselves.
      this.holds.askToLetGo();
    }
    return this.#closing;
  }

  #endOnce(leaveFile: () => Promise<void>): Promise<void> {
    unwatchCollection(this.#held);
    if (!this.holds.any) return this.#leave(leaveFile);
    return this.holds.whenFree().then(() => this.#leave(leaveFile));
  }

  #leave(leaveFile: () => Promise<void>): Promise<void> {
    const { fd } = this.#held;
    this.#isClosed = true;
    this.#held.fd = noDescriptor;
    try {
      if (isWindows && fd !== noDescriptor) nodeFs.closeSync(fd);
    } catch (error) {
      return Promise.reject(error);
    }
    return leaveFile().then(
      () => {
        this.#hasLeft = true;
        this.onClosed?.();
      },
      (error) => {
        this.#hasLeft = true;
        throw error;
      },
    );
  }
}

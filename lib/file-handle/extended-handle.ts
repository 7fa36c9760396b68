import { EventEmitter } from 'node:events';
import type { FileAttributes, SettableAttributes } from '../handle/attributes.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { coreKey } from '../handle/core-of.js';
import type { LockOptions, LockRange } from '../handle/locks.js';
import type { DeviceType } from '../handle/opened-file.js';
import type { SeekOrigin } from '../handle/seek.js';
import type { AllocatedRangesOptions, FileRange } from '../handle/sparse.js';
import { type ChunksOptions, chunksOf } from '../streams/chunks.js';
import type { Alignment } from '../transfer/alignment.js';
import { type ReparsePoint, readReparsePoint } from '../win32/reparse-point.js';

/** The members of a FileHandle that Node's class lacks. */
export class ExtendedHandle extends EventEmitter {
  // Private, so that a handle shows no more properties than Node's.
  readonly #core: CoreHandle;

  /** @internal */
  constructor(core: CoreHandle) {
    super();
    this.#core = core;
  }

  /** @internal For coreOf(). */
  get [coreKey](): CoreHandle {
    return this.#core;
  }

  /** Alignment that transfers on this handle require; null on a buffered handle. */
  get alignment(): Alignment | null {
    return this.#core.alignment;
  }

  /** The kind of the open file. */
  get deviceType(): DeviceType {
    return this.#core.deviceType;
  }

  /**
   * Moves the handle's cursor, possibly beyond the end of the file; a write there leaves a hole.
   * @param position bytes, a number or bigint; may be negative for 'current' and 'end'
   * @param from origin: 'start' (the default), 'current' or 'end'
   * @returns the new position from the start
   * @throws ESPIPE on a pipe or a terminal; AlignmentError on an unbuffered handle
   */
  async seek(position: number | bigint, from: SeekOrigin = 'start'): Promise<number> {
    return this.#core.seek(position, from);
  }

  /** Returns the attributes of the file. */
  async getAttributes(): Promise<FileAttributes> {
    return this.#core.getAttributes();
  }

  /** Changes attributes; attributes that are not given stay unchanged. @see setAttributes */
  async setAttributes(attributes: SettableAttributes): Promise<void> {
    return this.#core.setAttributes(attributes);
  }

  /** Returns the bytes that the file occupies on the disk. @see allocatedSize */
  async allocatedSize(): Promise<number> {
    return this.#core.allocatedSize();
  }

  /**
   * Allows holes in the file; on POSIX every file may have them. False fills existing holes on
   * Linux; Windows refuses that if there are any.
   * @see https://learn.microsoft.com/windows/win32/api/winioctl/ni-winioctl-fsctl_set_sparse
   */
  async setSparse(sparse = true): Promise<void> {
    return this.#core.setSparse(sparse);
  }

  /**
   * Zeros a part of the file, and returns its whole blocks to the disk. Windows requires
   * setSparse() first; otherwise zeros are written. The size does not change.
   * @throws ENOTSUP if the file system does not support it
   */
  async punchHole(range: FileRange): Promise<void> {
    return this.#core.punchHole(range);
  }

  /**
   * Yields the parts of the file that have space on the disk, in order; bytes between them read as
   * zeros. Adjacent parts are merged. On a file system without holes it yields the whole file.
   */
  allocatedRanges(
    options: AllocatedRangesOptions = {},
  ): AsyncGenerator<FileRange, void, undefined> {
    return this.#core.allocatedRanges(options);
  }

  /**
   * Returns the content of the reparse point on which this handle was opened with openReparsePoint.
   * Windows only.
   * @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM elsewhere, where readlink() reads links
   */
  async readReparsePoint(): Promise<ReparsePoint> {
    return readReparsePoint(this.#core);
  }

  /**
   * Locks a part of the file, or the whole file, against other handles (LockFileEx; on Linux
   * advisory open file description locks, see
   * [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html)). unlock() or close() releases
   * it.
   * @throws EBUSY with `wait: false` if another handle holds it; AbortError; on Linux EBADF for an
   *   exclusive lock on a handle without write access, and a shared one without read access
   */
  async lock(options: LockOptions = {}): Promise<void> {
    return this.#core.lock(options);
  }

  /** Releases a lock. Windows requires exactly the range that lock() was given. */
  async unlock(options: LockRange = {}): Promise<void> {
    return this.#core.unlock(options);
  }

  /**
   * Iterates over the file, or a part of it, in chunks of up to `chunkSize` bytes (default 1 MiB),
   * with `depth` reads in flight (default 8). With `recycle: true` the memory of a chunk is reused
   * when the next one is requested. Pipes and terminals are read one read at a time.
   * @throws a system error; AbortError; EBADF when the handle is closed during the iteration
   */
  chunks(options: ChunksOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    this.#core.file.checkOpen('read');
    return chunksOf(this.#core, options);
  }

  /**
   * Cancels everything in flight on this handle, and operations that wait for the cursor. Each
   * operation settles: most with an AbortError, whose `bytesMayHaveMoved` says whether a part of
   * the work may have been done; those already done settle with their results. The handle stays
   * usable.
   * @throws EBADF after close()
   */
  cancel(): void {
    this.#core.file.checkOpen('cancel');
    this.#core.cancelAll();
  }
}

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

/** What a FileHandle of this package has and Node's has not. */
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

  /** What transfers on this handle must be multiples of; null on a buffered handle. */
  get alignment(): Alignment | null {
    return this.#core.alignment;
  }

  /** The kind of file that the handle is open on. */
  get deviceType(): DeviceType {
    return this.#core.deviceType;
  }

  /**
   * Moves the handle's cursor, also beyond the end of the file; a write there leaves a hole.
   * @param position bytes, a number or bigint; negative ones lie before the end or the cursor
   * @param from what it is counted from: 'start' (the default), 'current' or 'end'
   * @returns the new position from the start
   * @throws ESPIPE on a pipe or a terminal; AlignmentError on an unbuffered handle
   */
  async seek(position: number | bigint, from: SeekOrigin = 'start'): Promise<number> {
    return this.#core.seek(position, from);
  }

  /** The attributes of the file. */
  async getAttributes(): Promise<FileAttributes> {
    return this.#core.getAttributes();
  }

  /** Changes attributes; those that are not named stay as they are. @see setAttributes */
  async setAttributes(attributes: SettableAttributes): Promise<void> {
    return this.#core.setAttributes(attributes);
  }

  /** The bytes that the file takes on the disk. @see allocatedSize */
  async allocatedSize(): Promise<number> {
    return this.#core.allocatedSize();
  }

  /**
   * Lets the file have holes (FSCTL_SET_SPARSE; on POSIX every file may). With false the holes that
   * it has are filled on Linux; Windows refuses that where it would have to fill them.
   */
  async setSparse(sparse = true): Promise<void> {
    return this.#core.setSparse(sparse);
  }

  /**
   * Makes zeros of a part of the file, and gives its whole blocks back to the disk. On Windows that
   * needs setSparse() before; else zeros are written. The size stays.
   * @throws ENOTSUP where the file system cannot
   */
  async punchHole(range: FileRange): Promise<void> {
    return this.#core.punchHole(range);
  }

  /**
   * The parts of the file that have space on the disk, in order; what lies between reads as zeros.
   * Adjacent parts come as one. A file system that does not know holes gives the whole file.
   */
  allocatedRanges(
    options: AllocatedRangesOptions = {},
  ): AsyncGenerator<FileRange, void, undefined> {
    return this.#core.allocatedRanges(options);
  }

  /**
   * The content of the reparse point that this handle, opened with openReparsePoint, is on.
   * Windows only.
   * @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM elsewhere, where readlink() reads links
   */
  async readReparsePoint(): Promise<ReparsePoint> {
    return readReparsePoint(this.#core);
  }

  /**
   * Locks a part of the file, or all of it, against other handles (LockFileEx; Linux: open file
   * description locks, advisory). unlock() or close() releases it.
   * @throws EBUSY without `wait` where another handle holds it; AbortError; on Linux EBADF for an
   *   exclusive lock on a handle that may not write, and for a shared one that may not read
   */
  async lock(options: LockOptions = {}): Promise<void> {
    return this.#core.lock(options);
  }

  /** Gives a lock back. Windows wants exactly the range that lock() was given. */
  async unlock(options: LockRange = {}): Promise<void> {
    return this.#core.unlock(options);
  }

  /**
   * The file, or a part of it, in chunks of up to `chunkSize` bytes (default 1 MiB), with
   * `depth` reads in flight (default 8). With `recycle: true` the memory of a chunk is used again
   * when the next one is asked for. Pipes and terminals are read one read at a time.
   * @throws a system error; AbortError; EBADF when the handle is closed meanwhile
   */
  chunks(options: ChunksOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    this.#core.file.checkOpen('read');
    return chunksOf(this.#core, options);
  }

  /**
   * Cancels everything that is in flight on this handle, and what waits for its turn at the cursor.
   * Each operation settles as ever: most with an AbortError, whose `bytesMayHaveMoved` says whether
   * a part of the work may have been done, and those that were done already with their results. The
   * handle stays usable.
   * @throws EBADF after close()
   */
  cancel(): void {
    this.#core.file.checkOpen('cancel');
    this.#core.cancelAll();
  }
}

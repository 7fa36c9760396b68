import { AbortError } from '../node/errors.js';
import { queueMicrotask } from '../node/globals.js';
import { blockSizeOf } from './chunk-io.js';
import { type GatherOptions, GatherQueue } from './gather-queue.js';
import { type CancelOptions, InFlight } from './in-flight.js';
import type { Writer } from './padded-file.js';
import type { PartQueue } from './part-queue.js';
import { SectorQueue } from './sector-queue.js';
import type { SectorFile } from './transfer-file.js';
import { type WindowOptions, WindowSize } from './window.js';
import { MemoryUse, type Part, type WriteCallback } from './write-part.js';

export interface WriteBehindOptions extends WindowOptions, CancelOptions, GatherOptions {
  /**
   * Position of the first byte; default 0. Null writes at the file's cursor, at the end in append
   * mode, or to a file without a cursor (a pipe, a terminal): one write at a time.
   */
  start?: number | null | undefined;
  /** Whether a file without positions (ESPIPE) is written at its cursor. Default false. */
  mayUseCursor?: boolean | undefined;
  /** Bytes that will certainly be written, so that the window need not grow first. Default 0. */
  expected?: number | undefined;
  /** Called when flushedPosition has moved. */
  onFlushed?: ((flushedPosition: number) => void) | undefined;
  /** Called with the first error, after the waiting callbacks have been called with it. */
  onFailed?: ((error: unknown) => void) | undefined;
}

const unobserved = new MemoryUse(undefined);

/**
 * Writes bytes in order, with several writes in flight at explicit positions. Small writes are
 * combined while others are in flight. Nothing is submitted after the first error; callbacks
 * receive the error of a write once nothing is in flight, and an abort at once.
 */
export class WriteBehind {
  readonly #queue: PartQueue;
  readonly #window: WindowSize;
  readonly #inFlight: InFlight;
  readonly #mayUseCursor: boolean;
  readonly #onFlushed: ((flushedPosition: number) => void) | undefined;
  readonly #onFailed: ((error: unknown) => void) | undefined;
  readonly #waiting: { position: number; callback: WriteCallback }[] = [];
  #flushedPosition: number;
  #bytesWaiting = 0;
  #isScheduled = false;
  #isLearning = false;
  /** Parts that the file refused to write at a position. */
  readonly #unplaced: Part[] = [];
  /** Whether the first error came from a write rather than an abort. */
  #isWriteError = false;
  #hasReported = false;
  #cutting: Promise<void> | undefined;
  #onRoom: WriteCallback | undefined;
  readonly #pumpLater = (): void => {
    this.#isScheduled = false;
    this.#pump();
  };

  constructor(file: SectorFile, options: WriteBehindOptions = {}) {
    const { start = 0, expected, onFlushed, onFailed, mayUseCursor = false } = options;
    this.#window = new WindowSize(options, blockSizeOf(file), expected);
    if (file.alignment === null) {
      this.#queue = new GatherQueue(file, start, this.#window, options);
    } else {
      const self: Writer = {
        whenIdle: () => this.#inFlight.whenIdle(),
        resume: () => this.#pump(),
      };
      this.#queue = new SectorQueue(file, start, this.#window, self);
    }
    this.#flushedPosition = start ?? 0;
    this.#mayUseCursor = mayUseCursor;
    this.#onFlushed = onFlushed;
    this.#onFailed = onFailed;
    this.#inFlight = new InFlight(options, (error) => this.#stop(error));
    this.#inFlight.listen();
  }

  /** Position of the next byte. */
  get position(): number {
    return this.#queue.position;
  }

  /** All bytes before this position are in the file; they are durable after a sync of the file. */
  get flushedPosition(): number {
    return this.#flushedPosition;
  }

  /** Whether the window has room for more; write() accepts more at any time. */
  get hasRoom(): boolean {
    return this.#bytesWaiting < this.#window.depth * this.#window.chunkSizeMax;
  }

  /**
   * Writes bytes. Their memory must not change until `released` is called: with an error if they
   * will never be written; otherwise they have been written by then, or copied.
   * @throws the first error of the window
   */
  write(bytes: Uint8Array, released?: WriteCallback): void {
    const { failure } = this.#inFlight;
    if (failure !== undefined) throw failure.error;
    const use = released === undefined ? unobserved : new MemoryUse(released);
    this.#bytesWaiting += bytes.byteLength;
    this.#queue.add(bytes, use);
    if (use !== unobserved) use.done();
    this.#schedule();
  }

  /** Calls back once when there is room again, or with the first error. */
  whenRoom(callback: WriteCallback): void {
    const { failure } = this.#inFlight;
    if (failure !== undefined && this.#hasReported) callback(failure.error);
    else if (failure === undefined && this.hasRoom) callback();
    else this.#onRoom = callback;
  }

  /** Calls back when all bytes accepted so far are in the file, or with the first error. */
  whenFlushed(callback: WriteCallback): void {
    const { failure } = this.#inFlight;
    const { position } = this.#queue;
    if (failure !== undefined && this.#hasReported) callback(failure.error);
    else if (failure === undefined && this.#flushedPosition === position) callback();
    else {
      this.#waiting.push({ position, callback });
      this.#schedule();
    }
  }

  /** Like whenFlushed(), but returns a promise. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.whenFlushed((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Writes further bytes at the file's cursor, which has been moved to `position`. */
  useCursor(): void {
    if (!this.#queue.isAtCursor) this.#queue.useCursor();
  }

  /**
   * Finishes if everything has been written and no work remains, so that finish() is not needed.
   * Aborts then have no effect.
   */
  finishAtOnce(): boolean {
    const isDone =
      this.#inFlight.failure === undefined &&
      this.#inFlight.count === 0 &&
      this.#flushedPosition === this.#queue.position &&
      !this.#queue.mayNeedCut;
    if (isDone) this.#inFlight.unlisten();
    return isDone;
  }

  /**
   * Writes the remaining bytes. If the last sector of an unbuffered file had to be padded, the file
   * is cut to its true size and synced.
   */
  async finish(): Promise<void> {
    await this.flush();
    this.#inFlight.unlisten();
    await this.#cut();
  }

  /**
   * Cancels writes in flight. Resolves when all of them have ended.
   * @param error error passed to waiting callbacks
   */
  async cancel(error: unknown = new AbortError()): Promise<void> {
    this.#inFlight.fail(error);
    this.#report();
    await this.#inFlight.whenIdle();
    await this.#cut();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(this.#pumpLater);
  }

  #pump(): void {
    const inFlight = this.#inFlight;
    const queue = this.#queue;
    const depth = queue.isAtCursor ? 1 : this.#window.depth;
    while (inFlight.count < depth && inFlight.failure === undefined && !queue.isBlocked) {
      if (this.#isLearning || this.#unplaced.length > 0) return;
      if (queue.mustLearn(inFlight.count)) {
        this.#learn();
        return;
      }
      const part = queue.next(inFlight.count, this.#waiting.length > 0);
      if (part === undefined) return;
      this.#submit(part);
    }
  }

  #learn(): void {
    this.#isLearning = true;
    this.#track(this.#queue.learn(), () => {
      this.#isLearning = false;
    });
  }

  #submit(part: Part): void {
    const onMoved = (bytes: number): void => {
      part.moved = bytes;
    };
    const writing = this.#queue.write(part, this.#inFlight.signal, onMoved);
    this.#track(writing, () => this.#written(part), part);
  }

  #track(operation: Promise<void>, onDone: () => void, part?: Part): void {
    this.#inFlight.begin();
    operation.then(
      () => {
        onDone();
        this.#goOn();
      },
      (error) => {
        if (part !== undefined && this.#canGoByCursor(part, error)) {
          this.#unplaced.push(part);
        } else {
          this.#fail(error, part);
        }
        this.#goOn();
      },
    );
  }

  #goOn(): void {
    this.#inFlight.end();
    if (this.#unplaced.length > 0 && this.#inFlight.count === 0) this.#goByCursor();
    else this.#pump();
  }

  // A regular file without positions (tracefs, FUSE) refuses the first positional write.
  #canGoByCursor(part: Part, error: unknown): boolean {
    return (
      this.#mayUseCursor &&
      this.#inFlight.failure === undefined &&
      !part.isAtCursor &&
      this.#flushedPosition === this.#queue.start &&
      this.#queue.mayUseCursor &&
      (error as NodeJS.ErrnoException).code === 'ESPIPE'
    );
  }

  #goByCursor(): void {
    const parts = this.#unplaced.splice(0);
    if (this.#inFlight.failure !== undefined) {
      for (const part of parts) this.#queue.release(part, this.#inFlight.failure.error);
      return;
    }
    this.#queue.putBack(parts);
    this.#pump();
  }

  #written(part: Part): void {
    const { order } = this.#queue;
    part.isWritten = true;
    part.moved = part.length;
    this.#bytesWaiting -= part.newBytes;
    this.#queue.release(part);
    let flushed = this.#flushedPosition;
    while (order[0]?.isWritten) {
      const first = order.shift() as Part;
      flushed = first.position + first.length;
    }
    this.#flushTo(flushed);
    if (this.hasRoom) this.#callRoom();
  }

  #flushTo(position: number): void {
    if (position <= this.#flushedPosition) return;
    this.#flushedPosition = position;
    this.#onFlushed?.(position);
    const waiting = this.#waiting;
    while ((waiting[0]?.position ?? Number.POSITIVE_INFINITY) <= position) {
      waiting.shift()?.callback();
    }
  }

  #callRoom(error?: unknown): void {
    const onRoom = this.#onRoom;
    this.#onRoom = undefined;
    onRoom?.(error);
  }

  // ---- Failure

  // A write error is reported once nothing is in flight, when the file no longer changes.
  #fail(error: unknown, part: Part | undefined): void {
    const isFirst = this.#inFlight.failure === undefined;
    this.#isWriteError = isFirst;
    this.#inFlight.fail(error);
    if (part !== undefined) this.#queue.release(part, this.#inFlight.failure?.error);
    if (!isFirst) return;
    const report = (): void => this.#report();
    this.#inFlight
      .whenIdle()
      .then(() => this.#cut())
      .then(report, report);
  }

  #stop(error: unknown): void {
    this.#queue.drop(error);
    if (!this.#isWriteError) this.#report();
  }

  #report(): void {
    const { failure } = this.#inFlight;
    if (failure === undefined || this.#hasReported) return;
    this.#hasReported = true;
    this.#callRoom(failure.error);
    for (const { callback } of this.#waiting.splice(0)) callback(failure.error);
    this.#onFailed?.(failure.error);
  }

  #cut(): Promise<void> {
    const hasFailed = this.#inFlight.failure !== undefined;
    if (hasFailed) this.#countPartialWrite();
    this.#cutting ??= this.#queue.cut(this.#flushedPosition, hasFailed);
    return this.#cutting;
  }

  // A full device has accepted the beginning of a part.
  #countPartialWrite(): void {
    const [first] = this.#queue.order;
    if (first === undefined || this.#inFlight.count > 0) return;
    this.#flushTo(first.position + Math.min(first.moved, first.length));
  }
}

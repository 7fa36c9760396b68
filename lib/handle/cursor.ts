import { AbortError } from '../node/errors.js';
import { isAligned } from '../transfer/alignment.js';
import { endOf } from '../transfer/file-size.js';
import type { OpenFile } from './open-file.js';

/** The result of a transfer at the cursor, and the bytes that it moved. */
interface Moved<R> {
  bytes: number;
  result: R;
}

/**
 * The position of transfers without an explicit one. They are served one after another, in the
 * order they were made. The cursor of a buffered file is the system's, which shares it with other
 * users of the descriptor; that of an unbuffered file is kept here, because the end of the file may
 * lie within a sector.
 */
export class Cursor {
  /** The cursor of an unbuffered file, in bytes. */
  position = 0;
  readonly #file: OpenFile;
  #isAtStart = true;
  #watchers: (() => void)[] | undefined;
  #isBusy = false;
  /** Functions that start the waiting operations, in order; made on first use. */
  #waiting: (() => void)[] | undefined;
  #cancellations = 0;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** Whether nobody can have moved the cursor of a buffered file. */
  get isAtStart(): boolean {
    return this.#isAtStart;
  }

  /**
   * Called when the cursor is used, or when other code learns the descriptor and so can use it.
   * Streams that read or write at their own positions move the cursor where node:fs would have left
   * it, and continue at the cursor.
   */
  share(): void {
    this.#isAtStart = false;
    const watchers = this.#watchers;
    this.#watchers = undefined;
    for (const onShared of watchers ?? []) onShared();
  }

  /** Calls back when the cursor is shared; a stream then gives up its own positions. */
  watch(onShared: () => void): void {
    this.#watchers ??= [];
    this.#watchers.push(onShared);
  }

  /** Ends the watch of a stream that uses its own positions no longer. */
  unwatch(onShared: () => void): void {
    const others = this.#watchers?.filter((watcher) => watcher !== onShared);
    this.#watchers = others?.length === 0 ? undefined : others;
  }

  /** Whether a stream uses its own positions instead of the cursor. */
  get isWatched(): boolean {
    return this.#watchers !== undefined;
  }

  /**
   * Whether a transfer must wait for its turn: it is at the cursor, or at an end of file that is
   * known only here. The system does not append to an unbuffered file, because its end may lie
   * within a sector.
   */
  serves(write: boolean, position: number | bigint): boolean {
    if (position === -1) return this.#file.isSeekable;
    return write && this.#file.alignment !== null && this.#file.access.append;
  }

  /**
   * Whether the end of an unbuffered file has left the cursor within a sector, where no aligned
   * read can begin; readUnaligned() finds the end there.
   */
  isWithinSector(place: number): boolean {
    const { alignment } = this.#file;
    return alignment !== null && !isAligned(place, alignment.position);
  }

  /** Runs a transfer in its turn, and advances the cursor by the bytes that moved. */
  transfer<R>(write: boolean, run: (place: number) => Promise<Moved<R>>): Promise<R> {
    return this.inOrder(async () => {
      if (this.#file.alignment === null) return (await run(-1)).result;
      const isAppended = write && this.#file.access.append;
      const place = isAppended ? await endOf(this.#file) : this.position;
      const { bytes, result } = await run(place);
      this.position = place + bytes;
      return result;
    });
  }

  /** Runs code that uses the cursor after everything requested before. */
  inOrder<R>(run: () => Promise<R>): Promise<R> {
    this.share();
    const running = this.#isBusy ? this.#inTurn(run) : run();
    this.#isBusy = true;
    this.#file.holds.add();
    // A single chain of promises without other reactions: V8 follows it from an error to the
    // caller.
    return running.then(
      (result) => {
        this.#end();
        return result;
      },
      (error) => {
        this.#end();
        throw error;
      },
    );
  }

  async #inTurn<R>(run: () => Promise<R>): Promise<R> {
    const cancellations = this.#cancellations;
    this.#waiting ??= [];
    const waiting = this.#waiting;
    await new Promise<void>((resolve) => waiting.push(resolve));
    if (this.#cancellations !== cancellations) throw new AbortError();
    return run();
  }

  #end(): void {
    const next = this.#waiting?.shift();
    if (next === undefined) this.#isBusy = false;
    else next();
    this.#file.holds.release();
  }

  /** Makes everything that waits for its turn fail with an AbortError. */
  cancelWaiting(): void {
    this.#cancellations++;
  }
}

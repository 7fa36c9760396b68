import { AbortError } from '../node/errors.js';
import { endOf } from '../transfer/file-size.js';
import type { OpenFile } from './open-file.js';

/** What a transfer at the cursor came to, and the bytes that it moved. */
interface Moved<R> {
  bytes: number;
  result: R;
}

/**
 * The place where transfers without a position happen. They are served one after another, in the
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
  #last: Promise<unknown> | undefined;
  #cancellations = 0;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** Whether nobody can have moved the cursor of a buffered file. */
  get isAtStart(): boolean {
    return this.#isAtStart;
  }

  /**
   * To be called when the cursor is used, or when somebody gets to know the descriptor and so can
   * use it. Streams that read or write at positions of their own put the cursor where node:fs would
   * have left it, and continue at the cursor.
   */
  share(): void {
    this.#isAtStart = false;
    const watchers = this.#watchers;
    this.#watchers = undefined;
    for (const onShared of watchers ?? []) onShared();
  }

  /** Calls back when the cursor is shared; a stream then leaves its own positions. */
  watch(onShared: () => void): void {
    this.#watchers ??= [];
    this.#watchers.push(onShared);
  }

  /** Whether a stream uses positions of its own instead of the cursor. */
  get isWatched(): boolean {
    return this.#watchers !== undefined;
  }

  /**
   * Whether a transfer has to wait for its turn: it is at the cursor, or at an end of file that is
   * known only here. The system does not append to an unbuffered file, because its end may lie
   * within a sector.
   */
  serves(write: boolean, position: number | bigint): boolean {
    if (position === -1) return this.#file.isSeekable;
    return write && this.#file.alignment !== null && this.#file.access.append;
  }

  /** Runs a transfer in its turn, and moves the cursor by the bytes that moved. */
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

  /** Runs something that uses the cursor after everything that was asked for before. */
  inOrder<R>(run: () => Promise<R>): Promise<R> {
    this.share();
    const previous = this.#last;
    const current = previous === undefined ? run() : this.#after(previous, run);
    this.#last = current;
    const { holds } = this.#file;
    holds.add();
    const forget = (): void => {
      if (this.#last === current) this.#last = undefined;
      holds.release();
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

  /** Makes everything that waits for its turn fail with an AbortError. */
  cancelWaiting(): void {
    this.#cancellations++;
  }
}

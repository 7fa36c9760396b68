import { monotonicMs } from '../node/globals.js';
/** How many bytes are done, of how many, and how fast. */
export interface ByteProgress {
  /** Bytes that are done, holes among them. */
  bytes: number;
  /** Bytes to do in all; 0 where the source does not tell its size. */
  total: number;
  /** Since the start, without what was there before. */
  bytesPerSecond: number;
  /** At that rate; Infinity while nothing has been done. */
  secondsLeft: number;
}

/** Makes a report of progress from a number of bytes. */
export class ProgressMeter {
  readonly #total: number;
  readonly #before: number;
  readonly #started = monotonicMs();

  /** @param before bytes that were done before it began */
  constructor(total: number, before = 0) {
    this.#total = total;
    this.#before = before;
  }

  at(bytes: number): ByteProgress {
    const seconds = Math.max(1e-6, (monotonicMs() - this.#started) / 1000);
    const bytesPerSecond = (bytes - this.#before) / seconds;
    const left = Math.max(0, this.#total - bytes);
    return {
      bytes,
      total: this.#total,
      bytesPerSecond,
      secondsLeft: left === 0 ? 0 : left / bytesPerSecond,
    };
  }
}

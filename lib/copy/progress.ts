import { monotonicMs } from '../node/globals.js';
/** Bytes done, bytes in total, and speed. */
export interface ByteProgress {
  /** Bytes that are done, including holes. */
  bytes: number;
  /** Bytes in total; 0 if the source does not report its size. */
  total: number;
  /** Rate since the start, excluding bytes that were done before. */
  bytesPerSecond: number;
  /** Estimate at that rate; Infinity while nothing has been done. */
  secondsLeft: number;
}

/** Computes progress reports from a number of bytes. */
export class ProgressMeter {
  readonly #total: number;
  readonly #before: number;
  readonly #started = monotonicMs();

  /** @param before bytes that were done before the start */
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

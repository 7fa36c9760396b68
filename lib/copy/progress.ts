import { monotonicMs } from '../node/globals.js';
/** Bytes done, bytes in total, and speed. */
export interface ByteProgress {
  /** Bytes that are done, including holes. */
  bytes: number;
  /** Bytes in total; 0 if the source does not report its size. */
  total: number;
  /** Rate since the start, excluding bytes that were done before. */
  bytesPerSecond: number;
  /** Estimate at that rate; Infinity if `total` is unknown, or while nothing has been done. */
  secondsLeft: number;
}

/** Computes progress reports from a number of bytes. */
export class ProgressMeter {
  readonly #total: number | null;
  readonly #before: number;
  readonly #started = monotonicMs();

  /**
   * @param total bytes; null if unknown
   * @param before bytes that were done before the start
   */
  constructor(total: number | null, before = 0) {
    this.#total = total;
    this.#before = before;
  }

  at(bytes: number): ByteProgress {
    const seconds = Math.max(1e-6, (monotonicMs() - this.#started) / 1000);
    const bytesPerSecond = (bytes - this.#before) / seconds;
    const total = this.#total;
    const left = total === null ? Number.POSITIVE_INFINITY : Math.max(0, total - bytes);
    const secondsLeft = left === 0 ? 0 : left / bytesPerSecond;
    return { bytes, total: total ?? 0, bytesPerSecond, secondsLeft };
  }
}

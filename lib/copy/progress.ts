/** How far something is. */
export interface Progress {
  /** Bytes that are done, holes among them. */
  bytes: number;
  /** Bytes that there are to do; 0 where the source does not say. */
  total: number;
  /** Since it began, without what was there already. */
  bytesPerSecond: number;
  /** At that rate; Infinity as long as there is none. */
  secondsLeft: number;
}

/** Makes a Progress of a number of bytes. */
export class ProgressMeter {
  readonly #total: number;
  readonly #before: number;
  readonly #started = performance.now();

  /** @param before bytes that were done before it began */
  constructor(total: number, before = 0) {
    this.#total = total;
    this.#before = before;
  }

  at(bytes: number): Progress {
    const seconds = Math.max(1e-6, (performance.now() - this.#started) / 1000);
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

import { abortError } from '../node/errors.js';
import { monotonicMs, sleep } from '../node/globals.js';

/** Minimum number of parts moved per second, each followed by a wait. */
const partsPerSecond = 8;

/** Delays callers so that they move no more than a number of bytes per second. */
export class RateLimit {
  readonly bytesPerSecond: number;
  readonly #signal: AbortSignal | undefined;
  #started: number | undefined;
  #moved = 0;

  constructor(bytesPerSecond: number, signal?: AbortSignal) {
    this.bytesPerSecond = bytesPerSecond;
    this.#signal = signal;
  }

  /** Maximum bytes to move at once, so that the rate is even. */
  get partMax(): number {
    return Math.max(4096, Math.ceil(this.bytesPerSecond / partsPerSecond));
  }

  /** Starts the clock, which otherwise starts with the first bytes moved. */
  start(): void {
    this.#started ??= monotonicMs();
  }

  /** Waits until this many more bytes are within the limit. @throws AbortError */
  async moved(bytes: number): Promise<void> {
    this.start();
    this.#moved += bytes;
    const due = (this.#started as number) + (1000 * this.#moved) / this.bytesPerSecond;
    const ms = due - monotonicMs();
    if (ms < 1) return;
    const signal = this.#signal;
    await sleep(ms, signal);
    if (signal?.aborted) throw abortError(signal);
  }
}

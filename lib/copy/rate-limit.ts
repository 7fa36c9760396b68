import { abortError } from '../node/errors.js';
import { monotonicMs, sleep } from '../node/globals.js';

/** So many times in a second, at least, something is moved and waited for. */
const partsPerSecond = 8;

/** Holds back whoever moves bytes, so that there are no more than so many in a second. */
export class RateLimit {
  readonly bytesPerSecond: number;
  readonly #signal: AbortSignal | undefined;
  #started: number | undefined;
  #moved = 0;

  constructor(bytesPerSecond: number, signal?: AbortSignal) {
    this.bytesPerSecond = bytesPerSecond;
    this.#signal = signal;
  }

  /** Bytes to move in one go at most, so that the rate is even. */
  get partMax(): number {
    return Math.max(4096, Math.ceil(this.bytesPerSecond / partsPerSecond));
  }

  /** It begins to count the time with this, or with what is moved first. */
  start(): void {
    this.#started ??= monotonicMs();
  }

  /** Waits until so many more bytes may have been moved. @throws AbortError */
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

import { ownOptions } from '../node/own-options.js';
import { validateInteger, validateObject } from '../node/validate.js';
import { alignDown, alignUp } from './alignment.js';

/** Bounds of a window of operations in flight; its memory is at most `depth` times `chunkSize`. */
export interface WindowOptions {
  /** Maximum operations in flight, or done and not yet taken. Default 8. */
  depth?: number | undefined;
  /** Maximum bytes of one operation, rounded up to whole sectors. Default 1 MiB. */
  chunkSize?: number | undefined;
}

const depthDefault = 8;
const depthMax = 1024;
const chunkSizeDefault = 1024 * 1024;
const chunkSizeMax = 1024 * 1024 * 1024;
const firstChunkSize = 64 * 1024;

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function validateWindow(options: WindowOptions, name = 'options'): void {
  validateObject(options, name);
  const { depth = 1, chunkSize = 1 } = ownOptions(options);
  validateInteger(depth, `${name}.depth`, 1, depthMax);
  validateInteger(chunkSize, `${name}.chunkSize`, 1, chunkSizeMax);
}

/**
 * The size of a window. It starts small and grows with the bytes that pass through it, so that a
 * small file takes little memory, and a consumer that stops early has wasted at most about twice
 * the bytes it took.
 */
export class WindowSize {
  readonly depth: number;
  readonly chunkSizeMax: number;
  readonly #first: number;
  readonly #bytesMax: number;
  /** Maximum bytes in flight, or done and not yet taken. */
  bytes: number;
  /** Bytes of the next operation. */
  chunkSize: number;

  /**
   * @param unit operations are multiples of this, in bytes
   * @param expected bytes that will certainly pass through the window
   */
  constructor(options: WindowOptions, unit: number, expected = 0) {
    const { depth = depthDefault, chunkSize = chunkSizeDefault } = ownOptions(options);
    this.depth = depth;
    this.chunkSizeMax = alignUp(chunkSize, unit);
    // Units that are larger than a chunk must not multiply the memory.
    this.#bytesMax = Math.max(depth * Math.min(this.chunkSizeMax, chunkSize), this.chunkSizeMax);
    this.#first = Math.min(this.chunkSizeMax, alignUp(firstChunkSize, unit));
    this.bytes = this.#first;
    this.chunkSize = this.#first;
    this.grow(expected);
  }

  /** Starts small again, regardless of the expected bytes. */
  restart(): void {
    this.bytes = this.#first;
    this.chunkSize = this.#first;
  }

  /** @param moved bytes that passed through the window so far, or since it was restarted */
  grow(moved: number): void {
    const bytesMax = this.#bytesMax;
    if (this.bytes === bytesMax) return;
    this.bytes = Math.min(Math.max(2 * moved, this.#first), bytesMax);
    const quarter = alignDown(Math.floor(this.bytes / 4), this.#first);
    this.chunkSize =
      this.bytes === bytesMax
        ? this.chunkSizeMax
        : Math.max(this.#first, Math.min(quarter, this.chunkSizeMax));
  }
}

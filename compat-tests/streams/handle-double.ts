import type { Alignment } from '../../lib/transfer/alignment.js';
import type { SectorFile } from '../../lib/transfer/transfer-file.js';

interface Pending {
  readonly signal: AbortSignal | undefined;
  settle(error?: unknown): void;
}

async function notCalled(): Promise<never> {
  throw new Error('The windows of these tests are buffered and at positions');
}

/** The number of bytes that a transfer moves, out of those that it could. */
export type Shorten = (possible: number, position: number, index: number) => number;

/**
 * An in-memory buffered file for the windows, which completes transfers only on demand, in any
 * order, and moves fewer bytes than requested.
 */
export class HandleDouble implements SectorFile {
  readonly alignment: Alignment | null = null;
  readonly deviceType = 'disk';
  readonly pending: Pending[] = [];
  content: Buffer;
  transfers = 0;
  inFlightMost = 0;
  bytesMost = 0;
  fail: ((position: number) => Error | undefined) | undefined;
  #bytes = 0;
  readonly #shorten: Shorten;

  constructor(content: Buffer, shorten: Shorten = (possible) => possible) {
    this.content = content;
    this.#shorten = shorten;
  }

  get handle(): SectorFile {
    return this;
  }

  readAt(
    memory: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.#begin(length, position, signal, (index) => {
      const there = Math.max(0, Math.min(length, this.content.byteLength - position));
      const bytes = there === 0 ? 0 : this.#shorten(there, position, index);
      memory.set(this.content.subarray(position, position + bytes), offset);
      return bytes;
    });
  }

  writeAt(
    memory: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.writeViewsAt([memory.subarray(offset, offset + length)], length, position, signal);
  }

  writeViewsAt(
    views: readonly Uint8Array[],
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.#begin(length, position, signal, (index) => {
      const bytes = this.#shorten(length, position, index);
      const grown = Buffer.alloc(Math.max(this.content.byteLength, position + bytes));
      this.content.copy(grown);
      grown.set(Buffer.concat(views).subarray(0, bytes), position);
      this.content = grown;
      return bytes;
    });
  }

  // Called only by windows over unbuffered files, or at the cursor.
  read: SectorFile['read'] = notCalled;
  readonly operate = notCalled;
  truncate: SectorFile['truncate'] = notCalled;
  readonly sync = notCalled;

  async stat(): Promise<never> {
    return { size: this.content.byteLength } as never;
  }

  #begin(
    length: number,
    position: number,
    signal: AbortSignal | undefined,
    move: (index: number) => number,
  ): Promise<number> {
    const index = this.transfers++;
    this.#bytes += length;
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown): void => {
        this.#bytes -= length;
        if (error === undefined) resolve(move(index));
        else reject(error);
      };
      this.pending.push({ signal, settle });
      this.inFlightMost = Math.max(this.inFlightMost, this.pending.length);
      this.bytesMost = Math.max(this.bytesMost, this.#bytes);
    }).then((bytes) => {
      const error = this.fail?.(position);
      if (error) throw error;
      return bytes as number;
    });
  }

  /** Completes one of the transfers in flight; returns whether there was one. */
  complete(choose: (count: number) => number): boolean {
    if (this.pending.length === 0) return false;
    const [transfer] = this.pending.splice(choose(this.pending.length), 1);
    transfer?.settle(transfer.signal?.aborted ? new Error('cancelled') : undefined);
    return true;
  }

  /** Completes everything, in the order that `choose` determines, until `over` settles. */
  async serve<T>(over: Promise<T>, choose: (count: number) => number): Promise<T> {
    let isOver = false;
    const ended = over.finally(() => {
      isOver = true;
    });
    ended.catch(() => {});
    while (!isOver) {
      this.complete(choose);
      await new Promise(setImmediate);
    }
    return ended;
  }
}

/** Pseudorandom numbers in [0, 1) that are the same for the same seed (xorshift). */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

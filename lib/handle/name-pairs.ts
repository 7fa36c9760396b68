import { Buffer } from 'node:buffer';

// NamePairResult in addon/engine/system/name_pairs.h.
export const namePairResultLayout = { value: 0, refusedParts: 8, bytes: 16 } as const;

const { value: valueAt, refusedParts: refusedAt, bytes: resultBytes } = namePairResultLayout;
const resultDoubles = resultBytes / 8;
const resultWords = resultBytes / 4;
const notDone = Number.NaN;

/** The memory of an operation on many pairs of names in open directories, and its results. */
export class NamePairs {
  readonly count: number;
  readonly memory: Buffer;
  readonly #doubles: Float64Array;
  readonly #words: Uint32Array;

  /** @param pairs names with one character for each byte */
  constructor(pairs: readonly (readonly [string, string])[]) {
    this.count = pairs.length;
    const results = pairs.length * resultBytes;
    let size = results;
    for (const [first, second] of pairs) size += first.length + second.length + 2;
    const memory = new ArrayBuffer(size);
    this.memory = Buffer.from(memory);
    this.#doubles = new Float64Array(memory, 0, results / 8);
    this.#words = new Uint32Array(memory, 0, results / 4);
    let at = results;
    for (const [index, pair] of pairs.entries()) {
      this.#doubles[index * resultDoubles + valueAt / 8] = notDone;
      // Zero bytes follow the names.
      for (const name of pair) at += this.memory.write(name, at, 'latin1') + 1;
    }
  }

  /** Returns the result of a pair; undefined if the operation failed for it or did not begin. */
  valueOf(index: number): number | undefined {
    const value = this.#doubles[index * resultDoubles + valueAt / 8] as number;
    return Number.isNaN(value) ? undefined : value;
  }

  /** Returns the MetadataFlag bits of the parts that were refused. */
  refusedPartsOf(index: number): number {
    return this.#words[index * resultWords + refusedAt / 4] as number;
  }
}

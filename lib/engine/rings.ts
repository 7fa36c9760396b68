import {
  completionDoubles,
  completionWords,
  detailNumbers,
  type EngineDescription,
  submissionDoubles,
  submissionsMax,
  submissionWords,
} from './native.js';

const twoTo32 = 2 ** 32;

/** The submissions of one batch, in the memory that the addon reads. */
export class SubmissionRing {
  readonly objects: unknown[] = [];
  count = 0;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  constructor(memory: ArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#doubles = new Float64Array(memory);
  }

  get full(): boolean {
    return this.count === submissionsMax;
  }

  push(
    opcode: number,
    slot: number,
    file: number,
    flags: number,
    position: number | bigint,
    offset: number,
    length: number,
    object: unknown,
  ): void {
    const index = this.count++;
    const word = index * submissionWords;
    const double = index * submissionDoubles;
    const words = this.#words;
    words[word] = opcode;
    words[word + 1] = slot;
    words[word + 2] = file;
    words[word + 3] = flags;
    if (typeof position === 'number') {
      // -1 comes out as all ones. A word takes the low 32 bits of what it is given.
      const high = Math.floor(position / twoTo32);
      words[word + 4] = position - high * twoTo32;
      words[word + 5] = high;
    } else {
      words[word + 4] = Number(position & 0xffffffffn);
      words[word + 5] = Number(position >> 32n);
    }
    this.#doubles[double + 3] = offset;
    this.#doubles[double + 4] = length;
    this.objects[index] = object;
  }

  /** Empties the ring; it must not keep the buffers of the last batch alive. */
  clear(): void {
    this.objects.fill(undefined, 0, this.count);
    this.count = 0;
  }
}

/** Completions as the addon has written them, by index. */
export class CompletionRing {
  /** Buffers that belong to completions, by index. */
  readonly results: unknown[];
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #details: Float64Array;
  readonly #exactDetails: BigInt64Array;
  readonly #detailWords: Int32Array;

  constructor(description: EngineDescription, results: unknown[]) {
    this.results = results;
    this.#words = new Int32Array(description.completions);
    this.#doubles = new Float64Array(description.completions);
    this.#details = new Float64Array(description.details);
    this.#exactDetails = new BigInt64Array(description.details);
    this.#detailWords = new Int32Array(description.details);
  }

  value(index: number): number {
    return this.#doubles[index * completionDoubles] as number;
  }
  slot(index: number): number {
    return this.#words[index * completionWords + 2] as number;
  }
  /** 0, or libuv's negative number of the error. */
  error(index: number): number {
    return this.#words[index * completionWords + 3] as number;
  }
  /** errno, or what GetLastError() said. */
  osError(index: number): number {
    return this.#words[index * completionWords + 4] as number;
  }
  /** How far a compound operation had come when it failed. */
  step(index: number): number {
    return this.#words[index * completionWords + 5] as number;
  }
  detail(index: number, field: number): number {
    return this.#details[index * detailNumbers + field] as number;
  }
  /** An integer of 64 bits as the number nearest to it; makes no bigint on its way. */
  integerDetail(index: number, field: number): number {
    const word = (index * detailNumbers + field) * 2;
    const words = this.#detailWords;
    return ((words[word] as number) >>> 0) + (words[word + 1] as number) * twoTo32;
  }
  exactDetail(index: number, field: number): bigint {
    return this.#exactDetails[index * detailNumbers + field] as bigint;
  }
  takeResult(index: number): unknown {
    const result = this.results[index];
    this.results[index] = undefined;
    return result;
  }
}

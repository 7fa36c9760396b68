import { SubmissionLayout, submissionsMax } from './native.js';

const twoTo32 = 2 ** 32;

const words = SubmissionLayout.size / 4;
const doubles = SubmissionLayout.size / 8;
const opcodeWord = SubmissionLayout.opcode / 4;
const slotWord = SubmissionLayout.slot / 4;
const fileWord = SubmissionLayout.file / 4;
const flagsWord = SubmissionLayout.flags / 4;
const positionWord = SubmissionLayout.position / 4;
const offsetDouble = SubmissionLayout.offset / 8;
const lengthDouble = SubmissionLayout.length / 8;

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
    this.#words[index * words + slotWord] = slot;
    this.#write(index, opcode, file, flags, position, offset, length);
    this.objects[index] = object;
  }

  /** Writes the first entry, which nobody submits. The ring must be empty. */
  writeFirst(
    opcode: number,
    file: number,
    flags: number,
    position: number | bigint,
    offset: number,
    length: number,
  ): void {
    this.#write(0, opcode, file, flags, position, offset, length);
  }

  #write(
    index: number,
    opcode: number,
    file: number,
    flags: number,
    position: number | bigint,
    offset: number,
    length: number,
  ): void {
    const word = index * words;
    const double = index * doubles;
    this.#words[word + opcodeWord] = opcode;
    this.#words[word + fileWord] = file;
    this.#words[word + flagsWord] = flags;
    this.#setPosition(word + positionWord, position);
    this.#doubles[double + offsetDouble] = offset;
    this.#doubles[double + lengthDouble] = length;
  }

  // Machines are little-endian (loadBinding() refuses others), so the low word comes first.
  #setPosition(word: number, position: number | bigint): void {
    if (typeof position === 'number') {
      // -1 becomes all ones. A word keeps the low 32 bits of a value.
      const high = Math.floor(position / twoTo32);
      this.#words[word] = position - high * twoTo32;
      this.#words[word + 1] = high;
    } else {
      this.#words[word] = Number(position & 0xffffffffn);
      this.#words[word + 1] = Number(position >> 32n);
    }
  }

  /** Empties the ring, so that it does not keep the buffers of the last batch alive. */
  clear(): void {
    this.objects.fill(undefined, 0, this.count);
    this.count = 0;
  }
}

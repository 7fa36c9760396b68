import { Buffer } from 'node:buffer';
import { CompletionLayout, detailNumbers, type EngineDescription } from './native.js';

const twoTo32 = 2 ** 32;

const words = CompletionLayout.size / 4;
const doubles = CompletionLayout.size / 8;
const valueDouble = CompletionLayout.value / 8;
const slotWord = CompletionLayout.slot / 4;
const errorWord = CompletionLayout.error / 4;
const osErrorWord = CompletionLayout.osError / 4;
const failedStepWord = CompletionLayout.failedStep / 4;

/**
 * The fields of a file's status, by their index in the details of a completion (FileStatus in the
 * addon; times are seconds and nanoseconds since 1970).
 */
export const StatusField = {
  dev: 0,
  mode: 1,
  nlink: 2,
  uid: 3,
  gid: 4,
  rdev: 5,
  blksize: 6,
  ino: 7,
  size: 8,
  blocks: 9,
  atimeSeconds: 10,
  mtimeSeconds: 11,
  ctimeSeconds: 12,
  birthtimeSeconds: 13,
  atimeNanoseconds: 14,
  mtimeNanoseconds: 15,
  ctimeNanoseconds: 16,
  birthtimeNanoseconds: 17,
} as const;

/** Indexes of the fields of other details. */
export const DetailField = {
  descriptor: 0,
  deviceType: 1,
  alignmentPosition: 2,
  alignmentLength: 3,
  alignmentMemory: 4,
  peerDescriptor: 5,
  peerFile: 6,
  sizeWhenOpened: 7,
  bytesWritten: 8,
  attributes: 0,
  allocatedSize: 1,
  refusedParts: 0,
} as const;

// The class of Buffers, which Buffer itself does not construct without a warning.
const { [Symbol.species]: BufferClass } = Buffer as unknown as Record<symbol, typeof Uint8Array>;

/** Content in shared memory. Its slices are Buffers: two copies would take twice as long. */
class LentContent extends Uint8Array {
  // Without it, V8 would make one that iterates over its arguments, which some programs break.
  constructor(memory: ArrayBuffer) {
    super(memory);
  }

  static get [Symbol.species](): typeof Uint8Array {
    return BufferClass as typeof Uint8Array;
  }
}

/**
 * A view of a completion on the ring that the addon writes. A single view moves from one completion
 * to the next, so a decoder must not keep it.
 */
export class Completion {
  readonly #results: unknown[];
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #details: Float64Array;
  readonly #exactDetails: BigInt64Array;
  readonly #detailWords: Int32Array;
  readonly #lent: LentContent;
  readonly #lentBuffer: Buffer;
  #index = 0;
  #isLent = false;

  /** @param results array in which the addon puts values of completions, by their index */
  constructor(description: EngineDescription, results: unknown[]) {
    this.#results = results;
    this.#words = new Int32Array(description.completions);
    this.#doubles = new Float64Array(description.completions);
    this.#details = new Float64Array(description.details);
    this.#exactDetails = new BigInt64Array(description.details);
    this.#detailWords = new Int32Array(description.details);
    this.#lent = new LentContent(description.content);
    this.#lentBuffer = Buffer.from(description.content);
  }

  /** Moves the view to another completion of the ring. */
  moveTo(index: number): void {
    this.#index = index;
    this.#isLent = false;
  }

  /** Moves the view to the completion of an operation that runNow() has run. */
  moveToRun(): void {
    this.#index = 0;
    this.#isLent = true;
  }

  /** The result of the operation: bytes, a position, or the number of an open file. */
  get value(): number {
    return this.#doubles[this.#index * doubles + valueDouble] as number;
  }

  /** The slot of the operation. */
  get slot(): number {
    return this.#words[this.#index * words + slotWord] as number;
  }

  /** 0, or libuv's negative error number. */
  get error(): number {
    return this.#words[this.#index * words + errorWord] as number;
  }

  /** errno, or the result of GetLastError(). */
  get osError(): number {
    return this.#words[this.#index * words + osErrorWord] as number;
  }

  /** The step at which a compound operation failed. */
  get failedStep(): number {
    return this.#words[this.#index * words + failedStepWord] as number;
  }

  /** Whether a canceled operation may have moved bytes. */
  get mayHaveMovedBytes(): boolean {
    return this.failedStep === 1;
  }

  /** The descriptor of a file that was opened; -1 if it has none. */
  get descriptor(): number {
    return this.#detail(DetailField.descriptor);
  }

  /** An index of deviceTypes. */
  get deviceType(): number {
    return this.#detail(DetailField.deviceType);
  }

  /** Bytes of a regular file when it was opened; -1 if unknown. */
  get sizeWhenOpened(): number {
    return this.#detail(DetailField.sizeWhenOpened);
  }

  /** Bytes that openAndWrite() has written to the file that it returns. */
  get bytesWritten(): number {
    return this.#detail(DetailField.bytesWritten);
  }

  /** Alignment that an unbuffered file requires, in bytes; 0 on other files. */
  get alignmentPosition(): number {
    return this.#detail(DetailField.alignmentPosition);
  }
  get alignmentLength(): number {
    return this.#detail(DetailField.alignmentLength);
  }
  get alignmentMemory(): number {
    return this.#detail(DetailField.alignmentMemory);
  }

  /** Descriptor and number of the second file of an operation that opens two. */
  get peerDescriptor(): number {
    return this.#detail(DetailField.peerDescriptor);
  }
  get peerFile(): number {
    return this.#detail(DetailField.peerFile);
  }

  /** FILE_ATTRIBUTE_* bits. */
  get attributes(): number {
    return this.#detail(DetailField.attributes);
  }

  /** Allocated bytes on the disk. */
  get allocatedSize(): number {
    return this.#detail(DetailField.allocatedSize);
  }

  /** MetadataFlag bits of the parts that were refused when a small file was copied. */
  get refusedParts(): number {
    return this.#detail(DetailField.refusedParts);
  }

  /** Returns a field of a status as the nearest number, without creating a bigint. */
  status(field: number): number {
    const word = (this.#index * detailNumbers + field) * 2;
    const low = this.#detailWords[word] as number;
    const high = this.#detailWords[word + 1] as number;
    return (low >>> 0) + high * twoTo32;
  }

  exactStatus(field: number): bigint {
    return this.#exactDetails[this.#index * detailNumbers + field] as bigint;
  }

  /** Takes the bytes that the operation returns; undefined if it returns none. */
  takeContent(): Buffer | undefined {
    if (!this.#isLent) return this.#takeResult() as Buffer | undefined;
    return this.#lent.slice(0, this.value) as unknown as Buffer;
  }

  /** Takes the bytes of a list of entries; a string, whose characters are bytes, if it is short. */
  takeEntries(): Buffer | string {
    return this.#takeResult() as Buffer | string;
  }

  /** Returns the content of an operation that runNow() has run as text, else undefined. */
  textOfRun(encoding: BufferEncoding): string | undefined {
    return this.#isLent ? this.#lentBuffer.toString(encoding, 0, this.value) : undefined;
  }

  /** Takes the path at which an operation on a tree failed. */
  takeFailedPath(): string | undefined {
    const path = this.#takeResult();
    return typeof path === 'string' ? path : undefined;
  }

  #takeResult(): unknown {
    const result = this.#results[this.#index];
    this.#results[this.#index] = undefined;
    return result;
  }

  #detail(field: number): number {
    return this.#details[this.#index * detailNumbers + field] as number;
  }
}

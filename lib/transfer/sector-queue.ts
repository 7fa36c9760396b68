import { Buffer } from 'node:buffer';
import { addressAt } from './aligned-buffer.js';
import { alignDown, alignUp, isAligned } from './alignment.js';
import { blockSizeOf, memoryAlignmentOf, type OnMoved, readChunk, writeChunk } from './chunk-io.js';
import { RecycledMemory, unsetMemory } from './chunk-memory.js';
import { PaddedFile, type Writer } from './padded-file.js';
import { PartQueue } from './part-queue.js';
import type { SectorFile } from './transfer-file.js';
import type { WindowSize } from './window.js';
import { addView, type MemoryUse, type Part } from './write-part.js';

/**
 * Parts for an unbuffered file. Whole sectors are written directly from their memory if that is
 * aligned; other bytes are copied into aligned memory. The last sector is padded with the bytes
 * that the file has after it, and finally the file is cut to its true size.
 */
export class SectorQueue extends PartQueue {
  readonly mayUseCursor = false;
  readonly #handle: SectorFile;
  readonly #writer: Writer;
  readonly #block: number;
  readonly #alignment: number;
  readonly #memory: RecycledMemory;
  #isKnown = false;
  #sizeBefore = 0;
  /** Whether nothing else may be in flight, because a padded sector is. */
  #isAlone = false;
  /** The part that starts within a sector of the file. */
  #first: Part | undefined;
  /** The bytes written so far of a last sector that had to be padded. */
  #lastSector: Buffer | undefined;
  /** The end of a padded file. */
  #paddedEnd = 0;
  #file: PaddedFile | undefined;

  /** @param writer the window, for other windows that write to the same file */
  constructor(handle: SectorFile, start: number | null, window: WindowSize, writer: Writer) {
    super(start, window);
    this.#handle = handle;
    this.#writer = writer;
    this.#block = blockSizeOf(handle);
    this.#alignment = memoryAlignmentOf(handle);
    this.#memory = new RecycledMemory(this.#alignment);
  }

  add(bytes: Uint8Array, use: MemoryUse): void {
    for (let at = 0; at < bytes.byteLength; ) {
      at += this.#canWriteFrom(bytes, at)
        ? this.#addDirectly(bytes, at, use)
        : this.#addCopy(bytes, at);
    }
  }

  #canWriteFrom(bytes: Uint8Array, at: number): boolean {
    return (
      this.open?.memory === undefined &&
      bytes.byteLength - at >= this.#block &&
      isAligned(this.position, this.#block) &&
      isAligned(addressAt(bytes, at), this.#alignment)
    );
  }

  #addDirectly(bytes: Uint8Array, at: number, use: MemoryUse): number {
    const part = this.#directPart(bytes, at);
    const whole = alignDown(bytes.byteLength - at, this.#block);
    const length = Math.min(whole, this.window.chunkSize - part.length);
    addView(part.views, bytes.subarray(at, at + length));
    use.usedBy(part);
    this.extend(part, length);
    if (part.length === this.window.chunkSize) this.seal();
    return length;
  }

  // Returns the open part, if these bytes follow it in memory, or a new one.
  #directPart(bytes: Uint8Array, at: number): Part {
    const last = this.open?.views[0];
    const isNext =
      last?.buffer === bytes.buffer && last.byteOffset + last.byteLength === bytes.byteOffset + at;
    if (!isNext) this.seal();
    this.open ??= this.newPart(this.position);
    return this.open;
  }

  #addCopy(bytes: Uint8Array, at: number): number {
    if (this.open?.memory === undefined) this.seal();
    this.open ??= this.#newAlignedPart();
    const part = this.open;
    const memory = part.memory as Buffer;
    const length = Math.min(memory.byteLength - part.length, bytes.byteLength - at);
    memory.set(bytes.subarray(at, at + length), part.length);
    this.extend(part, length);
    if (part.length === memory.byteLength) this.seal();
    return length;
  }

  #newAlignedPart(): Part {
    const position = alignDown(this.position, this.#block);
    const part = this.newPart(position, this.#memory.take(this.window.chunkSize));
    part.length = this.position - position;
    if (this.#lastSector !== undefined) part.memory?.set(this.#lastSector);
    // The bytes of the first sector are read before anything is written.
    else if (part.length > 0) this.#first = part;
    this.#lastSector = undefined;
    return part;
  }

  override get isBlocked(): boolean {
    return this.#isAlone || this.#file?.isBeingCut === true;
  }

  get mayNeedCut(): boolean {
    return this.#file !== undefined;
  }

  mustLearn(): boolean {
    return !this.#isKnown;
  }

  // An unbuffered write must know the size of the file, and the bytes before the start in its
  // sector.
  async learn(): Promise<void> {
    const { file, size } = await PaddedFile.of(this.#handle, this.#writer);
    this.#file = file;
    this.#sizeBefore = size;
    if (this.#first !== undefined) await this.#readInto(this.#first, 0, this.start);
    this.#isKnown = true;
  }

  /** Fills the sector of a part from this offset with the file's bytes, up to `end`. */
  async #readInto(part: Part, at: number, end: number): Promise<void> {
    const memory = part.memory as Buffer;
    const sector = unsetMemory(this.#block, this.#alignment);
    const position = part.position + alignDown(at, this.#block);
    const isThere = position < this.#sizeBefore;
    const bytes = isThere ? await readChunk(this.#handle, sector, this.#block, position) : 0;
    sector.fill(0, bytes);
    const from = at % this.#block;
    sector.copy(memory, at, from, Math.min(end - position, this.#block));
  }

  // A part that ends within a sector would have to be written again, so it waits for more.
  protected isWorthWriting(part: Part, isAwaited: boolean): boolean {
    return part.memory === undefined || isAwaited;
  }

  write(part: Part, signal: AbortSignal | undefined, onMoved: OnMoved): Promise<void> {
    const { memory, views, length, position } = part;
    const bytes = memory ?? (views[0] as Uint8Array);
    if (memory === undefined || isAligned(length, this.#block)) {
      return writeChunk(this.#handle, bytes, length, position, signal, onMoved);
    }
    return this.#writePadded(part, memory, signal, onMoved);
  }

  // The last sector is written with the bytes after the end, and again when more bytes follow.
  // Nothing else may be written in between.
  async #writePadded(
    part: Part,
    memory: Buffer,
    signal: AbortSignal | undefined,
    onMoved: OnMoved,
  ): Promise<void> {
    const { length, position } = part;
    const padded = alignUp(length, this.#block);
    this.#lastSector = Buffer.from(memory.subarray(alignDown(length, this.#block), length));
    this.#isAlone = true;
    await this.#readInto(part, length, position + padded);
    if (position + padded > this.#sizeBefore) this.#paddedEnd = position + padded;
    this.submittedEnd = Math.max(this.submittedEnd, position + padded);
    await writeChunk(this.#handle, memory, padded, position, signal, onMoved);
    this.#isAlone = false;
  }

  override release(part: Part, error?: unknown): void {
    if (part.memory !== undefined) this.#memory.give(part.memory);
    super.release(part, error);
  }

  async cut(flushedPosition: number, hasFailed: boolean): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    const paddedEnd = this.#paddedEnd;
    this.#paddedEnd = 0;
    const size = Math.max(this.#sizeBefore, flushedPosition);
    const isOurs = hasFailed
      ? (end: number): boolean => end > size && end <= this.submittedEnd
      : (end: number): boolean => end === paddedEnd;
    const mayReachFurther = paddedEnd > 0 || (hasFailed && this.submittedEnd > size);
    try {
      if (mayReachFurther) await file.cut(this.#handle, this.#writer, size, isOurs);
    } finally {
      file.leave(this.#writer);
    }
  }
}

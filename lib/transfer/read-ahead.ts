import { Buffer } from 'node:buffer';
import { addressAt } from './aligned-buffer.js';
import { alignDown, alignUp, isAligned } from './alignment.js';
import { blockSizeOf, memoryAlignmentOf } from './chunk-io.js';
import { type ChunkMemory, NewMemory } from './chunk-memory.js';
import { type CancelOptions, InFlight } from './in-flight.js';
import { ReadRange } from './read-range.js';
import { type ReadSlot, ReadSlots } from './read-slots.js';
import type { ReadableFile } from './transfer-file.js';
import { type WindowOptions, WindowSize } from './window.js';

export interface ReadAheadOptions extends WindowOptions, CancelOptions {
  /**
   * Position of the first byte; default 0. Null reads at the handle's cursor, or from a file
   * without one (a pipe, a terminal): one read at a time, and only when a chunk is wanted.
   */
  start?: number | null | undefined;
  /** Position after the last byte; without a start the number of bytes. Default: no end. */
  end?: number | undefined;
  /** Memory for chunks. Default: new memory, which then belongs to the consumer. */
  memory?: ChunkMemory | undefined;
  /** Chunk sizes are multiples of this, rounded up to whole sectors, in bytes. Default 1. */
  unit?: number | undefined;
  /** Bytes that will certainly be read, so that the window need not grow first. Default 0. */
  expected?: number | undefined;
  /**
   * Bytes of the file when it was just opened. The window reads no further before it has seen that
   * the file has more, and a short read there is the end. 0: unknown.
   */
  size?: number | undefined;
  /** Whether a file without positions (ESPIPE) is read at its cursor. Default false. */
  mayUseCursor?: boolean | undefined;
}

// A multiple of every sector size.
const intoMax = 1024 * 1024 * 1024;

// A consumer that keeps a short chunk must not keep much more memory than that alive.
function trimmed(memory: Buffer, from: number, to: number): Buffer {
  const length = to - from;
  if (length === memory.byteLength) return memory;
  if (2 * length > memory.byteLength) return memory.subarray(from, to);
  const exact = Buffer.allocUnsafeSlow(length);
  exact.set(memory.subarray(from, to));
  return exact;
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === code;
}

/**
 * Reads a file, or a part of it, with several reads in flight at explicit positions, and returns
 * the chunks in order. After a short read, reading resumes where it stopped, and bytes read after
 * it are discarded. A read without bytes marks the end.
 *
 * take() and whenReady() serve consumers that want no promise per chunk, next() serves others, and
 * readInto() serves those that bring their own memory.
 */
export class ReadAhead {
  readonly #file: ReadableFile;
  /** Sizes of chunks, except the last, are multiples of this, in bytes. */
  readonly unit: number;
  readonly #block: number;
  readonly #alignment: number;
  readonly #memory: ChunkMemory;
  readonly #isNew: boolean;
  #window: WindowSize;
  readonly #inFlight: InFlight;
  readonly #mayUseCursor: boolean;
  #atCursor: boolean;
  readonly #range: ReadRange;
  readonly #slots: ReadSlots;
  #next: number;
  #position: number;
  /** Bytes taken since the window was last small. */
  #taken = 0;
  /** The remainder of the last chunk, for which readInto() had no room. */
  #rest: Buffer | undefined;
  #isOver = false;
  #onReady: (() => void) | undefined;

  constructor(file: ReadableFile, options: ReadAheadOptions = {}) {
    const { start = 0, end = Number.POSITIVE_INFINITY, unit = 1, memory } = options;
    this.#file = file;
    this.#block = blockSizeOf(file);
    this.#alignment = memoryAlignmentOf(file);
    this.#memory = memory ?? new NewMemory(this.#alignment);
    this.#slots = new ReadSlots(this.#memory);
    this.#isNew = memory === undefined;
    this.#atCursor = start === null;
    this.unit = alignUp(unit, this.#block);
    const window = this.#atCursor ? { ...options, depth: 1 } : options;
    this.#window = new WindowSize(window, this.unit, options.expected);
    this.#position = start ?? 0;
    this.#next = alignDown(this.#position, this.#block);
    this.#range = new ReadRange(end, options.size ?? 0, this.#block);
    this.#mayUseCursor = options.mayUseCursor ?? false;
    this.#inFlight = new InFlight(options, () => this.#finish());
    this.#inFlight.listen();
  }

  /** Position of the next byte that take() returns. */
  get position(): number {
    return this.#position - (this.#rest?.byteLength ?? 0);
  }

  /**
   * Returns the next chunk; null at the end; undefined if it is not ready yet.
   * @throws a system error, once the chunks before it have been taken; AbortError at once
   */
  take(): Buffer | null | undefined {
    const { failure } = this.#inFlight;
    if (failure !== undefined) throw failure.error;
    if (this.#rest !== undefined) return this.#takeRest();
    const slot = this.#slots.first;
    if (slot === undefined) {
      if (this.#isOver || this.#position >= this.#range.end) return this.#finish();
      this.#fill();
      return undefined;
    }
    if (slot.failure !== undefined) {
      this.#inFlight.fail(slot.failure.error);
      throw slot.failure.error;
    }
    if (slot.bytes === -1) return undefined;
    return this.#give(this.#slots.takeFirst());
  }

  /** Calls back once when take() has a result, after it returned undefined. */
  whenReady(callback: () => void): void {
    this.#onReady = callback;
  }

  /** Returns the next chunk, or null at the end. @throws the same errors as take() */
  async next(): Promise<Buffer | null> {
    for (;;) {
      const chunk = this.take();
      if (chunk !== undefined) return chunk;
      await new Promise<void>((resolve) => this.whenReady(resolve));
    }
  }

  /**
   * Reads the next bytes into memory of the caller: directly if nothing has been read ahead and, on
   * an unbuffered file, position and address are aligned; otherwise by a copy. The memory is in use
   * until the promise settles, which never happens before the read has ended, even after cancel().
   * Calls must not overlap each other or next().
   * @returns bytes that are available at once; 0 at the end
   * @throws the same errors as take()
   */
  async readInto(target: Uint8Array): Promise<number> {
    for (;;) {
      const length = this.#lengthInto(target);
      const bytes = length > 0 ? await this.#readDirectly(target, length) : this.#copyNext(target);
      if (bytes !== undefined) return bytes;
      if (length === 0) await new Promise<void>((resolve) => this.whenReady(resolve));
    }
  }

  /** Copies the next bytes, like take(): 0 at the end, undefined if they are not ready yet. */
  #copyNext(target: Uint8Array): number | undefined {
    const chunk = this.take();
    if (chunk == null) return chunk === null ? 0 : undefined;
    const bytes = Math.min(chunk.byteLength, target.byteLength);
    target.set(chunk.subarray(0, bytes));
    if (bytes < chunk.byteLength) this.#rest = chunk.subarray(bytes);
    else this.release(chunk);
    return bytes;
  }

  /** Returns a chunk's memory if `memory` reuses it; until then it counts as read ahead. */
  release(chunk: Buffer): void {
    if (this.#slots.takeBack(chunk)) this.#fill();
  }

  /**
   * Reads the rest at the file's cursor, which is at this position: one read at a time, and only
   * when a chunk is wanted. Bytes that were read from there on are discarded.
   * @param chunkSize maximum bytes of a read; default that of the window
   */
  useCursor(position: number, chunkSize = this.#window.chunkSizeMax): void {
    if (this.#atCursor || this.#isOver) return;
    this.#atCursor = true;
    this.#range.forgetSize();
    this.#window = new WindowSize({ depth: 1, chunkSize }, 1);
    this.#position = position;
    this.#goBackTo(position);
    this.#rest = undefined;
    this.#fillIfWanted();
  }

  /**
   * Cancels reads in flight; there are no more chunks. Resolves when all reads have ended.
   * @param error error that take() throws from now on; without one it returns null
   */
  cancel(error?: unknown): Promise<void> {
    if (error !== undefined) this.#inFlight.fail(error);
    this.#finish();
    this.#inFlight.cancel();
    return this.#inFlight.whenIdle();
  }

  #takeRest(): Buffer | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    return rest;
  }

  /** Returns the bytes that can be read directly into a target; 0 if none can. */
  #lengthInto(target: Uint8Array): number {
    const isNext = this.#slots.isEmpty && this.#rest === undefined;
    if (this.#isOver || !isNext || !isAligned(this.#position, this.#block)) return 0;
    if (this.#alignment > 1 && !isAligned(addressAt(target, 0), this.#alignment)) return 0;
    const most = Math.min(target.byteLength, this.#range.end - this.#position, intoMax);
    return alignDown(most, this.#block);
  }

  /** Returns undefined if useCursor() has been called, so that the bytes must be read again. */
  async #readDirectly(target: Uint8Array, length: number): Promise<number | undefined> {
    const inFlight = this.#inFlight;
    const wasAtCursor = this.#atCursor;
    inFlight.begin();
    try {
      const bytes = await this.#read(target, length, this.#position);
      const isNext = this.#atCursor === wasAtCursor;
      if (inFlight.failure === undefined && !this.#isOver && isNext) {
        this.#position += bytes;
        this.#next = alignDown(this.#position, this.#block);
        this.#taken += bytes;
        this.#window.grow(this.#taken);
        if (bytes === 0) this.#finish();
        return bytes;
      }
    } catch (error) {
      if (this.#mustUseCursor(error)) this.useCursor(this.#position);
      // The error of a canceled or repeated read does not matter.
      if (!this.#isOver && this.#atCursor === wasAtCursor) inFlight.fail(error);
    } finally {
      inFlight.end();
    }
    if (inFlight.failure !== undefined) throw inFlight.failure.error;
    return this.#isOver ? 0 : undefined;
  }

  // A regular file without positions (tracefs, FUSE) refuses the first positional read.
  #mustUseCursor(error: unknown): boolean {
    const isFirst = this.#mayUseCursor && !this.#atCursor && this.#taken === 0;
    return isFirst && isCode(error, 'ESPIPE');
  }

  #give(slot: ReadSlot): Buffer | null {
    const from = this.#position - slot.position;
    const to = Math.min(slot.bytes, this.#range.end - slot.position);
    if (to <= from) {
      this.#memory.give(slot.memory);
      return this.#finish();
    }
    this.#taken += to - from;
    if (slot.bytes < slot.length && !this.#range.endsAt(slot.position + slot.bytes)) {
      this.#goBackTo(slot.position + slot.bytes);
    }
    this.#position = slot.position + to;
    this.#window.grow(this.#taken);
    if (!this.#atCursor) this.#fill();
    return this.#chunkOf(slot.memory, from, to);
  }

  #chunkOf(memory: Buffer, from: number, to: number): Buffer {
    if (!this.#isNew) this.#slots.lend(memory);
    return this.#isNew ? trimmed(memory, from, to) : memory.subarray(from, to);
  }

  // Bytes read after a short read do not follow it. Files that the system generates on reading
  // (/proc) return little at a time: further reads would generate content in vain, and some files
  // (trace_pipe) return it only once. So one read is in flight until reads are complete again.
  #goBackTo(position: number): void {
    this.#taken = 0;
    this.#window.restart();
    this.#next = alignDown(position, this.#block);
    this.#slots.discardAll();
  }

  #fillIfWanted(): void {
    if (!this.#atCursor || this.#onReady !== undefined) this.#fill();
  }

  #fill(): void {
    const { depth, bytes } = this.#window;
    while (
      !this.#isOver &&
      !this.#slots.hasFailed &&
      this.#next < this.#range.end &&
      this.#slots.count < depth &&
      (this.#slots.isEmpty ||
        (this.#range.has(this.#next) && this.#slots.bytes + this.#window.chunkSize <= bytes))
    ) {
      this.#submit();
    }
  }

  #submit(): void {
    const position = this.#next;
    const length = this.#range.lengthAt(position, this.#window.chunkSize);
    const memory = this.#memory.take(length, position);
    const slot = this.#slots.add(memory, position, length);
    this.#next += length;
    this.#inFlight.begin();
    this.#read(memory, length, position).then(
      (bytes) => {
        slot.bytes = bytes;
        this.#settled(slot);
      },
      (error) => {
        slot.failure = { error };
        if (!slot.isDiscarded && this.#mustUseCursor(error)) {
          this.useCursor(this.#position);
          this.#inFlight.end();
          return;
        }
        this.#slots.hasFailed ||= !slot.isDiscarded;
        this.#settled(slot);
      },
    );
  }

  #read(memory: Uint8Array, length: number, position: number): Promise<number> {
    const { signal } = this.#inFlight;
    if (!this.#atCursor) return this.#file.readAt(memory, 0, length, position, signal);
    const reading = this.#file.read(memory, { length, position: null, signal });
    return reading.then(({ bytesRead }) => bytesRead);
  }

  #settled(slot: ReadSlot): void {
    if (slot.isDiscarded) {
      this.#slots.endDiscarded(slot);
      this.#fillIfWanted();
    } else if (slot === this.#slots.first) {
      this.#wake();
    }
    this.#inFlight.end();
  }

  #wake(): void {
    const onReady = this.#onReady;
    this.#onReady = undefined;
    onReady?.();
  }

  #finish(): null {
    if (this.#isOver) return null;
    this.#isOver = true;
    this.#inFlight.unlisten();
    this.#slots.discardAll();
    this.#rest = undefined;
    this.#wake();
    return null;
  }
}

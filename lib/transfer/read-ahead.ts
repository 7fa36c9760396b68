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
   * Place of the first byte; default 0. Null reads at the handle's cursor, or from a file without
   * one (a pipe, a terminal): one read at a time, and only when a chunk is wanted.
   */
  start?: number | null | undefined;
  /** Place behind the last byte; without a start the number of bytes. Default: no end. */
  end?: number | undefined;
  /** Where chunks are read to. Default: new memory, which then belongs to the consumer. */
  memory?: ChunkMemory | undefined;
  /** Bytes that chunks shall be multiples of; rounded up to whole sectors. Default 1. */
  unit?: number | undefined;
  /** Bytes that will surely be taken, so that the window need not grow first. Default 0. */
  expected?: number | undefined;
  /**
   * Bytes of the file when it was opened, just now. The window reads no further before it has seen
   * that the file has more, and a read that comes short there is the end. 0: not known.
   */
  size?: number | undefined;
  /** Whether a file that knows no places (ESPIPE) is read at its cursor. Default false. */
  mayUseCursor?: boolean | undefined;
}

// A multiple of every sector size.
const intoMax = 1024 * 1024 * 1024;

// Whoever keeps a short chunk must not keep much more memory than that alive.
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
 * Reads a file, or a part of it, with several reads in flight at explicit positions, and gives the
 * chunks in order. After a short read, reading resumes where it stopped, and whatever was read
 * behind it is thrown away. The end is where a read gives nothing.
 *
 * take() and whenReady() are for consumers that want no promise per chunk, next() is for others,
 * and readInto() for those that bring the memory.
 */
export class ReadAhead {
  readonly #file: ReadableFile;
  /** What chunks are multiples of, but for the last, in bytes. */
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
  /** Chunks whose memory the consumer has. */
  #lent: Map<ArrayBufferLike, Buffer> | undefined;
  readonly #slots: ReadSlots;
  #next: number;
  #position: number;
  /** Bytes since the window has been small. */
  #taken = 0;
  /** What readInto() had no room for of the last chunk. */
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

  /** Place of the next byte that take() gives. */
  get position(): number {
    return this.#position - (this.#rest?.byteLength ?? 0);
  }

  /**
   * The next chunk; null at the end; undefined if it is not there yet.
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

  /** Calls back, once, when take() has something to say; after it had not. */
  whenReady(callback: () => void): void {
    this.#onReady = callback;
  }

  /** The next chunk, or null at the end. @throws as take() */
  async next(): Promise<Buffer | null> {
    for (;;) {
      const chunk = this.take();
      if (chunk !== undefined) return chunk;
      await new Promise<void>((resolve) => this.whenReady(resolve));
    }
  }

  /**
   * Reads the next bytes into memory of the caller: directly where nothing has been read ahead and,
   * on an unbuffered file, place and address are aligned; otherwise by a copy.
   * The memory is in use until the promise settles, which is never before the read has ended, even
   * after cancel(). One call at a time, and not during next().
   * @returns bytes, as many as there are at once; 0 at the end
   * @throws as take()
   */
  async readInto(target: Uint8Array): Promise<number> {
    const length = this.#lengthInto(target);
    if (length > 0) return this.#readDirectly(target, length);
    const chunk = await this.next();
    if (chunk === null) return 0;
    const bytes = Math.min(chunk.byteLength, target.byteLength);
    target.set(chunk.subarray(0, bytes));
    if (bytes < chunk.byteLength) this.#rest = chunk.subarray(bytes);
    else this.release(chunk);
    return bytes;
  }

  /** Gives a chunk's memory back where `memory` is used again; until then it counts as ahead. */
  release(chunk: Buffer): void {
    const memory = this.#lent?.get(chunk.buffer);
    if (memory === undefined) return;
    this.#lent?.delete(chunk.buffer);
    this.#memory.give(memory);
    this.#fill();
  }

  /**
   * Reads the rest at the file's cursor, which is at this place: one read at a time, and only when
   * a chunk is wanted. Whatever was read from there on is thrown away.
   * @param chunkSize bytes of a read at most; default that of the window
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
   * Cancels what is in flight; there are no more chunks. Resolves when all of it has ended.
   * @param error what take() throws from now on; without one it gives null
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

  /** Bytes that can be read directly into a target; 0 if none can. */
  #lengthInto(target: Uint8Array): number {
    const isNext = this.#slots.isEmpty && this.#rest === undefined;
    if (this.#isOver || !isNext || !isAligned(this.#position, this.#block)) return 0;
    if (this.#alignment > 1 && !isAligned(addressAt(target, 0), this.#alignment)) return 0;
    const most = Math.min(target.byteLength, this.#range.end - this.#position, intoMax);
    return alignDown(most, this.#block);
  }

  async #readDirectly(target: Uint8Array, length: number): Promise<number> {
    const inFlight = this.#inFlight;
    inFlight.begin();
    try {
      const bytes = await this.#read(target, length, this.#position);
      if (inFlight.failure === undefined && !this.#isOver) {
        this.#position += bytes;
        this.#next = alignDown(this.#position, this.#block);
        this.#taken += bytes;
        this.#window.grow(this.#taken);
        if (bytes === 0) this.#finish();
        return bytes;
      }
    } catch (error) {
      // The error of a cancelled read is of no interest.
      if (!this.#isOver) inFlight.fail(error);
    } finally {
      inFlight.end();
    }
    if (inFlight.failure !== undefined) throw inFlight.failure.error;
    return 0;
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
    if (!this.#isNew) {
      this.#lent ??= new Map();
      this.#lent.set(memory.buffer, memory);
    }
    return this.#isNew ? trimmed(memory, from, to) : memory.subarray(from, to);
  }

  // Bytes that were read behind a short read do not follow it. Files that the system makes while
  // they are read (/proc) give little at a time: what is read behind is made again for nothing, and
  // some (trace_pipe) give it only once. So one read is in flight until reads are whole again.
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
      this.#slots.count + (this.#lent?.size ?? 0) < depth &&
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
        const isUnplaced = this.#mayUseCursor && !slot.isDiscarded && this.#taken === 0;
        // A regular file without places (tracefs, FUSE) refuses the first read with one.
        if (isUnplaced && !this.#atCursor && isCode(error, 'ESPIPE')) {
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

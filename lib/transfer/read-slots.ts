import type { ChunkMemory } from './chunk-memory.js';

/** One read of a ReadAhead. */
export interface ReadSlot {
  readonly memory: Buffer;
  readonly position: number;
  readonly length: number;
  /** Bytes that have arrived; -1 while the read is in flight. */
  bytes: number;
  failure: { error: unknown } | undefined;
  isDiscarded: boolean;
}

/** The reads of a ReadAhead that are in flight, or done and not yet taken, in order. */
export class ReadSlots {
  /** Bytes of all reads that are not discarded. */
  bytes = 0;
  /** Whether one of the reads has failed, so that no further reads are wanted. */
  hasFailed = false;
  readonly #memory: ChunkMemory;
  readonly #slots: ReadSlot[] = [];
  #discarded = 0;
  /** Memory that the consumer holds. */
  #lent: Map<ArrayBufferLike, Buffer> | undefined;

  constructor(memory: ChunkMemory) {
    this.#memory = memory;
  }

  get isEmpty(): boolean {
    return this.#slots.length === 0;
  }

  /** Number of reads that hold memory: also discarded reads in flight, and chunks lent out. */
  get count(): number {
    return this.#slots.length + this.#discarded + (this.#lent?.size ?? 0);
  }

  get first(): ReadSlot | undefined {
    return this.#slots[0];
  }

  add(memory: Buffer, position: number, length: number): ReadSlot {
    const slot = { memory, position, length, bytes: -1, failure: undefined, isDiscarded: false };
    this.#slots.push(slot);
    this.bytes += length;
    return slot;
  }

  takeFirst(): ReadSlot {
    const slot = this.#slots.shift() as ReadSlot;
    this.bytes -= slot.length;
    return slot;
  }

  /** Discards all reads; those in flight keep their memory until they end. */
  discardAll(): void {
    for (const slot of this.#slots) {
      if (slot.bytes === -1 && slot.failure === undefined) {
        slot.isDiscarded = true;
        this.#discarded++;
      } else {
        this.#memory.give(slot.memory);
      }
    }
    this.#slots.length = 0;
    this.bytes = 0;
    this.hasFailed = false;
  }

  /** Leaves memory to the consumer until takeBack(). */
  lend(memory: Buffer): void {
    this.#lent ??= new Map();
    this.#lent.set(memory.buffer, memory);
  }

  /** Frees the memory of a chunk; returns false if it has not been lent. */
  takeBack(chunk: Buffer): boolean {
    const memory = this.#lent?.get(chunk.buffer);
    if (memory === undefined) return false;
    this.#lent?.delete(chunk.buffer);
    this.#memory.give(memory);
    return true;
  }

  /** Frees the memory of a discarded read that has ended. */
  endDiscarded(slot: ReadSlot): void {
    this.#discarded--;
    this.#memory.give(slot.memory);
  }
}

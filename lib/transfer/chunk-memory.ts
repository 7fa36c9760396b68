import { Buffer } from 'node:buffer';
import { addressAt } from './aligned-buffer.js';
import { alignUp, isAligned } from './alignment.js';

/** Provides the memory for the chunks of a window. */
export interface ChunkMemory {
  /** Returns memory of at least `length` bytes for the chunk at this position in the file. */
  take(length: number, position: number): Buffer;
  /** Takes back memory that is no longer in use. */
  give(memory: Buffer): void;
}

/** Allocates uninitialized bytes at an address that is a multiple of `alignment`. */
export function unsetMemory(length: number, alignment: number): Buffer {
  if (alignment === 1) return Buffer.allocUnsafeSlow(length);
  const memory = Buffer.allocUnsafeSlow(length + alignment);
  const address = addressAt(memory, 0);
  const start = alignUp(address, alignment) - address;
  return memory.subarray(start, start + length);
}

/** Allocates new memory for every chunk, which then belongs to the consumer of the chunk. */
export class NewMemory implements ChunkMemory {
  readonly #alignment: number;

  constructor(alignment: number) {
    this.#alignment = alignment;
  }
  take(length: number): Buffer {
    return unsetMemory(length, this.#alignment);
  }
  give(): void {}
}

/** Reuses memory once it has been given back. */
export class RecycledMemory implements ChunkMemory {
  readonly #alignment: number;
  readonly #free: Buffer[] = [];
  #length = 0;

  constructor(alignment: number) {
    this.#alignment = alignment;
  }
  take(length: number): Buffer {
    if (length > this.#length) {
      // Chunks grow from here on; smaller memory is released.
      this.#length = length;
      this.#free.length = 0;
    }
    return this.#free.pop() ?? unsetMemory(this.#length, this.#alignment);
  }
  give(memory: Buffer): void {
    if (memory.byteLength === this.#length) this.#free.push(memory);
  }
}

/** Places chunks directly in a target if that is aligned; otherwise in other memory. */
export class MemoryWithin implements ChunkMemory {
  readonly #target: Uint8Array;
  readonly #position: number;
  readonly #alignment: number;
  readonly #other: RecycledMemory;

  /** @param position position in the file of the target's first byte */
  constructor(target: Uint8Array, position: number, alignment: number) {
    this.#target = target;
    this.#position = position;
    this.#alignment = alignment;
    this.#other = new RecycledMemory(alignment);
  }
  take(length: number, position: number): Buffer {
    const { buffer, byteOffset, byteLength } = this.#target;
    const at = position - this.#position;
    const fits = at >= 0 && at + length <= byteLength;
    if (!fits || !isAligned(addressAt(this.#target, at), this.#alignment)) {
      return this.#other.take(length);
    }
    return Buffer.from(buffer, byteOffset + at, length);
  }
  give(memory: Buffer): void {
    if (memory.buffer !== this.#target.buffer) this.#other.give(memory);
  }
}

import { addressAt } from './aligned-buffer.js';
import { alignUp, isAligned } from './alignment.js';

/** Where the chunks of a window lie. */
export interface ChunkMemory {
  /** Memory of at least `length` bytes for the chunk at this place in the file. */
  take(length: number, position: number): Buffer;
  /** It is not in use any more. */
  give(memory: Buffer): void;
}

/** Bytes that nobody has set, at an address that is a multiple of `alignment`. */
export function unsetMemory(length: number, alignment: number): Buffer {
  if (alignment === 1) return Buffer.allocUnsafeSlow(length);
  const memory = Buffer.allocUnsafeSlow(length + alignment);
  const address = addressAt(memory, 0);
  const start = alignUp(address, alignment) - address;
  return memory.subarray(start, start + length);
}

/** New memory for every chunk, which then belongs to whoever gets the chunk. */
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

/** Memory that is used again once it has been given back. */
export class RecycledMemory implements ChunkMemory {
  readonly #alignment: number;
  readonly #free: Buffer[] = [];
  #length = 0;

  constructor(alignment: number) {
    this.#alignment = alignment;
  }
  take(length: number): Buffer {
    if (length > this.#length) {
      // Chunks grow from here on; what is too small for them is let go of.
      this.#length = length;
      this.#free.length = 0;
    }
    return this.#free.pop() ?? unsetMemory(this.#length, this.#alignment);
  }
  give(memory: Buffer): void {
    if (memory.byteLength === this.#length) this.#free.push(memory);
  }
}

/** The chunks' places in a target, where these are aligned; else other memory. */
export class MemoryWithin implements ChunkMemory {
  readonly #target: Uint8Array;
  readonly #position: number;
  readonly #alignment: number;
  readonly #other: RecycledMemory;

  /** @param position place in the file of the target's first byte */
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

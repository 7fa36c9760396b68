import { alignUp } from './alignment.js';

/** The part of a file that a ReadAhead reads, and the known size of the file. */
export class ReadRange {
  /** Position after the last byte. */
  end: number;
  readonly #block: number;
  #size: number;

  /** @param size bytes of the file when it was opened; 0 if unknown */
  constructor(end: number, size: number, block: number) {
    this.end = end;
    this.#size = size;
    this.#block = block;
  }

  /** Forgets the size: for reads at the cursor, positions do not show the end of the file. */
  forgetSize(): void {
    this.#size = 0;
  }

  /** Whether the file certainly has bytes at this position, or its size is unknown. */
  has(position: number): boolean {
    return this.#size === 0 || position < this.#size;
  }

  /** Returns the bytes of a read. Reading one byte more than the file has shows its end. */
  lengthAt(position: number, chunkSize: number): number {
    const most = Math.min(chunkSize, this.end - position);
    const left = this.#size - position;
    const isLast = left > 0 && most >= left;
    return alignUp(isLast ? Math.min(left + 1, this.end - position) : most, this.#block);
  }

  /** Whether a short read at this position has reached the end, which is then known. */
  endsAt(position: number): boolean {
    if (position !== this.#size || position === 0) return false;
    this.end = Math.min(this.end, position);
    return true;
  }
}

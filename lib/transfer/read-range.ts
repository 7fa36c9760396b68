import { alignUp } from './alignment.js';

/** The part of a file that a ReadAhead reads, and what is known of the file's size. */
export class ReadRange {
  /** Place behind the last byte. */
  end: number;
  readonly #block: number;
  #size: number;

  /** @param size bytes of the file when it was opened; 0 where they are not known */
  constructor(end: number, size: number, block: number) {
    this.end = end;
    this.#size = size;
    this.#block = block;
  }

  /** Reads are at the cursor, so that places say nothing about the end of the file. */
  forgetSize(): void {
    this.#size = 0;
  }

  /** Whether the file surely has something at this place, or nothing is known. */
  has(position: number): boolean {
    return this.#size === 0 || position < this.#size;
  }

  /** Bytes of a read. One byte more than the file has shows its end. */
  lengthAt(position: number, chunkSize: number): number {
    const most = Math.min(chunkSize, this.end - position);
    const left = this.#size - position;
    const isLast = left > 0 && most >= left;
    return alignUp(isLast ? Math.min(left + 1, this.end - position) : most, this.#block);
  }

  /** Whether a read that came short at this place has met the end, which then is known. */
  endsAt(position: number): boolean {
    if (position !== this.#size || position === 0) return false;
    this.end = Math.min(this.end, position);
    return true;
  }
}

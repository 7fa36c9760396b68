import type { CoreHandle } from '../handle/core-handle.js';
import { alignDown } from '../transfer/alignment.js';
import { blockSizeOf, memoryAlignmentOf } from '../transfer/chunk-io.js';
import { unsetMemory } from '../transfer/chunk-memory.js';
import { ReadAhead, type ReadAheadOptions } from '../transfer/read-ahead.js';
import { isMediumError, type ReadFaults } from './read-faults.js';

/** The system's cache reads whole pages, and none of a page with a bad sector. */
const pageSize = 4096;

/** The part of ReadAhead that copies use. */
export type ChunkReads = Pick<ReadAhead, 'next' | 'release' | 'cancel'>;

type Options = ReadAheadOptions & { start: number; chunkSize: number };

/**
 * Reads ahead, and repeats reads that fail because of the medium. If that does not help, and the
 * faults allow it, the chunk is read sector by sector, with zeros for those that cannot be read.
 */
export class SteadyReads implements ChunkReads {
  readonly #file: CoreHandle;
  readonly #options: Options;
  readonly #faults: ReadFaults;
  /** The window that each chunk in use came from. */
  readonly #windows = new Map<Buffer, ReadAhead>();
  #ahead: ReadAhead;
  /** Position of the next chunk. */
  #position: number;
  #isCanceled = false;

  constructor(file: CoreHandle, options: Options, faults: ReadFaults) {
    this.#file = file;
    this.#options = options;
    this.#faults = faults;
    this.#position = options.start;
    this.#ahead = new ReadAhead(file, options);
  }

  async next(): Promise<Buffer | null> {
    for (let tries = 0; ; tries++) {
      try {
        const chunk = await this.#ahead.next();
        if (chunk === null) return null;
        this.#windows.set(chunk, this.#ahead);
        this.#position += chunk.byteLength;
        return chunk;
      } catch (error) {
        if (this.#isCanceled || !isMediumError(error)) throw error;
        await this.#ahead.cancel();
        const repeats = await this.#faults.mayRepeat(tries);
        if (!repeats && !this.#faults.zeroes) throw error;
        const mended = repeats ? undefined : await this.#readSectors();
        this.#ahead = new ReadAhead(this.#file, { ...this.#options, start: this.#position });
        if (this.#isCanceled) await this.#ahead.cancel();
        if (!repeats) return mended ?? null;
      }
    }
  }

  release(chunk: Buffer): void {
    this.#windows.get(chunk)?.release(chunk);
    this.#windows.delete(chunk);
  }

  cancel(): Promise<void> {
    this.#isCanceled = true;
    return this.#ahead.cancel();
  }

  /** Reads the next chunk sector by sector; at the end of the file it is shorter. */
  async #readSectors(): Promise<Buffer | undefined> {
    const file = this.#file;
    const { chunkSize, end = Number.POSITIVE_INFINITY, signal } = this.#options;
    const unit = file.alignment === null ? pageSize : blockSizeOf(file);
    const sector = unsetMemory(unit, memoryAlignmentOf(file));
    const chunk = unsetMemory(chunkSize, this.#memoryAlignment());
    const length = Math.min(chunkSize, end - this.#position);
    let filled = 0;
    while (filled < length && !this.#isCanceled) {
      const position = this.#position + filled;
      const start = alignDown(position, unit);
      const wanted = Math.min(start + unit - position, length - filled);
      const from = position - start;
      const bytes = await this.#readSector(sector, start, signal);
      if (bytes === null) {
        chunk.fill(0, filled, filled + wanted);
        this.#faults.addBad(position, wanted);
        filled += wanted;
        continue;
      }
      const got = Math.min(bytes - from, wanted);
      if (got <= 0) break;
      chunk.set(sector.subarray(from, from + got), filled);
      filled += got;
    }
    this.#position += filled;
    return filled === 0 ? undefined : chunk.subarray(0, filled);
  }

  /** Returns the number of bytes; null if the sector cannot be read. */
  async #readSector(
    memory: Buffer,
    position: number,
    signal: AbortSignal | undefined,
  ): Promise<number | null> {
    try {
      return await this.#file.readAt(memory, 0, memory.byteLength, position, signal);
    } catch (error) {
      if (!isMediumError(error)) throw error;
      return null;
    }
  }

  // The chunk may be written to an unbuffered file, so it is aligned like those of the window.
  #memoryAlignment(): number {
    return Math.max(pageSize, memoryAlignmentOf(this.#file));
  }
}

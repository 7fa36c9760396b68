import type { CoreHandle } from '../handle/core-handle.js';
import { memoryAlignmentOf } from '../transfer/chunk-io.js';
import { RecycledMemory } from '../transfer/chunk-memory.js';
import { ReadAhead } from '../transfer/read-ahead.js';
import { type ChunkOptions, queueDepthOf } from './read-chunks.js';

/** The part of a file to read, and how. */
export interface CursorOptions extends ChunkOptions {
  /** Position of the first byte. Default 0. */
  start?: number | undefined;
  /** Position after the last byte. Default: the end of the file. */
  end?: number | undefined;
}

/** Reads a file in chunks, of which a consumer takes as many bytes as it needs. */
export class ChunkCursor {
  readonly #ahead: ReadAhead;
  #chunk: Buffer | null = null;
  #at = 0;

  constructor(handle: CoreHandle, options: CursorOptions) {
    const { chunkSize, signal, start, end } = options;
    const depth = queueDepthOf(options);
    const memory = new RecycledMemory(memoryAlignmentOf(handle));
    this.#ahead = new ReadAhead(handle, { depth, chunkSize, signal, start, end, memory });
  }

  /** Returns bytes that follow, or null at the end of the file. */
  async look(): Promise<Buffer | null> {
    this.#chunk ??= await this.#ahead.next();
    return this.#chunk === null ? null : this.#chunk.subarray(this.#at);
  }

  skip(length: number): void {
    const chunk = this.#chunk as Buffer;
    this.#at += length;
    if (this.#at < chunk.byteLength) return;
    this.#ahead.release(chunk);
    this.#chunk = null;
    this.#at = 0;
  }

  cancel(): Promise<void> {
    return this.#ahead.cancel();
  }
}

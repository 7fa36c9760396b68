import type { Alignment } from './alignment.js';
import type { SizedFile } from './file-size.js';

/**
 * What this room needs of an open file. The core handle satisfies these interfaces; nothing here
 * knows it.
 */
export interface AlignedFile {
  /** What transfers must be multiples of; null on a buffered file. */
  readonly alignment: Alignment | null;
}

/** Where a read at the cursor puts its bytes. */
export interface CursorRead {
  readonly length: number;
  readonly position: null;
  readonly signal?: AbortSignal | undefined;
}

/** A file that a window reads. */
export interface ReadableFile extends AlignedFile {
  /**
   * Reads at a place in the file. On an unbuffered file place, length and memory are aligned.
   * @returns bytes, 0 at the end of the file
   */
  readAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number>;
  /** Reads at the cursor, after the calls at the cursor that were made before. */
  read(buffer: Uint8Array, options: CursorRead): Promise<{ bytesRead: number }>;
}

/** A file that a window writes. */
export interface WritableFile extends AlignedFile {
  /**
   * Writes at a place in the file, also in append mode. On an unbuffered file place, length and
   * memory are aligned.
   * @returns bytes
   */
  writeAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number>;
  /** Writes several buffers at a place of a buffered file, or at the cursor (-1). */
  writeViewsAt(
    views: readonly Uint8Array[],
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number>;
}

/** A file that can be cut to where it is complete. */
export interface CuttableFile extends SizedFile {
  truncate(length: number): Promise<void>;
}

/** What writing parts of the sectors of an unbuffered file needs. */
export interface SectorFile extends ReadableFile, WritableFile, CuttableFile {
  stat(options?: { signal?: AbortSignal | undefined }): Promise<{ size: number }>;
  stat(options: { bigint: true }): Promise<{ dev: bigint; ino: bigint; size: bigint }>;
  sync(): Promise<void>;
}

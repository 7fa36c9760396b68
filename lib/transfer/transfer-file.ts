import type { Alignment } from './alignment.js';
import type { SizedFile } from './file-size.js';

/**
 * The properties of an open file that this directory needs. The core handle implements these
 * interfaces; nothing here depends on it.
 */
export interface AlignedFile {
  /** Alignment that transfers require; null on a buffered file. */
  readonly alignment: Alignment | null;
}

/** Options of a read at the cursor. */
export interface CursorRead {
  readonly length: number;
  readonly position: null;
  readonly signal?: AbortSignal | undefined;
}

/** A file that a window reads. */
export interface ReadableFile extends AlignedFile {
  /**
   * Reads at a position in the file. On an unbuffered file position, length and memory are aligned.
   * @returns bytes, 0 at the end of the file
   */
  readAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number>;
  /** Reads at the cursor, after earlier calls at the cursor. */
  read(buffer: Uint8Array, options: CursorRead): Promise<{ bytesRead: number }>;
}

/** A file that a window writes. */
export interface WritableFile extends AlignedFile {
  /**
   * Writes at a position in the file, even in append mode. On an unbuffered file position, length
   * and memory are aligned.
   * @returns bytes
   */
  writeAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number>;
  /** Writes several buffers at a position of a buffered file, or at the cursor (-1). */
  writeViewsAt(
    views: readonly Uint8Array[],
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number>;
}

/** A file that can be cut to its complete part. */
export interface CuttableFile extends SizedFile {
  truncate(length: number): Promise<void>;
}

/** Operations needed to write parts of sectors of an unbuffered file. */
export interface SectorFile extends ReadableFile, WritableFile, CuttableFile {
  stat(options?: { signal?: AbortSignal | undefined }): Promise<{ size: number }>;
  stat(options: { bigint: true }): Promise<{ dev: bigint; ino: bigint; size: bigint }>;
  sync(): Promise<void>;
}

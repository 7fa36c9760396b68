import { Buffer } from 'node:buffer';
import type { Stats } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { openCore } from '../handle/open.js';
import { abortError } from '../node/errors.js';
import { ownOptions } from '../node/own-options.js';
import type { PathLike } from '../node/paths.js';
import { validateObject, validateSignal } from '../node/validate.js';
import { validateWindow } from '../transfer/window.js';
import { ChunkCursor, type CursorOptions } from './chunk-cursor.js';
import { type DataRanges, dataRanges, unionOf } from './data-ranges.js';
import { systemPathOf } from './destination.js';
import { type DiskOptions, readingOfPath } from './disk-options.js';
import { FallbackLog } from './fallbacks.js';
import type { ReadSource } from './file-copy-options.js';
import { type ByteProgress, ProgressMeter } from './progress.js';
import type { ChunkOptions } from './read-chunks.js';

/** Options of compareFiles(). */
export interface CompareFilesOptions extends ChunkOptions, DiskOptions {
  /** Reads past the system's cache; 'prefer' falls back to the cache. Default false. */
  unbuffered?: boolean | 'prefer' | undefined;
  /** Called as bytes of a file pair are compared. */
  onProgress?: ((progress: ByteProgress) => void) | undefined;
}

/** The result of comparing two files. */
export interface FileComparison {
  /** Whether both files have the same bytes. */
  equal: boolean;
  /** Position of the first byte that differs, or of the end of the shorter file; else null. */
  firstDifference: number | null;
  /** Bytes of the two files: the bytes read or, if the files differ, their sizes. */
  sizes: [number, number];
}

/** A comparison, and how the files were read. */
export interface ReadComparison extends FileComparison {
  /** 'disk' if both were read past the system's cache. */
  readFrom: ReadSource;
}

/**
 * Compares two files byte by byte up to the first difference, with several chunks of both in
 * flight.
 * @param a path of the first file
 * @param b path of the second file
 * @param options see `CompareFilesOptions`
 * @returns whether the files are equal, the first difference and both sizes
 * @throws AbortError when `signal` aborts; ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE and
 *   ERR_OUT_OF_RANGE for wrong options; system errors (ENOENT, EACCES, EIO, …)
 * @example
 * const { equal } = await compareFiles('disk.img', '/backup/disk.img');
 */
export async function compareFiles(
  a: PathLike,
  b: PathLike,
  options: CompareFilesOptions = {},
): Promise<FileComparison> {
  const { equal, firstDifference, sizes } = await comparePaths(a, b, ownOptions(options));
  return { equal, firstDifference, sizes };
}

/** Compares two files like compareFiles(), and also says how they were read. */
export async function comparePaths(
  a: PathLike,
  b: PathLike,
  options: CompareFilesOptions,
): Promise<ReadComparison> {
  validateObject(options, 'options');
  validateWindow(options);
  const { signal } = options;
  validateSignal(signal);
  const openIt = async (path: PathLike, name: string): Promise<CoreHandle> => {
    const opening = await readingOfPath(options, systemPathOf(path, name));
    return openCore(path, 'r', { ...opening, signal, access: 'sequential' });
  };
  const first = await openIt(a, 'a');
  try {
    const second = await openIt(b, 'b');
    try {
      return await compareHandles(first, second, options);
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

/** Compares two open files. */
export async function compareHandles(
  first: CoreHandle,
  second: CoreHandle,
  options: CompareFilesOptions,
): Promise<ReadComparison> {
  const statuses = await Promise.all([first.stat(), second.stat()]);
  const ends = await Promise.all([first.size(), second.size()]);
  const meter = new ProgressMeter(Math.min(...ends));
  const onEqual = (_bytes: Buffer, position: number): void =>
    options.onProgress?.(meter.at(position));
  const compare = isSparsePair(statuses) ? firstDifferenceInData : firstDifference;
  const { place, ended } = await compare(first, second, { ...options, onEqual });
  const isBypassed = first.alignment !== null && second.alignment !== null;
  const readFrom = isBypassed ? 'disk' : 'cache';
  if (ended) return { equal: true, firstDifference: null, sizes: [place, place], readFrom };
  return { equal: false, firstDifference: place, sizes: ends, readFrom };
}

// The unit of Stats.blocks.
const bytesPerBlock = 512;
// Holes are found in whole multiples of this, so that small ones do not interrupt reading.
const holeUnit = 64 * 1024;

/** Whether files of the same size have holes, so that comparing need not read all of them. */
function isSparsePair([one, other]: readonly [Stats, Stats]): boolean {
  if (one.size !== other.size || !one.isFile() || !other.isFile()) return false;
  return Math.max(one.blocks, other.blocks) * bytesPerBlock < one.size;
}

export interface PrefixOptions extends CursorOptions {
  /** Called with bytes that both files share, and the position after them. */
  onEqual?: ((bytes: Buffer, position: number) => void) | undefined;
}

/**
 * Finds the position at which two open files begin to differ.
 * @returns the position, and whether both files (or the bounds) end there without a difference
 */
export async function firstDifference(
  first: CoreHandle,
  second: CoreHandle,
  options: PrefixOptions,
): Promise<{ place: number; ended: boolean }> {
  const sides = [new ChunkCursor(first, options), new ChunkCursor(second, options)] as const;
  let place = options.start ?? 0;
  try {
    for (;;) {
      const [one, other] = await Promise.all([sides[0].look(), sides[1].look()]);
      if (options.signal?.aborted) throw abortError(options.signal);
      if (one === null || other === null) return { place, ended: one === other };
      const length = Math.min(one.byteLength, other.byteLength);
      const bytes = one.subarray(0, length);
      if (!bytes.equals(other.subarray(0, length))) {
        return { place: place + differenceIn(bytes, other), ended: false };
      }
      place += length;
      options.onEqual?.(bytes, place);
      for (const side of sides) side.skip(length);
    }
  } finally {
    await Promise.all(sides.map((side) => side.cancel()));
  }
}

/** Finds the first difference without reading parts that are holes in both files. */
async function firstDifferenceInData(
  first: CoreHandle,
  second: CoreHandle,
  options: PrefixOptions,
): Promise<{ place: number; ended: boolean }> {
  const end = Math.min((await first.stat()).size, (await second.stat()).size);
  const rangesOf = (handle: CoreHandle): DataRanges =>
    dataRanges(handle, { start: 0, end }, holeUnit, new FallbackLog());
  for await (const range of unionOf(rangesOf(first), rangesOf(second))) {
    const found = await firstDifference(first, second, { ...options, ...range });
    if (!found.ended) return found;
  }
  // The files may end with a hole.
  options.onEqual?.(Buffer.alloc(0), end);
  return { place: end, ended: true };
}

function differenceIn(one: Buffer, other: Buffer): number {
  let at = 0;
  while (one[at] === other[at]) at++;
  return at;
}

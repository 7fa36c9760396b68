import type { CoreHandle } from '../handle/core-handle.js';
import type { FileRange } from '../handle/sparse.js';
import { alignDown, alignUp } from '../transfer/alignment.js';
import { type FallbackLog, isSystemError } from './fallbacks.js';

/** A part of a file, in bytes, from `start` up to but not including `end`. */
export interface DataRange {
  start: number;
  end: number;
}

/**
 * Yields the parts of a file that hold data, in order, rounded to whole sectors. The bytes between
 * them are zeros. Yields the whole bounds if the file system does not report holes.
 * @param bounds the part of the file to examine
 * @param block starts and ends are multiples of this, except for the end of the bounds
 * @param fallbacks collects a refusal by the file system
 */
export async function* dataRanges(
  source: CoreHandle,
  bounds: DataRange,
  block: number,
  fallbacks: FallbackLog,
): AsyncGenerator<DataRange, void, undefined> {
  if (bounds.start >= bounds.end) return;
  let held: DataRange | undefined;
  for await (const range of allocatedRanges(source, bounds, fallbacks)) {
    const start = Math.max(bounds.start, alignDown(range.position, block));
    const end = Math.min(bounds.end, alignUp(range.position + range.length, block));
    if (held !== undefined && start <= held.end) {
      held.end = Math.max(held.end, end);
      continue;
    }
    if (held !== undefined) yield held;
    held = { start, end };
  }
  if (held !== undefined) yield held;
}

async function* allocatedRanges(
  source: CoreHandle,
  { start, end }: DataRange,
  fallbacks: FallbackLog,
): AsyncGenerator<FileRange, void, undefined> {
  let position = start;
  try {
    for await (const range of source.allocatedRanges({ position, length: end - position })) {
      position = range.position + range.length;
      yield range;
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    fallbacks.note('holes', error);
    // Everything after the last range counts as data.
    if (position < end) yield { position, length: end - position };
  }
}

/** Yields the whole bounds as one part. */
export async function* wholeRange(bounds: DataRange): AsyncGenerator<DataRange, void, undefined> {
  if (bounds.start < bounds.end) yield bounds;
}

/** Parts of a file, in order. */
export type DataRanges = AsyncGenerator<DataRange, void, undefined>;

/** Yields the parts that are in one of two sequences of parts or in both, in order. */
export async function* unionOf(first: DataRanges, second: DataRanges): DataRanges {
  let [one, other] = [await first.next(), await second.next()];
  let held: DataRange | undefined;
  while (!one.done || !other.done) {
    const isFirst = other.done || (!one.done && one.value.start <= other.value.start);
    const range = (isFirst ? one.value : other.value) as DataRange;
    if (held !== undefined && range.start <= held.end) held.end = Math.max(held.end, range.end);
    else {
      if (held !== undefined) yield held;
      held = { ...range };
    }
    if (isFirst) one = await first.next();
    else other = await second.next();
  }
  if (held !== undefined) yield held;
}

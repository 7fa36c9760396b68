import type { CoreHandle } from '../handle/core-handle.js';
import { alignDown, alignUp } from '../transfer/alignment.js';

/** A part of a file, from `start` to before `end`, in bytes. */
export interface DataRange {
  start: number;
  end: number;
}

/**
 * The parts of a file that hold data, in order, rounded to whole sectors; what lies between them
 * reads as zeros. Where the file system knows no holes, all of the file.
 * @param bounds what of the file is asked for
 * @param block what starts and ends are multiples of, but for the end of the bounds
 */
export async function* dataRanges(
  source: CoreHandle,
  bounds: DataRange,
  block: number,
): AsyncGenerator<DataRange, void, undefined> {
  const position = bounds.start;
  if (position >= bounds.end) return;
  let held: DataRange | undefined;
  for await (const range of source.allocatedRanges({ position, length: bounds.end - position })) {
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

/** All of the bounds as one part. */
export async function* wholeRange(bounds: DataRange): AsyncGenerator<DataRange, void, undefined> {
  if (bounds.start < bounds.end) yield bounds;
}

import { Buffer } from 'node:buffer';

/** A part of a chunk, from `start` up to but not including `end`. */
export interface Run {
  start: number;
  end: number;
}

/** Bytes of the smallest run; one page of most file systems. */
export const runUnit = 4096;

// Most chunks are all alike, so larger parts are examined first.
const unitsPerStep = 16;
const zeros = Buffer.alloc(runUnit * unitsPerStep);

function extend(runs: Run[], start: number, end: number): void {
  const last = runs.at(-1);
  if (last?.end === start) last.end = end;
  else runs.push({ start, end });
}

/** Returns the runs of units for which a test fails. */
function runsWhere(
  length: number,
  unit: number,
  isLeftOut: (start: number, end: number) => boolean,
): Run[] {
  const runs: Run[] = [];
  const step = unit * unitsPerStep;
  for (let at = 0; at < length; at += step) {
    const stepEnd = Math.min(at + step, length);
    if (isLeftOut(at, stepEnd)) continue;
    for (let start = at; start < stepEnd; start += unit) {
      const end = Math.min(start + unit, stepEnd);
      if (!isLeftOut(start, end)) extend(runs, start, end);
    }
  }
  return runs;
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== 0) return false;
  for (let at = start; at < end; at += zeros.byteLength) {
    const length = Math.min(zeros.byteLength, end - at);
    if (bytes.compare(zeros, 0, length, at, at + length) !== 0) return false;
  }
  return true;
}

/** Returns the parts of a chunk that hold anything but zeros, in whole units. */
export function runsOfData(bytes: Buffer, unit: number): Run[] {
  return runsWhere(bytes.byteLength, unit, (start, end) => isZero(bytes, start, end));
}

/**
 * Returns the parts in which two chunks of the same length differ, in whole units.
 * @param unit bytes
 */
export function runsOfDifferences(one: Buffer, other: Buffer, unit: number): Run[] {
  if (one.equals(other)) return [];
  return runsWhere(
    one.byteLength,
    unit,
    (start, end) => one.compare(other, start, end, start, end) === 0,
  );
}

import type { Completion } from '../engine/completion.js';
import { allocatedRangesMax } from '../engine/opcodes.js';
import { decodeNothing, type Operable } from '../engine/operation.js';
import { allocatedRangesIn, makeSparse, punchHoleAt } from '../engine/requests.js';
import { outOfRange } from '../node/errors.js';
import { validateInteger, validateObject } from '../node/validate.js';
import type { Cursor } from './cursor.js';

/** A part of a file, in bytes. */
export interface FileRange {
  /** The position of the first byte. */
  position: number;
  /** Bytes. */
  length: number;
}

/** Options of handle.allocatedRanges(). */
export interface AllocatedRangesOptions {
  /** Position of the first byte. Default 0. */
  position?: number | undefined;
  /** Bytes. Default: to the end of the file. */
  length?: number | undefined;
}

const sparseSubject = { syscall: 'setsparse' };
const punchSubject = { syscall: 'punchhole' };
const rangesSubject = { syscall: 'allocatedranges' };
const positionMax = Number.MAX_SAFE_INTEGER;
const bytesOfRange = 16;

function validateRange(position: unknown, length: unknown, lengthMin: number): void {
  validateInteger(position, 'options.position', 0);
  validateInteger(length, 'options.length', lengthMin);
  if (length > positionMax - position) {
    throw outOfRange('options.length', `<= ${positionMax - position}`, length);
  }
}

export function setSparse(handle: Operable, sparse: boolean): Promise<void> {
  return handle.operate({
    ...makeSparse(sparse),
    subject: sparseSubject,
    decode: decodeNothing,
  });
}

export function punchHole(handle: Operable, options: FileRange): Promise<void> {
  validateObject(options, 'options');
  const { position, length } = options;
  validateRange(position, length, 1);
  return handle.operate({
    ...punchHoleAt({ position, length }),
    subject: punchSubject,
    decode: decodeNothing,
  });
}

function decodeRanges(completion: Completion): FileRange[] {
  const content = completion.takeContent() as Buffer;
  const ranges: FileRange[] = [];
  for (let at = 0; at < content.byteLength; at += bytesOfRange) {
    const words = new BigInt64Array(
      content.buffer.slice(content.byteOffset + at, content.byteOffset + at + bytesOfRange),
    );
    ranges.push({ position: Number(words[0]), length: Number(words[1]) });
  }
  return ranges;
}

/** Checks the arguments when it is called, not when the first range is requested. */
export function allocatedRanges(
  file: Operable,
  cursor: Cursor,
  options: AllocatedRangesOptions,
): AsyncGenerator<FileRange, void, undefined> {
  validateObject(options, 'options');
  const { position = 0, length = positionMax - position } = options;
  validateRange(position, length, 0);
  return iterate(file, cursor, position, length);
}

async function* iterate(
  file: Operable,
  cursor: Cursor,
  start: number,
  size: number,
): AsyncGenerator<FileRange, void, undefined> {
  const end = start + size;
  let position = start;
  // Adjacent ranges are merged: the next operation may continue a range that was cut off.
  let held: FileRange | undefined;
  while (position < end) {
    const from = position;
    // The search for data moves the cursor of a file on POSIX (SEEK_DATA), so other calls that use
    // the cursor must wait.
    const ranges = await cursor.inOrder(() =>
      file.operate({
        ...allocatedRangesIn({ position: from, length: end - from }),
        subject: rangesSubject,
        decode: decodeRanges,
      }),
    );
    for (const range of ranges) {
      position = range.position + range.length;
      if (held !== undefined && held.position + held.length === range.position) {
        held.length += range.length;
        continue;
      }
      if (held !== undefined) yield held;
      held = range;
    }
    if (ranges.length < allocatedRangesMax) break;
  }
  if (held !== undefined) yield held;
}

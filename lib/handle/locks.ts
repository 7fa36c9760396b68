import { decodeNothing, type Operable } from '../engine/operation.js';
import { lockBytes, unlockBytes } from '../engine/requests.js';
import { outOfRange } from '../node/errors.js';
import { ownOptions } from '../node/own-options.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validatePosition,
  validateSignal,
} from '../node/validate.js';

/** The part of a file to lock; it may lie beyond the end of the file. */
export interface LockRange {
  /** Position of the first byte. Default 0. */
  position?: number | bigint | undefined;
  /** Bytes, at least 1. Default: everything from `position` on, however long the file grows. */
  length?: number | undefined;
}

/** Options of handle.lock(). */
export interface LockOptions extends LockRange {
  /** false allows other shared locks. Default true. */
  exclusive?: boolean | undefined;
  /** Whether to wait for a held range; false rejects with EBUSY. Default true. */
  wait?: boolean | undefined;
  /** Aborts the waiting. */
  signal?: AbortSignal | undefined;
}

const lockSubject = { syscall: 'lock' };
const unlockSubject = { syscall: 'unlock' };

function parseRange(options: LockRange): { position: number | bigint; length: number } {
  validateObject(options, 'options');
  const { position = 0, length } = ownOptions(options);
  if (length !== undefined) validateInteger(length, 'options.length', 1);
  validatePosition(position, length ?? 0);
  if (position < 0) throw outOfRange('position', '>= 0', position);
  return { position, length: length ?? 0 };
}

export function lockRange(handle: Operable, options: LockOptions): Promise<void> {
  const range = parseRange(options);
  const { exclusive = true, wait = true, signal } = ownOptions(options);
  validateBoolean(exclusive, 'options.exclusive');
  validateBoolean(wait, 'options.wait');
  validateSignal(signal);
  return handle.operate({
    ...lockBytes({ ...range, exclusive, wait }),
    subject: lockSubject,
    decode: decodeNothing,
    signal,
  });
}

export function unlockRange(handle: Operable, options: LockRange): Promise<void> {
  return handle.operate({
    ...unlockBytes(parseRange(options)),
    subject: unlockSubject,
    decode: decodeNothing,
  });
}

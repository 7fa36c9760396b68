import { isDate } from 'node:util/types';
import { invalidArgType, invalidArgValue, outOfRange } from '../node/errors.js';

/**
 * A time for a file: seconds since 1970 as a number or a string of digits, a Date, or nanoseconds
 * since 1970 as a bigint.
 */
export type FileTime = number | string | Date | bigint;

const nanosecondsPerSecond = 1_000_000_000n;
// Seconds have 64 bits in the system, but no file system supports times beyond these.
const secondsMax = 2 ** 40;

function ofNanoseconds(value: bigint, name: string): [bigint, bigint] {
  let seconds = value / nanosecondsPerSecond;
  let nanoseconds = value % nanosecondsPerSecond;
  if (nanoseconds < 0n) {
    seconds -= 1n;
    nanoseconds += nanosecondsPerSecond;
  }
  const max = BigInt(secondsMax);
  if (seconds > max || seconds < -max) {
    throw outOfRange(name, `within ${secondsMax} seconds of 1970`, value);
  }
  return [seconds, nanoseconds];
}

function secondsOf(value: unknown, name: string): number {
  if (typeof value === 'number') return value;
  if (isDate(value)) return value.getTime() / 1000;
  if (typeof value !== 'string') {
    throw invalidArgType(name, 'of type number, string, bigint or an instance of Date', value);
  }
  return value.trim() === '' ? Number.NaN : Number(value);
}

function parseTime(value: unknown, name: string): [bigint, bigint] {
  if (typeof value === 'bigint') return ofNanoseconds(value, name);
  const seconds = secondsOf(value, name);
  if (!Number.isFinite(seconds)) throw invalidArgValue(name, value, 'must be a finite time');
  if (Math.abs(seconds) > secondsMax) {
    throw outOfRange(name, `within ${secondsMax} seconds of 1970`, value);
  }
  const whole = Math.floor(seconds);
  const rest = BigInt(Math.round((seconds - whole) * 1e9));
  return ofNanoseconds(BigInt(whole) * nanosecondsPerSecond + rest, name);
}

/**
 * Converts two times to the form that the addon takes.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 */
export function parseTimes(atime: unknown, mtime: unknown): BigInt64Array {
  return BigInt64Array.of(...parseTime(atime, 'atime'), ...parseTime(mtime, 'mtime'));
}

import { constants } from 'node:fs';
import { invalidArgType, invalidArgValue, outOfRange } from '../node/errors.js';
import { validateInteger } from '../node/validate.js';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const O_SYNC = constants.O_SYNC ?? 0;

const flagNumbers: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  rs: O_RDONLY | O_SYNC,
  sr: O_RDONLY | O_SYNC,
  'r+': O_RDWR,
  'rs+': O_RDWR | O_SYNC,
  'sr+': O_RDWR | O_SYNC,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  xw: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  'w+': O_TRUNC | O_CREAT | O_RDWR,
  'wx+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  'xw+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  xa: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  as: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  sa: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  'a+': O_APPEND | O_CREAT | O_RDWR,
  'ax+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'xa+': O_APPEND | O_CREAT | O_RDWR | O_EXCL,
  'as+': O_APPEND | O_CREAT | O_RDWR | O_SYNC,
  'sa+': O_APPEND | O_CREAT | O_RDWR | O_SYNC,
};

/** Parses Node's flags, a string such as 'r+' or a number. */
export function parseFlags(flags: unknown, name = 'flags'): number {
  if (flags == null) return O_RDONLY;
  if (typeof flags === 'number') {
    validateInteger(flags, name, -(2 ** 31), 2 ** 31 - 1);
    return flags;
  }
  const number = typeof flags === 'string' ? flagNumbers[flags] : undefined;
  if (number === undefined || !Object.hasOwn(flagNumbers, flags as string)) {
    throw invalidArgValue('flags', flags);
  }
  return number;
}

/** Parses Node's mode, a number or an octal string. */
export function parseMode(mode: unknown, defaultMode: number): number {
  if (mode == null) return defaultMode;
  if (typeof mode === 'string') {
    if (!/^[0-7]+$/.test(mode)) {
      throw invalidArgValue('mode', mode, 'must be a 32-bit unsigned integer or an octal string');
    }
    return parseMode(Number.parseInt(mode, 8), defaultMode);
  }
  if (typeof mode !== 'number') throw invalidArgType('mode', 'of type number', mode);
  if (!Number.isInteger(mode)) throw outOfRange('mode', 'an integer', mode);
  if (mode < 0 || mode > 2 ** 32 - 1) throw outOfRange('mode', '>= 0 && <= 4294967295', mode);
  return mode;
}

/** The kinds of transfer that a handle's flags allow. */
export interface Access {
  readable: boolean;
  writable: boolean;
  append: boolean;
}

export function accessOf(flags: number): Access {
  const mode = flags & (O_RDWR | O_WRONLY);
  return {
    readable: mode !== O_WRONLY,
    writable: mode !== O_RDONLY,
    append: (flags & O_APPEND) !== 0,
  };
}

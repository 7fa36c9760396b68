import { constants } from 'node:fs';
import { OpenOption } from '../engine/native.js';
import { invalidArgType, invalidArgValue, outOfRange } from '../node/errors.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateOneOf,
  validateSignal,
} from '../node/validate.js';
import { type CreateOptions, checkAttributesOnly, parseCreateOptions } from './create-options.js';

/** How a file is opened, beyond Node's flags. */
export interface OpenOptions extends CreateOptions {
  /** Permission bits of a file that is created. Default 0o666, less the umask. */
  mode?: number | string | undefined;
  /**
   * Transfers go past the system's cache (O_DIRECT, FILE_FLAG_NO_BUFFERING, F_NOCACHE) and must be
   * aligned as `handle.alignment` says. `true` fails with EINVAL where the file system refuses;
   * 'prefer' opens buffered there. Default false.
   */
  unbuffered?: boolean | 'prefer' | undefined;
  /** A write is done when the device has the data (O_DSYNC, WRITE_THROUGH). Default false. */
  writeThrough?: boolean | undefined;
  /** A hint how the file will be read (posix_fadvise, SEQUENTIAL_SCAN / RANDOM_ACCESS). */
  access?: 'sequential' | 'random' | undefined;
  /**
   * The file is gone when the handle is closed, also if the process dies. Windows: the name stays
   * until then (FILE_FLAG_DELETE_ON_CLOSE). POSIX: the name goes at once (unlink). Default false.
   */
  deleteOnClose?: boolean | undefined;
  /**
   * Reserves this many bytes of disk space without changing the file's size (fallocate,
   * FileAllocationInfo). ENOSPC comes from open() then, not from a later write. Default 0: none.
   */
  preallocate?: number | undefined;
  /** Aborts the opening. */
  signal?: AbortSignal | undefined;
}

/** What the addon is asked for. */
export interface OpenRequest {
  flags: number;
  mode: number;
  options: number;
  preallocate: number;
  attributes: number;
  signal: AbortSignal | undefined;
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const O_SYNC = constants.O_SYNC ?? 0;
const O_DIRECT = constants.O_DIRECT ?? 0;
const readOnlyAttribute = 1;
const anyWrite = 0o222;

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

/** Node's flags, 'r+' or a number, as a number. */
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

/** Node's mode, a number or a string in octal, as a number. */
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

/** What flags allow. */
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

const optionNames: readonly (keyof OpenOptions)[] = [
  'mode',
  'unbuffered',
  'writeThrough',
  'access',
  'deleteOnClose',
  'preallocate',
  'signal',
];

/** Whether an object has any of the options of open(). */
export function isOpenOptions(given: object): boolean {
  return optionNames.some((name) => name in given);
}

/** Validates the arguments of open() after the path. */
export function parseOpenOptions(flags: unknown, modeOrOptions: unknown): OpenRequest {
  const given =
    modeOrOptions !== null && typeof modeOrOptions === 'object'
      ? (modeOrOptions as OpenOptions)
      : { mode: modeOrOptions as OpenOptions['mode'] };
  validateObject(given, 'options');
  const {
    unbuffered = false,
    writeThrough = false,
    access,
    deleteOnClose = false,
    preallocate = 0,
  } = given;
  validateOneOf(unbuffered, 'options.unbuffered', [true, false, 'prefer']);
  validateBoolean(writeThrough, 'options.writeThrough');
  validateBoolean(deleteOnClose, 'options.deleteOnClose');
  validateOneOf(access, 'options.access', [undefined, 'sequential', 'random']);
  validateInteger(preallocate, 'options.preallocate', 0);
  validateSignal(given.signal);
  let number = parseFlags(flags);
  let { options, attributes } = parseCreateOptions(given);
  if (given.attributesOnly) checkAttributesOnly(number, given);
  let mode = parseMode(given.mode, 0o666);
  if (process.platform !== 'win32' && attributes & readOnlyAttribute) {
    mode &= ~anyWrite;
    attributes &= ~readOnlyAttribute;
  }
  if (unbuffered === true || (unbuffered === false && (number & O_DIRECT) !== 0)) {
    options |= OpenOption.unbuffered;
  }
  if (unbuffered === 'prefer') options |= OpenOption.unbufferedPrefer;
  number &= ~O_DIRECT;
  if (writeThrough) options |= OpenOption.writeThrough;
  if (access === 'sequential') options |= OpenOption.accessSequential;
  if (access === 'random') options |= OpenOption.accessRandom;
  if (deleteOnClose) options |= OpenOption.deleteOnClose;
  return {
    flags: number,
    mode,
    options,
    preallocate,
    attributes,
    signal: given.signal,
  };
}

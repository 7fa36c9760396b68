import type { BigIntStats, Stats } from 'node:fs';
import { getEngine } from '../engine/engine.js';
import { statusOfPath } from '../engine/requests.js';
import { decodeBigIntStats, decodeStats } from '../handle/stats.js';
import { type PathLike, parsePath } from '../node/paths.js';
import { validateSignal } from '../node/validate.js';

/** Options of stat() and lstat(). */
export interface StatOptions {
  /** Numbers as bigints, times also in nanoseconds. Default false. */
  bigint?: boolean | undefined;
  /** stat() alone: false resolves to undefined where there is no such file. Default true. */
  throwIfNoEntry?: boolean | undefined;
  /** Aborts it. */
  signal?: AbortSignal | undefined;
}
type AsNumbers = StatOptions & { bigint?: false | undefined };
type AsBigInts = StatOptions & { bigint: true };
type Lenient = { throwIfNoEntry: false };

const noEntryCodes = new Set(['ENOENT', 'ENOTDIR']);

/** As stat(); throws at once what is wrong with the arguments. */
export function startStat(
  path: unknown,
  options: StatOptions = {},
): Promise<Stats | BigIntStats | undefined> {
  const status = startStatus('stat', path, options);
  if (options.throwIfNoEntry !== false) return status;
  return status.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== undefined && noEntryCodes.has(error.code)) return undefined;
    throw error;
  });
}

/** As lstat(); throws at once what is wrong with the arguments. */
export function startLstat(path: unknown, options: StatOptions = {}): Promise<Stats | BigIntStats> {
  return startStatus('lstat', path, options);
}

function startStatus(
  syscall: 'stat' | 'lstat',
  path: unknown,
  options: StatOptions,
): Promise<Stats | BigIntStats> {
  const { native, shown } = parsePath(path);
  // Read one by one, so that null fails as it does in Node.
  const bigint = options.bigint === true;
  const { signal } = options;
  validateSignal(signal);
  return getEngine().submit({
    ...statusOfPath(native, syscall === 'stat'),
    subject: { syscall, path: shown },
    decode: bigint ? decodeBigIntStats : decodeStats,
    signal,
  });
}

/**
 * Status of what a path leads to, as Node's Stats or, with `bigint: true`, BigIntStats.
 * @throws a system error; AbortError
 */
export function stat(path: PathLike, options: AsNumbers & Lenient): Promise<Stats | undefined>;
export function stat(
  path: PathLike,
  options: AsBigInts & Lenient,
): Promise<BigIntStats | undefined>;
export function stat(path: PathLike, options?: AsNumbers): Promise<Stats>;
export function stat(path: PathLike, options: AsBigInts): Promise<BigIntStats>;
export function stat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats>;
export function stat(
  path: PathLike,
  options?: StatOptions,
): Promise<Stats | BigIntStats | undefined> {
  // An async function would take three more turns of the microtask queue.
  try {
    return startStat(path, options);
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Status of a path itself: of a link, not of what it leads to.
 * @throws a system error; AbortError
 */
export function lstat(path: PathLike, options?: AsNumbers): Promise<Stats>;
export function lstat(path: PathLike, options: AsBigInts): Promise<BigIntStats>;
export function lstat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats>;
export function lstat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats> {
  try {
    return startLstat(path, options);
  } catch (error) {
    return Promise.reject(error);
  }
}

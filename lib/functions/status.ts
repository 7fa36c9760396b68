import type { BigIntStats, Stats } from 'node:fs';
import { getEngine } from '../engine/engine.js';
import { type CompleteRequest, complete } from '../engine/operation.js';
import { statusOfPath } from '../engine/requests.js';
import { decodeBigIntStats, decodeStats } from '../handle/stats.js';
import { noOptions, ownOptions } from '../node/own-options.js';
import { type PathLike, parsePath } from '../node/paths.js';
import { validateSignal, validateStatusOptions } from '../node/validate.js';

/** Options of stat() and lstat(). */
export interface StatOptions {
  /** Return numbers as bigints, and times also in nanoseconds. Default false. */
  bigint?: boolean | undefined;
  /** stat() only: false resolves to undefined if the file does not exist. Default true. */
  throwIfNoEntry?: boolean | undefined;
  /** Aborts the operation. */
  signal?: AbortSignal | undefined;
}
type AsNumbers = StatOptions & { bigint?: false | undefined };
type AsBigInts = StatOptions & { bigint: true };
type Lenient = { throwIfNoEntry: false };

const noEntryCodes = new Set(['ENOENT', 'ENOTDIR']);

/** stat() that throws invalid-argument errors synchronously. */
export function startStat(
  path: unknown,
  options: StatOptions = noOptions,
): Promise<Stats | BigIntStats | undefined> {
  const status = getEngine().start<Stats | BigIntStats>(statusRequest('stat', path, options));
  if (ownOptions(options).throwIfNoEntry !== false) return status;
  return status.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== undefined && noEntryCodes.has(error.code)) return undefined;
    throw error;
  });
}

/** lstat() that throws invalid-argument errors synchronously. */
export function startLstat(
  path: unknown,
  options: StatOptions = noOptions,
): Promise<Stats | BigIntStats> {
  return getEngine().start(statusRequest('lstat', path, options));
}

/** The request of stat() or lstat(). @throws invalid-argument errors */
export function statusRequest(
  syscall: 'stat' | 'lstat',
  path: unknown,
  options: StatOptions,
): CompleteRequest {
  const { native, shown } = parsePath(path);
  // Read one by one, so that null options fail as they do in Node.
  const own = ownOptions(options);
  const bigint = own.bigint === true;
  const { signal } = own;
  validateSignal(signal);
  const encoded = statusOfPath(native, syscall === 'stat');
  const decode = bigint ? decodeBigIntStats : decodeStats;
  return complete(encoded, { syscall, path: shown }, decode, signal);
}

/**
 * Reports the status of a file as Node's Stats or, with `bigint: true`, BigIntStats. Links are
 * followed.
 * @throws a system error (ENOENT, ENOTDIR, EACCES, …); AbortError
 * @example
 * const { size } = await stat('data.bin');
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
    validateStatusOptions(options);
    return startStat(path, options);
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Reports the status of a path itself; for a link, that of the link.
 * @throws a system error (ENOENT, ENOTDIR, EACCES, …); AbortError
 * @example
 * const isLink = (await lstat('current')).isSymbolicLink();
 */
export function lstat(path: PathLike, options?: AsNumbers): Promise<Stats>;
export function lstat(path: PathLike, options: AsBigInts): Promise<BigIntStats>;
export function lstat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats>;
export function lstat(path: PathLike, options?: StatOptions): Promise<Stats | BigIntStats> {
  try {
    validateStatusOptions(options);
    return startLstat(path, options);
  } catch (error) {
    return Promise.reject(error);
  }
}

import type { BigIntStats, Stats } from 'node:fs';
import * as fs from 'node:fs';
import { getEngine } from './engine/engine.js';
import type { Operation } from './engine/operation.js';

/** The fields of Node's Stats in the order of the addon's FileStatus. */
const fields = [
  'dev',
  'mode',
  'nlink',
  'uid',
  'gid',
  'rdev',
  'blksize',
  'ino',
  'size',
  'blocks',
] as const;
const times = ['atime', 'mtime', 'ctime', 'birthtime'] as const;
const firstSecond = fields.length;
const firstNanosecond = firstSecond + times.length;

// Node exports no BigIntStats, and its Stats may no longer be called.
const statsPrototype = fs.Stats.prototype as object;
const bigIntStatsPrototype = Object.getPrototypeOf(fs.statSync('.', { bigint: true })) as object;

const dateProperty = (milliseconds: number): PropertyDescriptor => {
  const value = new Date(Math.round(milliseconds));
  return { value, writable: true, enumerable: true, configurable: true };
};

// Since Node 22 the prototype makes the dates when they are asked for.
const datesAreLazy = Object.getOwnPropertyDescriptor(statsPrototype, 'mtime') !== undefined;

/** Completion of a stat operation as Node's Stats. */
export function decodeStats(_operation: Operation, _value: number, index: number): Stats {
  const { completions } = getEngine();
  const stats = Object.create(statsPrototype) as Record<string, unknown>;
  fields.forEach((name, i) => {
    stats[name] = Number(completions.exactDetail(index, i));
  });
  const milliseconds = times.map((_, i) => {
    const seconds = Number(completions.exactDetail(index, firstSecond + i));
    const nanoseconds = Number(completions.exactDetail(index, firstNanosecond + i));
    return seconds * 1000 + nanoseconds / 1e6;
  });
  times.forEach((name, i) => {
    stats[`${name}Ms`] = milliseconds[i];
  });
  if (!datesAreLazy) addDates(stats, milliseconds);
  return stats as unknown as Stats;
}

/** Completion of a stat operation as Node's BigIntStats. */
export function decodeBigIntStats(
  _operation: Operation,
  _value: number,
  index: number,
): BigIntStats {
  const { completions } = getEngine();
  const stats = Object.create(bigIntStatsPrototype) as Record<string, unknown>;
  fields.forEach((name, i) => {
    stats[name] = completions.exactDetail(index, i);
  });
  const nanoseconds = times.map(
    (_, i) =>
      completions.exactDetail(index, firstSecond + i) * 1_000_000_000n +
      completions.exactDetail(index, firstNanosecond + i),
  );
  const milliseconds = nanoseconds.map((value) => value / 1_000_000n);
  times.forEach((name, i) => {
    stats[`${name}Ms`] = milliseconds[i];
  });
  times.forEach((name, i) => {
    stats[`${name}Ns`] = nanoseconds[i];
  });
  if (!datesAreLazy) addDates(stats, milliseconds.map(Number));
  return stats as unknown as BigIntStats;
}

function addDates(stats: object, milliseconds: readonly number[]): void {
  times.forEach((name, i) => {
    Object.defineProperty(stats, name, dateProperty(milliseconds[i] as number));
  });
}

import type { BigIntStats, Stats } from 'node:fs';
import * as fs from 'node:fs';
import { getEngine } from '../engine/engine.js';
import type { Operation } from '../engine/operation.js';
import type { CompletionRing } from '../engine/rings.js';

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

// Node's Stats may no longer be called.
const statsPrototype = fs.Stats.prototype as object;

let bigIntStatsPrototype: object | undefined;

// Node does not export BigIntStats, so an instance shows it. Standard input and its like are open
// in every process, or nearly, and asking for their status needs no permission to any path.
function prototypeOfBigIntStats(): object {
  for (const fd of [0, 1, 2]) {
    try {
      return Object.getPrototypeOf(fs.fstatSync(fd, { bigint: true })) as object;
    } catch {}
  }
  return Object.create(Object.getPrototypeOf(statsPrototype) as object) as object;
}

const dateOf = (milliseconds: number): Date => new Date(Math.round(milliseconds));

// Since Node 22 the prototype makes the dates when they are asked for.
const datesAreLazy = Object.getOwnPropertyDescriptor(statsPrototype, 'mtime') !== undefined;

type Fields = Record<string, number | Date>;

// A constructor that names each field, so that all Stats have one shape: a good part of what a stat
// costs is the making of this object.
function StatsRecord(this: Fields, completions: CompletionRing, index: number): void {
  this.dev = completions.integerDetail(index, 0);
  this.mode = completions.integerDetail(index, 1);
  this.nlink = completions.integerDetail(index, 2);
  this.uid = completions.integerDetail(index, 3);
  this.gid = completions.integerDetail(index, 4);
  this.rdev = completions.integerDetail(index, 5);
  this.blksize = completions.integerDetail(index, 6);
  this.ino = completions.integerDetail(index, 7);
  this.size = completions.integerDetail(index, 8);
  this.blocks = completions.integerDetail(index, 9);
  this.atimeMs = millisecondsOf(completions, index, 0);
  this.mtimeMs = millisecondsOf(completions, index, 1);
  this.ctimeMs = millisecondsOf(completions, index, 2);
  this.birthtimeMs = millisecondsOf(completions, index, 3);
  if (datesAreLazy) return;
  this.atime = dateOf(this.atimeMs);
  this.mtime = dateOf(this.mtimeMs);
  this.ctime = dateOf(this.ctimeMs);
  this.birthtime = dateOf(this.birthtimeMs);
}
StatsRecord.prototype = statsPrototype;

function millisecondsOf(completions: CompletionRing, index: number, time: number): number {
  const seconds = completions.integerDetail(index, firstSecond + time);
  const nanoseconds = completions.integerDetail(index, firstNanosecond + time);
  return seconds * 1000 + nanoseconds / 1e6;
}

const StatsConstructor = StatsRecord as unknown as new (
  completions: CompletionRing,
  index: number,
) => Stats;

/** Completion of a stat operation as Node's Stats. */
export function decodeStats(_operation: Operation, _value: number, index: number): Stats {
  return new StatsConstructor(getEngine().completions, index);
}

/** Completion of a stat operation as Node's BigIntStats. */
export function decodeBigIntStats(
  _operation: Operation,
  _value: number,
  index: number,
): BigIntStats {
  const { completions } = getEngine();
  bigIntStatsPrototype ??= prototypeOfBigIntStats();
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
  if (!datesAreLazy) {
    times.forEach((name, i) => {
      stats[name] = dateOf(Number(milliseconds[i]));
    });
  }
  return stats as unknown as BigIntStats;
}

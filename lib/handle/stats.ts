import type { BigIntStats, Stats } from 'node:fs';
import * as fs from 'node:fs';
import { type Completion, StatusField } from '../engine/completion.js';

/** The fields of Node's Stats, in its order. */
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

// Calling fs.Stats is deprecated (DEP0180), so instances are made from its prototype.
const statsPrototype = fs.Stats.prototype as object;

let bigIntStatsPrototype: object | undefined;

// Node does not export BigIntStats, so its prototype is taken from an instance. Nearly every
// process has standard input or another standard stream open, and their status requires no
// permission to any path.
function prototypeOfBigIntStats(): object {
  for (const fd of [0, 1, 2]) {
    try {
      return Object.getPrototypeOf(fs.fstatSync(fd, { bigint: true })) as object;
    } catch {}
  }
  return Object.create(Object.getPrototypeOf(statsPrototype) as object) as object;
}

const dateOf = (milliseconds: number): Date => new Date(Math.round(milliseconds));

// Since Node 22 the prototype creates the dates on first use.
const datesAreLazy = Object.getOwnPropertyDescriptor(statsPrototype, 'mtime') !== undefined;

type Fields = Record<string, number | Date>;

const { atimeSeconds, mtimeSeconds, ctimeSeconds, birthtimeSeconds } = StatusField;
const { atimeNanoseconds, mtimeNanoseconds, ctimeNanoseconds, birthtimeNanoseconds } = StatusField;

// A constructor that names each field, so that all Stats have one shape: creating this object is a
// large part of the cost of a stat.
function StatsRecord(this: Fields, completion: Completion): void {
  this.dev = completion.status(StatusField.dev);
  this.mode = completion.status(StatusField.mode);
  this.nlink = completion.status(StatusField.nlink);
  this.uid = completion.status(StatusField.uid);
  this.gid = completion.status(StatusField.gid);
  this.rdev = completion.status(StatusField.rdev);
  this.blksize = completion.status(StatusField.blksize);
  this.ino = completion.status(StatusField.ino);
  this.size = completion.status(StatusField.size);
  this.blocks = completion.status(StatusField.blocks);
  this.atimeMs = millisecondsOf(completion, atimeSeconds, atimeNanoseconds);
  this.mtimeMs = millisecondsOf(completion, mtimeSeconds, mtimeNanoseconds);
  this.ctimeMs = millisecondsOf(completion, ctimeSeconds, ctimeNanoseconds);
  this.birthtimeMs = millisecondsOf(completion, birthtimeSeconds, birthtimeNanoseconds);
  if (datesAreLazy) return;
  this.atime = dateOf(this.atimeMs);
  this.mtime = dateOf(this.mtimeMs);
  this.ctime = dateOf(this.ctimeMs);
  this.birthtime = dateOf(this.birthtimeMs);
}
StatsRecord.prototype = statsPrototype;

function millisecondsOf(completion: Completion, seconds: number, nanoseconds: number): number {
  return completion.status(seconds) * 1000 + completion.status(nanoseconds) / 1e6;
}

const StatsConstructor = StatsRecord as unknown as new (completion: Completion) => Stats;

/** Decodes the completion of a stat as Node's Stats. */
export function decodeStats(completion: Completion): Stats {
  return new StatsConstructor(completion);
}

/** Decodes the completion of a stat as Node's BigIntStats. */
export function decodeBigIntStats(completion: Completion): BigIntStats {
  bigIntStatsPrototype ??= prototypeOfBigIntStats();
  const stats = Object.create(bigIntStatsPrototype) as Record<string, unknown>;
  for (const name of fields) stats[name] = completion.exactStatus(StatusField[name]);
  const nanoseconds = times.map(
    (name) =>
      completion.exactStatus(StatusField[`${name}Seconds`]) * 1_000_000_000n +
      completion.exactStatus(StatusField[`${name}Nanoseconds`]),
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

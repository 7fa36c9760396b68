import * as fs from 'node:fs';
import * as path from 'node:path';
import { createFsFromVolume, Volume } from 'memfs';
import { afterAll, beforeAll, expect } from 'vitest';
import { engine } from '../../lib/index.js';
import { isLinux, temporaryFolder, testWhere } from '../helpers.js';
import { caseGroups } from './all-cases.js';
import { type Case, type LooseFs, nodeMajor, runCase } from './case.js';
import { memfsDifferences } from './memfs-differences.js';
import type { Outcome, SyncFs } from './observe.js';

// Runs the cases with memfs, an in-memory file system in the shape of node:fs. Cases in which it
// differs from Node are listed: a new difference fails, and so does one that no longer exists.

const nodePromises = fs.promises as unknown as LooseFs;
// Each is a turn of the event loop, so that a case also ends in time on a busy machine. Cases with
// large data need more than thirty.
const ticksMax = 100;
const msOfTick = 10;

let umask = 0;
beforeAll(() => {
  // memfs has no umask.
  umask = process.umask(0);
});
afterAll(() => {
  process.umask(umask);
});

type Failure = 'no end' | 'an uncaught error';

/** Runs a case with memfs, which may also lose its errors or never settle. */
function runInMemory(item: Case): Promise<Outcome | Failure> {
  const memory = createFsFromVolume(new Volume());
  memory.mkdirSync('/memfs/two', { recursive: true });
  const promises = memory.promises as unknown as LooseFs;
  let timer: NodeJS.Timeout | undefined;
  const failure = new Promise<Failure>((resolve) => {
    let ticks = 0;
    timer = setInterval(() => {
      if (++ticks === ticksMax) resolve('no end');
    }, msOfTick);
    process.setUncaughtExceptionCaptureCallback(() => resolve('an uncaught error'));
  });
  const run = runCase(item, promises, memory as unknown as SyncFs, '/memfs/two');
  return Promise.race([run, failure]).finally(() => {
    clearInterval(timer);
    process.setUncaughtExceptionCaptureCallback(null);
  });
}

async function differs(item: Case): Promise<boolean> {
  const folder = path.join(temporaryFolder(), 'one');
  fs.mkdirSync(folder);
  const wanted = await runCase(item, nodePromises, fs, folder);
  try {
    expect(await runInMemory(item)).toEqual(wanted);
    return false;
  } catch {
    return true;
  }
}

// memfs has no engine and is the same on every system. The list matches Node 20.
const isFirst = isLinux && engine.kind === 'uring' && nodeMajor === 20;
const testOnce = testWhere(isFirst, 'memfs is compared on Linux, Node 20, beside io_uring');

for (const [group, cases] of Object.entries(caseGroups)) {
  const names: readonly string[] = memfsDifferences[group] ?? [];

  testOnce(`memfs differs from Node in ${names.length} cases of ${group}`, async () => {
    const found: string[] = [];
    for (const item of cases) {
      if (item.skip === undefined && (await differs(item))) found.push(item.name);
    }
    expect(
      found.filter((name) => !names.includes(name)),
      'differ and are not listed',
    ).toEqual([]);
    expect(
      names.filter((name) => !found.includes(name)),
      'listed and do not differ',
    ).toEqual([]);
  });
}

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { copyTree, engine, mirror } from '../../lib/index.js';
import { canMakeFaults, type FaultyFolder, faultsNeed, faultyFolders } from '../faults/fault-fs.js';
import {
  copyOfFile,
  isLinux,
  randomBytes,
  rejection,
  sha256,
  temporaryFolder,
  testWhere,
} from '../helpers.js';

// Copies from disks that cannot read some sectors, and from servers that fail for a while.

const test = testWhere(canMakeFaults, faultsNeed, { mustRun: isLinux });
const KiB = 1024;
const data = randomBytes(3_000_000);

const makeFaulty = faultyFolders();

function faulty(faults: string): FaultyFolder {
  const folder = makeFaulty(faults);
  fs.writeFileSync(path.join(folder.root, 'from'), data);
  return folder;
}

/** The data with zeros in a range. */
function holed(from: number, to: number): Buffer {
  return Buffer.from(data).fill(0, from, to);
}

test('a read that fails twice is repeated, and the rest is not read again', async () => {
  const folder = faulty('reads=2,direct=1');
  const to = path.join(temporaryFolder(), 'to');
  const options = { strategy: 'engine', hash: 'sha256' } as const;
  expect(await rejection(copyOfFile(folder.at('from'), to, options))).toMatchObject({
    code: 'EIO',
  });
  const again = faulty('reads=2,direct=1');
  const report = await copyOfFile(again.at('from'), to, { ...options, retries: 3 });
  expect(report).toMatchObject({ bytes: data.byteLength, hash: sha256(data), badSectors: [] });
  expect(report.retried).toBeGreaterThan(0);
  expect(fs.readFileSync(to).equals(data)).toBe(true);
  expect(engine.stats().inFlight).toBe(0);
});

for (const direct of [0, 1]) {
  test(`unreadable sectors become zeros, and the report lists them: ${direct}`, async () => {
    const [from, end] = [1_200 * KiB, 1_240 * KiB];
    const folder = faulty(`badfrom=${from},badto=${end},direct=${direct}`);
    const to = path.join(temporaryFolder(), 'to');
    const options = { badSectors: 'zero', hash: 'sha256' } as const;
    const report = await copyOfFile(folder.at('from'), to, options);
    const expected = holed(from, end);
    expect(report).toMatchObject({
      badSectors: [{ position: from, length: end - from }],
      hash: sha256(expected),
      bytes: data.byteLength,
    });
    expect(fs.readFileSync(to).equals(expected)).toBe(true);
    const others = [{}, { retries: 1 }, { badSectors: 'error' }] as const;
    for (const other of others.slice(0, direct === 0 ? 3 : 1)) {
      const error = await rejection(copyOfFile(folder.at('from'), to, other));
      expect(error).toMatchObject({ code: 'EIO', path: folder.at('from') });
    }
    expect(fs.readFileSync(to).equals(expected)).toBe(true);
  });
}

test('bad sectors at both ends of a file, verified and resumed', async () => {
  const folder = faulty(`badfrom=0,badto=4096`);
  const to = path.join(temporaryFolder(), 'to');
  const report = await copyOfFile(folder.at('from'), to, {
    ...{ badSectors: 'zero', verify: true, resume: true },
  });
  expect(report).toMatchObject({ badSectors: [{ position: 0, length: 4096 }], verified: true });
  expect(fs.readFileSync(to).equals(holed(0, 4096))).toBe(true);
  const last = faulty(`badfrom=2998272,badto=9000000`);
  const second = await copyOfFile(last.at('from'), to, { badSectors: 'zero' });
  expect(second.badSectors).toEqual([{ position: 2_998_272, length: 3_000_000 - 2_998_272 }]);
  expect(fs.readFileSync(to).equals(holed(2_998_272, 3_000_000))).toBe(true);
});

test('an update in place repeats failed reads, and writes zeros for bad sectors', async () => {
  const to = path.join(temporaryFolder(), 'to');
  const old = Buffer.from(data).fill(1, 5000, 6000);
  const inPlace = { update: 'inplace', verify: true } as const;
  fs.writeFileSync(to, old);
  const passing = faulty('reads=2,direct=1');
  const repeated = await copyOfFile(passing.at('from'), to, { ...inPlace, retries: 3 });
  expect(repeated.retried).toBeGreaterThan(0);
  expect(repeated).toMatchObject({ verified: true, badSectors: [], dataBytes: 4096 });
  expect(fs.readFileSync(to).equals(data)).toBe(true);
  const [from, end] = [1_200 * KiB, 1_240 * KiB];
  const bad = faulty(`badfrom=${from},badto=${end}`);
  const zeroed = await copyOfFile(bad.at('from'), to, { ...inPlace, badSectors: 'zero' });
  const badSectors = [{ position: from, length: end - from }];
  expect(zeroed).toMatchObject({ badSectors, dataBytes: end - from, verified: true });
  expect(zeroed.hash).toBe(sha256(holed(from, end)));
  expect(fs.readFileSync(to).equals(holed(from, end))).toBe(true);
});

test('a handle that is stale for a while (ESTALE) is opened again', async () => {
  // The kernel opens a stale file twice before it reports the error.
  const folder = faulty('open=116,opens=4');
  const to = path.join(temporaryFolder(), 'to');
  const report = await copyOfFile(folder.at('from'), to, { retries: 4 });
  expect(report.retried).toBeGreaterThan(0);
  expect(fs.readFileSync(to).equals(data)).toBe(true);
});

test('files of a tree: small and large ones, and a manifest of what was copied', async () => {
  const folder = faulty('badfrom=0,badto=4096');
  for (const name of ['empty', 'small']) {
    fs.writeFileSync(path.join(folder.root, name), name === 'small' ? data.subarray(0, 8192) : '');
  }
  const parent = temporaryFolder();
  const to = path.join(parent, 'to');
  const manifest = path.join(parent, 'sums');
  const bare = await copyTree(folder.folder, to);
  expect(bare.errors.map(({ path: name }) => name).sort()).toEqual(['from', 'small']);
  const report = await mirror(folder.folder, to, { badSectors: 'zero', manifest });
  expect(report.errors).toEqual([]);
  const ranges = [{ position: 0, length: 4096 }];
  expect(report.badSectors.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { path: 'from', ranges },
    { path: 'small', ranges },
  ]);
  expect(fs.readFileSync(path.join(to, 'from')).equals(holed(0, 4096))).toBe(true);
  expect(fs.readFileSync(manifest, 'utf8')).toContain(`${sha256(holed(0, 4096))}  from`);
  expect(fs.readdirSync(to).sort()).toEqual(['empty', 'from', 'small']);
});

test('an abort ends the wait for a repetition at once', async () => {
  const folder = faulty('badfrom=0,badto=4096');
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 200);
  const to = path.join(temporaryFolder(), 'to');
  const options = { retries: 1000, signal: controller.signal };
  const error = await rejection(copyOfFile(folder.at('from'), to, options));
  expect(error).toMatchObject({ name: 'AbortError' });
  expect(fs.existsSync(to)).toBe(false);
});

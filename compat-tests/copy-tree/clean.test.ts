import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { clean, copy, open, verify, verifyTree } from '../../lib/index.js';
import { distUrl, isWindows, randomBytes, rejection, testWhere, until } from '../helpers.js';
import { folderOf, namesIn, newPlace } from './trees.js';

// Leftovers of killed copies are recognized, reported and removed; those of running copies stay.

const testOnPosix = testWhere(!isWindows, 'Windows has no signals');
const nameOf = (digit: string): string => `.overlapped-${digit.repeat(32)}.tmp`;
const partial = '.overlapped-0123456789abcdef01234567.partial';

/**
 * Starts a process that copies slowly, and resolves once it has written to an unfinished file: it
 * locks the file after creating it and before writing to it.
 */
async function startCopy(code: string, folder: string) {
  const script = `
    import { copy, copyTree } from ${JSON.stringify(distUrl('index.js'))};
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const hasBegun = (name: string): boolean => fs.statSync(path.join(folder, name)).size > 0;
  await until(() => fs.existsSync(folder) && unfinishedIn(folder).some(hasBegun));
  const stop = (): Promise<void> => {
    child.kill('SIGKILL');
    return ended;
  };
  return { stop };
}

function unfinishedIn(folder: string): string[] {
  return namesIn(folder).filter((name) => path.basename(name).startsWith('.overlapped-'));
}

test('leftovers are removed, and other files stay', async () => {
  const like = ['.overlapped-1.tmp', `${nameOf('a')}x`, `x${nameOf('b')}`, '.overlapped.tmp'];
  const folder = folderOf({
    ...{ [nameOf('0')]: 'four', [`x/y/${nameOf('1')}`]: '' },
    ...Object.fromEntries(like.map((name) => [name, ''])),
    [`x/${nameOf('2')}/file`]: '',
  });
  const dry = await clean(folder, { dryRun: true });
  expect(namesIn(folder)).toContain(nameOf('0'));
  const report = await clean(folder);
  expect(report).toMatchObject({
    removed: [
      { path: nameOf('0'), bytes: 4 },
      { path: `x/y/${nameOf('1')}`, bytes: 0 },
    ],
    kept: [{ path: `x/${nameOf('2')}`, reason: 'type' }],
    errors: [],
    bytes: 4,
  });
  expect({ ...dry, durationMs: 0 }).toEqual({ ...report, durationMs: 0 });
  const left = [...like, 'x', `x/${nameOf('2')}`, `x/${nameOf('2')}/file`, 'x/y'];
  expect(namesIn(folder)).toEqual(left.sort());
});

test('a file that a process has locked stays', async () => {
  const folder = folderOf({ [nameOf('0')]: '' });
  const handle = await open(path.join(folder, nameOf('0')), 'r+');
  await handle.lock();
  expect(await clean(folder)).toMatchObject({
    ...{ removed: [], kept: [{ path: nameOf('0'), reason: 'running' }] },
  });
  await handle.close();
  expect(await clean(folder)).toMatchObject({ removed: [{ path: nameOf('0') }], kept: [] });
});

test('copies that were kept for resuming are removed only with `partial`', async () => {
  const folder = folderOf({ [partial]: 'abc', [`${partial}.json`]: '{}' });
  const path0 = { path: partial, bytes: 5 };
  expect(await clean(folder)).toMatchObject({
    removed: [],
    kept: [{ ...path0, reason: 'partial' }],
  });
  expect(namesIn(folder)).toHaveLength(2);
  expect(await clean(folder, { partial: true })).toMatchObject({ removed: [path0], kept: [] });
  // The marker of an update in place stays until its file is complete.
  fs.writeFileSync(path.join(folder, `${partial}.update`), 'x');
  expect(await clean(folder, { partial: true })).toMatchObject({
    ...{ removed: [], kept: [{ path: `${partial}.update`, bytes: 1, reason: 'update' }] },
  });
  expect(namesIn(folder)).toEqual([`${partial}.update`]);
});

test('verify() reports unfinished files, and does not count them as differences', async () => {
  const from = folderOf({ a: 'a' });
  const to = folderOf({ a: 'a', [nameOf('0')]: 'x', [partial]: 'y' });
  const unfinished = [partial, nameOf('0')].sort();
  expect(await verifyTree(from, to)).toMatchObject({ differences: [], unfinished });
  expect(await verify(from, to)).toMatchObject({ equal: true, unfinished });
  fs.mkdirSync(path.join(to, nameOf('1')));
  expect((await verifyTree(from, to)).differences).toEqual([{ path: nameOf('1'), kind: 'extra' }]);
});

test('a folder that is missing is an error, and so is a wrong option', async () => {
  expect(await rejection(clean(newPlace()))).toMatchObject({ code: 'ENOENT' });
  const wrong = { partial: 1 } as unknown as { partial: boolean };
  expect(await rejection(clean(folderOf({}), wrong))).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
});

describe('a copy in another process', () => {
  testOnPosix('of a file: its file stays while it runs, and goes when it is dead', async () => {
    const folder = folderOf({ from: randomBytes(2_000_000) });
    const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
    const options = JSON.stringify({ rateLimit: 100_000, strategy: 'engine' });
    const paths = `${JSON.stringify(from)}, ${JSON.stringify(to)}`;
    const child = await startCopy(`await copy(${paths}, ${options});`, folder);
    expect(await clean(folder)).toMatchObject({ removed: [], kept: [{ reason: 'running' }] });
    await child.stop();
    expect(await clean(folder)).toMatchObject({ removed: [{ bytes: expect.any(Number) }] });
    expect(namesIn(folder)).toEqual(['from']);
  });

  testOnPosix('that resumes: its copy and its note stay while it runs', async () => {
    const folder = folderOf({ from: randomBytes(2_000_000) });
    const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
    const options = JSON.stringify({ rateLimit: 100_000, strategy: 'engine', resume: true });
    const paths = `${JSON.stringify(from)}, ${JSON.stringify(to)}`;
    const child = await startCopy(`await copy(${paths}, ${options});`, folder);
    await until(() => unfinishedIn(folder).length === 2);
    const all = { partial: true };
    expect(await clean(folder, all)).toMatchObject({ removed: [], kept: [{ reason: 'running' }] });
    await child.stop();
    expect(await copy(from, to, { resume: true })).toMatchObject({ bytes: 2_000_000 });
    expect(namesIn(folder)).toEqual(['from', 'to']);
  });

  testOnPosix('of a tree: complete files that wait for their names stay, too', async () => {
    const small = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`x/small${i}`, 'x']));
    const from = folderOf({ ...small, large: randomBytes(4_000_000) });
    const to = newPlace();
    // The last file never ends, so that the others wait.
    const code = `
      await copyTree(${JSON.stringify(from)}, ${JSON.stringify(to)}, {
        onProgress: ({ files }) => { if (files > 40) for (;;) Atomics.wait(word, 0, 0, 1000); },
      });`;
    const word = 'const word = new Int32Array(new SharedArrayBuffer(4));';
    const child = await startCopy(word + code, to);
    await until(() => unfinishedIn(to).length > 30);
    const before = unfinishedIn(to);
    const report = await clean(path.join(to, 'x'));
    expect(report.removed).toEqual([]);
    expect(report.kept.length).toBeGreaterThan(20);
    expect(await clean(to)).toMatchObject({ removed: [] });
    expect(unfinishedIn(to)).toEqual(expect.arrayContaining(before));
    await child.stop();
    const left = unfinishedIn(to);
    const after = await clean(to);
    expect(after).toMatchObject({ kept: [] });
    expect(after.removed.map(({ path: name }) => name)).toEqual(left);
    expect(unfinishedIn(to)).toEqual([]);
  });
});

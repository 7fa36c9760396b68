// Files that another program has open without sharing them, as scanners and indexers briefly do.
import * as nodeFs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import * as path from 'node:path';
import timers from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { copySmallFile } from '../../lib/copy/tree/copy-small-file.js';
import fs from '../../lib/fs.js';
import { copyTree, open, openDirectory, rename, rm, unlink } from '../../lib/index.js';
import { heldMsMax } from '../../lib/win32/held-by-others.js';
import { isWindows, rejection, sleep, temporaryFolder, testWhere } from '../helpers.js';

const testOnWindows = testWhere(isWindows, 'elsewhere a file that is open can be removed');
const heldMs = 200;

function newFile(folder: string, name = 'file', content = 'content'): string {
  const file = path.join(folder, name);
  nodeFs.writeFileSync(file, content);
  return file;
}

/** Runs a function while a file is held, for heldMs or until the function has ended. */
async function whileHeld<T>(file: string, run: () => Promise<T>, ms = heldMs): Promise<T> {
  const holder = await open(file, 'r', { share: 'none' });
  const letGo = sleep(ms).then(() => holder.close());
  try {
    return await run();
  } finally {
    await letGo;
  }
}

testOnWindows('unlink, rename and rm wait for a program that holds the file briefly', async () => {
  const folder = temporaryFolder();
  const calls: Record<string, (file: string) => Promise<unknown>> = {
    unlink,
    rm: (file) => rm(file),
    'rm of the folder': (file) => rm(path.dirname(file), { recursive: true }),
    rename: (file) => rename(file, `${file}-renamed`),
    'unlink with a callback': promisify(fs.unlink),
    'rename with a callback': (file) => promisify(fs.rename)(file, `${file}-renamed`),
  };
  for (const [name, call] of Object.entries(calls)) {
    const own = path.join(folder, name);
    nodeFs.mkdirSync(own);
    const file = newFile(own);
    const start = performance.now();
    await whileHeld(file, () => call(file));
    expect(nodeFs.existsSync(file), name).toBe(false);
    expect(performance.now() - start, name).toBeGreaterThanOrEqual(heldMs - 20);
  }
});

testOnWindows('rename onto a file that is held waits, too', async () => {
  const folder = temporaryFolder();
  const target = newFile(folder, 'target', 'old');
  const file = newFile(folder, 'file', 'new');
  await whileHeld(target, () => rename(file, target));
  expect(nodeFs.readFileSync(target, 'utf8')).toBe('new');
});

testOnWindows('the deletion of a file of a tree waits, too', async () => {
  const [source, destination] = [temporaryFolder(), temporaryFolder()];
  newFile(source);
  const extra = newFile(destination, 'extra');
  const report = await whileHeld(extra, () => copyTree(source, destination, { delete: true }));
  expect(report).toMatchObject({ deleted: 1, errors: [] });
});

testOnWindows('a file that is held for longer rejects with the system error', async () => {
  const file = newFile(temporaryFolder());
  const start = performance.now();
  const ms = 2 * heldMsMax;
  const error = await whileHeld(file, () => rejection(unlink(file)), ms);
  expect(error).toMatchObject({ code: 'EBUSY', syscall: 'unlink', path: file });
  const took = performance.now() - start;
  expect(took).toBeGreaterThan(heldMsMax / 2);
  expect(nodeFs.readFileSync(file, 'utf8')).toBe('content');
});

testOnWindows('an abort ends the waiting of rm', async () => {
  const file = newFile(temporaryFolder());
  const signal = AbortSignal.timeout(100);
  const error = await whileHeld(file, () => rejection(rm(file, { signal })), 500);
  expect(error).toMatchObject({ name: 'AbortError' });
});

test('a permanent error is reported without a pause', async () => {
  const folder = temporaryFolder();
  const inner = path.join(folder, 'inner');
  nodeFs.mkdirSync(inner);
  const file = newFile(folder);
  const missing = path.join(folder, 'missing');
  const pauses = vi.spyOn(timers, 'setTimeout');
  syncBuiltinESMExports();
  const codes = isWindows ? ['EPERM'] : ['EISDIR', 'EPERM'];
  expect(codes).toContain((await rejection(unlink(inner))).code);
  expect((await rejection(unlink(missing))).code).toBe('ENOENT');
  expect((await rejection(rename(missing, file))).code).toBe('ENOENT');
  expect(await rejection(rename(file, inner))).toHaveProperty('code');
  expect(pauses).not.toHaveBeenCalled();
  pauses.mockRestore();
  syncBuiltinESMExports();
});

testOnWindows('the copy of a file that may not be read fails without waiting', async () => {
  const folder = temporaryFolder();
  newFile(folder);
  const directory = await openDirectory(folder);
  const denied = Object.assign(new Error('denied'), { code: 'EPERM' });
  const copying = vi.spyOn(directory.core, 'operateFrom').mockRejectedValue(denied);
  vi.spyOn(directory, 'openCore').mockRejectedValue(denied);
  const spot = (name: string) => ({ directory, name, path: path.join(folder, name) });
  const copy = { source: spot('file'), destination: spot('copy'), metadata: {}, signal: undefined };
  expect(await rejection(copySmallFile(copy))).toBe(denied);
  expect(copying).toHaveBeenCalledTimes(1);
  vi.restoreAllMocks();
  await directory.close();
});

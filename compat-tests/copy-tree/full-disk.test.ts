import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { copyTree, engine } from '../../lib/index.js';
import { canMakeDisks, Disk } from '../alignment/loop-device.js';
import { randomBytes, testWhere } from '../helpers.js';
import { folderOf, namesIn, whole } from './trees.js';

const test = testWhere(canMakeDisks, 'only root on Linux can make disks', {
  mustRun: process.platform === 'linux',
});
const mebibyte = 1024 * 1024;

let disk: Disk;
beforeEach(() => {
  if (canMakeDisks) disk = new Disk(24 * mebibyte);
});
afterEach(() => disk?.remove());

test('a full disk stops the copy with an error; a later copy completes it', async () => {
  const content: Record<string, Buffer> = {};
  for (let i = 0; i < 400; i++) content[`small/${i}`] = randomBytes(100_000, i);
  content['large.bin'] = randomBytes(2 * mebibyte);
  const source = folderOf(content);
  const to = path.join(disk.folder, 'copy');
  const report = await copyTree(source, to);
  expect(report.stopped).toBe(true);
  expect(report.errors.map(({ error }) => (error as NodeJS.ErrnoException).code)).toContain(
    'ENOSPC',
  );
  // The copy did not continue with each of the other files.
  expect(report.errors.length).toBeLessThan(100);
  expect(engine.stats().inFlight).toBe(0);
  const there = namesIn(to).filter((name) => fs.statSync(path.join(to, name)).isFile());
  expect(there.length).toBe(report.files);
  for (const name of there) {
    expect(fs.readFileSync(path.join(to, name)).equals(content[name] as Buffer), name).toBe(true);
  }
  for (let i = 0; i < 250; i++) fs.rmSync(path.join(source, `small/${i}`));
  for (const name of there)
    if (!fs.existsSync(path.join(source, name))) fs.rmSync(path.join(to, name));
  expect((await copyTree(source, to)).errors).toEqual([]);
  expect(whole(to)).toEqual(whole(source));
});

test('a read-only file system is reported once, not for each file', async () => {
  const to = path.join(disk.folder, 'read-only');
  fs.mkdirSync(to);
  await disk.remount('ro');
  const source = folderOf(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}`, 'x'])));
  const { errors, files, stopped } = await copyTree(source, to);
  await disk.remount('rw');
  expect({ files, stopped }).toEqual({ files: 0, stopped: true });
  expect(errors[0]?.error).toMatchObject({ code: 'EROFS' });
  expect(errors.length).toBeLessThan(40);
  expect((await copyTree(source, to)).errors).toEqual([]);
  expect(whole(to)).toEqual(whole(source));
});

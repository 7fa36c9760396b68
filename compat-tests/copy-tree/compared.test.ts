import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { copyTree, mirror } from '../../lib/index.js';
import { isLinux, isWindows, testWhere } from '../helpers.js';
import { folderOf, namesIn, newPlace, whole } from './trees.js';

const content = { 'a/one': '1', 'a/two': '2', 'b/three': '3', 'b/deep/four': '4' };
const testOnPosix = testWhere(!isWindows, 'Windows has no modes');

test('files that are the same on both sides are counted, and others are not touched', async () => {
  const [source, to] = [folderOf(content), newPlace()];
  await copyTree(source, to);
  fs.writeFileSync(path.join(source, 'a', 'two'), 'longer');
  fs.writeFileSync(path.join(source, 'b', 'deep', 'five'), '5');
  const inode = fs.statSync(path.join(to, 'a', 'one')).ino;
  const report = await copyTree(source, to);
  expect(report).toMatchObject({ errors: [], files: 2, unchanged: 3, skipped: 3, folders: 0 });
  expect(fs.statSync(path.join(to, 'a', 'one')).ino).toBe(inode);
  expect(whole(to)).toEqual(whole(source));
});

test('a filter also decides about files that are the same on both sides', async () => {
  const [source, to] = [folderOf(content), newPlace()];
  await copyTree(source, to);
  const report = await mirror(source, to, {
    exclude: ['a'],
    filter: (from) => !/three/.test(from),
  });
  expect(report).toMatchObject({ errors: [], files: 0, unchanged: 1, deleted: 0 });
  expect(namesIn(to)).toEqual(namesIn(source));
});

testOnPosix('a folder gets its own mode and times though nothing in it has changed', async () => {
  const [source, to] = [folderOf(content), newPlace()];
  await copyTree(source, to);
  fs.chmodSync(path.join(source, 'a'), 0o750);
  fs.utimesSync(path.join(source, 'b', 'deep'), 1_400_000_000, 1_400_000_000);
  fs.utimesSync(path.join(to, 'b'), 1_300_000_000, 1_300_000_000);
  expect(await copyTree(source, to)).toMatchObject({ errors: [], files: 0, unchanged: 4 });
  expect(whole(to)).toEqual(whole(source));
});

testOnPosix('many folders in the way of files are replaced, each with its content', async () => {
  const names = Array.from({ length: 300 }, (_, i) => `entry ${i}`);
  const source = folderOf(Object.fromEntries(names.map((name) => [name, 'a file'])));
  const inTheWay = names.flatMap((name) => [
    [`${name}/below/file`, 'x'],
    [`${name}/other`, 'y'],
  ]);
  const to = folderOf(Object.fromEntries(inTheWay));
  const report = await mirror(source, to);
  expect(report).toMatchObject({ errors: [], files: 300, deleted: 300 * 4 });
  expect(namesIn(to)).toEqual(namesIn(source));
});

testWhere(isLinux, 'touch -h is not everywhere')(
  'times before 1970 of files, folders and links are kept to the nanosecond',
  async () => {
    const source = folderOf(content);
    fs.symlinkSync('nowhere', path.join(source, 'link'));
    for (const name of ['a/one', 'b/deep', 'link', '.']) {
      execFileSync('touch', [
        '-h',
        '-d',
        '1931-05-06 07:08:09.123456789 UTC',
        path.join(source, name),
      ]);
    }
    const to = newPlace();
    for (const files of [4, 0]) {
      expect(await copyTree(source, to)).toMatchObject({ errors: [], files });
      for (const name of ['a/one', 'b/deep', 'link', '.']) {
        const { mtimeNs } = fs.lstatSync(path.join(to, name), { bigint: true });
        expect(mtimeNs, name).toBe(fs.lstatSync(path.join(source, name), { bigint: true }).mtimeNs);
        expect(mtimeNs % 1_000_000_000n).toBe(-876543211n);
      }
    }
  },
);

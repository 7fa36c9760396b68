import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { copyTree, verifyTree } from '../../lib/index.js';
import { folderOf, newPlace } from './trees.js';

/** Creates a folder in which `a`, `b` and `c` are the same file. */
function linked(content: string): string {
  const source = folderOf({ a: content });
  for (const name of ['b', 'c']) fs.linkSync(path.join(source, 'a'), path.join(source, name));
  return source;
}

function inodes(folder: string): Set<number> {
  return new Set(['a', 'b', 'c'].map((name) => fs.statSync(path.join(folder, name)).ino));
}

test('a further name is never linked to an older file that force: false protects', async () => {
  const source = linked('new content');
  const to = folderOf({ a: 'old' });
  const report = await copyTree(source, to, { force: false });
  expect(report).toMatchObject({ skipped: 1, errors: [] });
  const contents = ['a', 'b', 'c'].map((name) => fs.readFileSync(path.join(to, name), 'utf8'));
  expect(contents).toEqual(['old', 'new content', 'new content']);
});

test.each([false, true])('checksum mends all names of a file, dryRun: %s', async (dryRun) => {
  const source = linked('right');
  const to = newPlace();
  await copyTree(source, to);
  expect(inodes(to).size).toBe(1);
  const { atime, mtime } = fs.statSync(path.join(source, 'a'));
  fs.writeFileSync(path.join(to, 'a'), 'wrong');
  for (const folder of [source, to]) fs.utimesSync(path.join(folder, 'a'), atime, mtime);
  const changes: string[] = [];
  const report = await copyTree(source, to, {
    checksum: true,
    dryRun,
    onChange: ({ action, path: name, reason }) => void changes.push(`${action} ${name} ${reason}`),
  });
  expect(report).toMatchObject({ files: 1, hardLinks: 2, unchanged: 0, errors: [] });
  expect(changes.sort()).toEqual(['copy a content', 'hardLink b content', 'hardLink c content']);
  expect(inodes(to).size).toBe(1);
  if (!dryRun) expect((await verifyTree(source, to)).differences).toEqual([]);
});

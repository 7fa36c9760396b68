import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { copyTree, verifyTree } from '../../lib/index.js';
import { symbolicLinks } from '../ecosystem/tree.js';
import { randomBytes, rejection, testWhere } from '../helpers.js';
import { folderOf, newPlace, richTree, whole } from './trees.js';

const testWithLinks = testWhere(symbolicLinks, 'this user may make no symbolic links here');

/** Changes one byte and preserves the times. */
function flip(file: string, position: number): void {
  const { atime, mtime } = fs.statSync(file);
  const fd = fs.openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  fs.readSync(fd, byte, 0, 1, position);
  fs.writeSync(fd, Buffer.from([(byte[0] as number) ^ 1]), 0, 1, position);
  fs.closeSync(fd);
  fs.utimesSync(file, atime, mtime);
}

for (const unbuffered of [false, true]) {
  test(`one byte of any file is found (unbuffered: ${unbuffered})`, async () => {
    const source = folderOf({
      'small.bin': randomBytes(3000),
      'a/large.bin': randomBytes(2_000_001, 2),
      same: 'same',
      empty: '',
    });
    const to = newPlace();
    await copyTree(source, to);
    const good = await verifyTree(source, to, { unbuffered });
    const readFrom = unbuffered ? 'disk' : 'cache';
    const bytes = 3000 + 2_000_001 + 4;
    expect(good).toEqual({ files: 4, bytes, readFrom, differences: [], unfinished: [] });
    flip(path.join(to, 'small.bin'), 2999);
    flip(path.join(to, 'a/large.bin'), 1_234_567);
    expect((await verifyTree(source, to, { unbuffered })).differences).toEqual([
      { path: 'a/large.bin', kind: 'content' },
      { path: 'small.bin', kind: 'content' },
    ]);
  });
}

test('missing, extra, another type and another size are reported in path order', async () => {
  const source = folderOf({ 'a/x': 'x', b: 'b', c: '12', 'd/y': 'y', e: 'e' });
  const to = folderOf({ 'a/x': 'x', 'b/z': 'z', c: '123', e: 'e', f: 'f' });
  const before = [whole(source), whole(to)];
  expect((await verifyTree(source, to)).differences).toEqual([
    { path: 'b', kind: 'type' },
    { path: 'b/z', kind: 'extra' },
    { path: 'c', kind: 'size' },
    { path: 'd', kind: 'missing' },
    { path: 'd/y', kind: 'missing' },
    { path: 'f', kind: 'extra' },
  ]);
  expect([whole(source), whole(to)]).toEqual(before);
});

testWithLinks('a link with another target is reported; the targets are not compared', async () => {
  const [source, to] = [folderOf({}), folderOf({})];
  fs.symlinkSync('nowhere', path.join(source, 'same'));
  fs.symlinkSync('nowhere', path.join(to, 'same'));
  fs.symlinkSync('here', path.join(source, 'other'));
  fs.symlinkSync('there', path.join(to, 'other'));
  expect((await verifyTree(source, to)).differences).toEqual([{ path: 'other', kind: 'link' }]);
});

test('filters apply to both trees', async () => {
  const source = folderOf({ 'a.txt': 'a', 'b.log': '1' });
  const to = folderOf({ 'a.txt': 'a', 'b.log': '22', 'c.log': '3' });
  expect((await verifyTree(source, to, { exclude: ['*.log'] })).differences).toEqual([]);
});

test('progress ends at the total', async () => {
  const source = richTree();
  const to = newPlace();
  await copyTree(source, to);
  let last: unknown;
  const { files, bytes } = await verifyTree(source, to, {
    onProgress: ({ path: _, ...numbers }) => {
      last = numbers;
    },
  });
  const totals = { totalFiles: files, totalBytes: bytes, total: bytes };
  expect(last).toMatchObject({ phase: 'verify', files, bytes, ...totals });
});

test('a missing path, a path that is not a folder, and an abort reject', async () => {
  const source = folderOf({ file: 'x' });
  const file = path.join(source, 'file');
  expect((await rejection(verifyTree(source, newPlace()))).code).toBe('ENOENT');
  expect((await rejection(verifyTree(file, source))).code).toBe('ENOTDIR');
  expect((await rejection(verifyTree(source, file))).code).toBe('ENOTDIR');
  const signal = AbortSignal.abort();
  expect((await rejection(verifyTree(source, source, { signal }))).name).toBe('AbortError');
  const controller = new AbortController();
  const onProgress = () => controller.abort();
  const late = verifyTree(richTree(), richTree(), { signal: controller.signal, onProgress });
  expect((await rejection(late)).name).toBe('AbortError');
});

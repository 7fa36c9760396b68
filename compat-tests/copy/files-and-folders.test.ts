import * as fs from 'node:fs';
import * as path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import {
  type CopyOptions,
  copy,
  type FileCopyReport,
  mirror,
  type TreeChange,
  verify,
} from '../../lib/index.js';
import { folderOf, namesIn, newPlace } from '../copy-tree/trees.js';
import { rejection } from '../helpers.js';

const content = { 'a.txt': 'a', 'sub/b.txt': 'b' };

test('copy() accepts a file or a folder, and its report says which', async () => {
  const source = folderOf(content);
  const [file, folder] = [newPlace(), newPlace()];
  const ofFile = await copy(path.join(source, 'a.txt'), file);
  expect(ofFile).toMatchObject({ kind: 'file', bytes: 1 });
  const ofFolder = await copy(source, folder, { exclude: ['a.txt'] });
  expect(ofFolder).toMatchObject({ kind: 'folder', files: 1, folders: 2, errors: [] });
  expect(namesIn(folder)).toEqual(['sub', 'sub/b.txt']);
});

test('copy() rejects a folder with recursive: false', async () => {
  const source = folderOf(content);
  const to = newPlace();
  expect((await rejection(copy(source, to, { recursive: false }))).code).toBe('EISDIR');
  expect(fs.existsSync(to)).toBe(false);
});

test('force: false leaves an existing file alone, and with errorOnExist it is EEXIST', async () => {
  const folder = folderOf({ from: 'new', to: 'old' });
  const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
  expect(await copy(from, to, { force: false })).toMatchObject({ strategy: 'none', bytes: 0 });
  for (const options of [{ force: false, errorOnExist: true }, { overwrite: false }]) {
    expect(await rejection(copy(from, to, options))).toMatchObject({ code: 'EEXIST', dest: to });
  }
  expect(fs.readFileSync(to, 'utf8')).toBe('old');
  const contradiction = copy(from, to, { force: true, overwrite: false });
  expect((await rejection(contradiction)).code).toBe('ERR_INVALID_ARG_VALUE');
});

test('force: false in a folder skips what exists, without an error', async () => {
  const source = folderOf({ fresh: 'f', other: 'new content' });
  const to = folderOf({ other: 'old' });
  const report = await copy(source, to, { force: false });
  expect(report).toMatchObject({ files: 1, skipped: 1, unchanged: 0, errors: [] });
  expect(fs.readFileSync(path.join(to, 'other'), 'utf8')).toBe('old');
});

test('mirror() deletes what the source lacks, unless delete is false', async () => {
  const source = folderOf(content);
  const to = folderOf({ extra: 'x' });
  expect(await mirror(source, to, { delete: false })).toMatchObject({ deleted: 0 });
  expect(await mirror(source, to)).toMatchObject({ kind: 'folder', deleted: 1 });
  expect(namesIn(to)).toEqual(namesIn(source));
});

test('verify() compares files and folders, and a file never equals a folder', async () => {
  const source = folderOf(content);
  const to = folderOf({ ...content, 'a.txt': 'x' });
  const file = path.join(source, 'a.txt');
  expect(await verify(file, file)).toMatchObject({ kind: 'file', equal: true });
  expect(await verify(source, to)).toMatchObject({
    ...{ kind: 'folder', equal: false, files: 2 },
    differences: [{ path: 'a.txt', kind: 'content' }],
  });
  expect(await verify(file, to)).toEqual({ kind: 'mixed', equal: false });
});

test('onChange reports each change with a reason, and the same ones in a dry run', async () => {
  const source = folderOf({ new: 'n', larger: 'larger', 'sub/in': 'i' });
  const to = folderOf({ larger: 'l', extra: 'x' });
  const changesOf = async (dryRun: boolean): Promise<TreeChange[]> => {
    const changes: TreeChange[] = [];
    await mirror(source, to, {
      dryRun,
      concurrency: 1,
      onChange: (change) => changes.push(change),
    });
    return changes;
  };
  const rehearsed = await changesOf(true);
  expect(rehearsed).toEqual([
    { action: 'folder', path: 'sub', reason: 'new' },
    { action: 'copy', path: 'larger', reason: 'size' },
    { action: 'copy', path: 'new', reason: 'new' },
    { action: 'copy', path: 'sub/in', reason: 'new' },
    { action: 'delete', path: 'extra', reason: 'extra' },
  ]);
  expect(await changesOf(false)).toEqual(rehearsed);
});

test('an update in place that only cuts a file is reported, and an equal file is not', async () => {
  const folder = folderOf({ from: 'content', to: 'content, and more' });
  const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
  for (const count of [1, 0]) {
    const changes: TreeChange[] = [];
    const onChange = (change: TreeChange): void => void changes.push(change);
    await copy(from, to, { update: 'inplace', onChange });
    expect([fs.readFileSync(to, 'utf8'), changes.length]).toEqual(['content', count]);
  }
});

test('a dry run of a file reports the change that the copy makes, and makes none', async () => {
  const folder = folderOf({ from: 'content', to: 'old' });
  const [from, to, other] = ['from', 'to', 'other'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const copyTo = async (destination: string, options: CopyOptions) => {
    const changes: TreeChange[] = [];
    const onChange = (change: TreeChange): void => void changes.push(change);
    const { strategy, bytes } = (await copy(from, destination, {
      ...{ ...options, onChange, recursive: false },
    })) as FileCopyReport;
    return { changes, strategy, bytes };
  };
  const change = { action: 'copy', path: 'to', reason: 'exists' };
  const rehearsed = { changes: [change], strategy: 'none', bytes: 7 };
  expect(await copyTo(to, { dryRun: true })).toEqual(rehearsed);
  expect(await copyTo(other, { dryRun: true })).toMatchObject({
    changes: [{ action: 'copy', path: 'other', reason: 'new' }],
  });
  const kept = { changes: [], strategy: 'none', bytes: 0 };
  for (const dryRun of [true, false]) {
    expect(await copyTo(to, { dryRun, force: false })).toEqual(kept);
  }
  expect(namesIn(folder)).toEqual(['from', 'to']);
  expect(fs.readFileSync(to, 'utf8')).toBe('old');
  expect(await copyTo(to, {})).toMatchObject({ changes: [change], bytes: 7 });
  expect(await copyTo(to, { update: 'inplace' })).toMatchObject({ changes: [] });
});

test('a dry run of a file fails as the copy does', async () => {
  const folder = folderOf({ from: 'content', to: 'old', 'sub/in': 'i' });
  const at = (name: string): string => path.join(folder, name);
  for (const [from, to, options, code] of [
    ['none', 'to', {}, 'ENOENT'],
    ['from', 'none/to', {}, 'ENOENT'],
    ['from', 'sub', {}, 'EISDIR'],
    ['sub', 'new', { recursive: false }, 'EISDIR'],
    ['from', 'from', {}, 'ERR_COPY_SAME_FILE'],
    ['from', 'to', { overwrite: false }, 'EEXIST'],
    ['from', 'new', { manifest: at('none/sums') }, 'ENOENT'],
    ['from', 'new', { resume: true, atomic: false }, 'ERR_INVALID_ARG_VALUE'],
  ] as const) {
    for (const dryRun of [true, false]) {
      const error = await rejection(copy(at(from), at(to), { ...options, dryRun }));
      expect([from, to, error.code]).toEqual([from, to, code]);
    }
  }
  for (const refused of [
    () => copy(Readable.from([Buffer.from('data')]), at('new'), { dryRun: true }),
    () => copy(at('from'), new PassThrough(), { dryRun: true }),
  ]) {
    expect((await rejection(refused())).code).toBe('ERR_INVALID_ARG_VALUE');
  }
  expect(namesIn(folder)).toEqual(['from', 'sub', 'sub/in', 'to']);
});

// Existing entries of a destination that other users may read, with sources that they may not read.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { copy, copyTree } from '../../lib/index.js';
import { isLinux, isWindows, randomBytes, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf } from './trees.js';

const test = testWhere(!isWindows, 'permission bits are POSIX', { mustRun: false });
const isRoot = process.geteuid?.() === 0;
const asRoot = testWhere(isLinux && isRoot, 'only the superuser can act for another user', {
  mustRun: false,
});
const another = 2004;

function modeOf(file: string): number {
  return fs.statSync(file).mode & 0o777;
}

/** A tree whose folders and files only their owner may use. */
function privateTree(): string {
  const source = folderOf({ 'sub/one': 'secret', 'sub/two': 'secret', three: 'secret' });
  for (const name of ['.', 'sub']) fs.chmodSync(path.join(source, name), 0o700);
  return source;
}

test('existing folders lose rights before anything is copied into them', async () => {
  const source = privateTree();
  const to = folderOf({ 'sub/one': 'older', old: '' });
  for (const name of ['.', 'sub']) fs.chmodSync(path.join(to, name), 0o777);
  const seen = new Set<number>();
  await copyTree(source, to, {
    concurrency: 1,
    onProgress: () => {
      for (const name of ['.', 'sub']) seen.add(modeOf(path.join(to, name)));
    },
  });
  expect([...seen]).toEqual([0o700]);
});

test('a folder whose mode is not kept stays as it is', async () => {
  const to = folderOf({ 'sub/one': 'older' });
  fs.chmodSync(path.join(to, 'sub'), 0o755);
  await copyTree(privateTree(), to, { metadata: { times: true } });
  expect(modeOf(path.join(to, 'sub'))).toBe(0o755);
});

test('a folder gets further rights only when it is complete', async () => {
  const source = folderOf({ 'sub/one': 'text', 'sub/two': 'text' });
  fs.chmodSync(path.join(source, 'sub'), 0o750);
  const to = folderOf({ 'sub/one': 'older text' });
  fs.chmodSync(path.join(to, 'sub'), 0o705);
  const seen = new Set<number>();
  await copyTree(source, to, { onProgress: () => seen.add(modeOf(path.join(to, 'sub'))) });
  expect([...seen]).toEqual([0o700]);
  expect(modeOf(path.join(to, 'sub'))).toBe(0o750);
});

asRoot('an existing folder of another user gets its owner before its content', async () => {
  const source = privateTree();
  const to = folderOf({ 'sub/one': 'older' });
  for (const name of ['.', 'sub']) fs.chownSync(path.join(to, name), another, another);
  const seen = new Set<number>();
  await copyTree(source, to, {
    onProgress: () => {
      for (const name of ['.', 'sub']) seen.add(fs.statSync(path.join(to, name)).uid);
    },
  });
  expect([...seen]).toEqual([0]);
});

const large = 3 << 20;

for (const [kind, size] of [
  ['small', 6],
  ['large', large],
] as const) {
  test(`a ${kind} file that others may have open is replaced without atomic`, async () => {
    const source = folderOf({ file: randomBytes(size, 3) });
    fs.chmodSync(path.join(source, 'file'), 0o600);
    const old = 'old content, and the size of another file';
    for (const way of ['tree', 'file'] as const) {
      const to = folderOf({ file: old });
      const [from, copied] = [path.join(source, 'file'), path.join(to, 'file')];
      fs.chmodSync(copied, 0o644);
      const fd = fs.openSync(copied, 'r');
      try {
        if (way === 'tree') await copyTree(source, to, { atomic: false });
        else await copy(from, copied, { atomic: false, metadata: true });
        expect(fs.readFileSync(fd, 'utf8')).toBe(old);
      } finally {
        fs.closeSync(fd);
      }
      expect(modeOf(copied)).toBe(0o600);
      expect(fs.readFileSync(copied).equals(fs.readFileSync(from))).toBe(true);
    }
  });
}

/** Two different large files. @returns their paths */
function filesWithModes(...modes: [number, number]): [string, string] {
  const folder = temporaryFolder();
  const files = modes.map((mode, index) => {
    const file = path.join(folder, String(index));
    fs.writeFileSync(file, randomBytes(large, index));
    fs.chmodSync(file, mode);
    return file;
  });
  return files as [string, string];
}

test('an update in place that keeps the mode takes rights before it writes', async () => {
  const [from, to] = filesWithModes(0o640, 0o604);
  const seen = new Set<number>();
  const onProgress = (): void => void seen.add(modeOf(to));
  await copy(from, to, { update: 'inplace', metadata: true, onProgress });
  expect([...seen]).toEqual([0o600]);
  expect(modeOf(to)).toBe(0o640);
});

asRoot('an existing folder of this process keeps its owner until it is complete', async () => {
  const source = privateTree();
  const to = folderOf({ 'sub/one': 'older' });
  for (const name of ['.', 'sub']) {
    fs.chownSync(path.join(source, name), another, another);
    fs.chmodSync(path.join(source, name), 0o770);
    fs.chmodSync(path.join(to, name), 0o770);
  }
  const seen = new Set<string>();
  await copyTree(source, to, {
    metadata: { owner: true, mode: true },
    onProgress: () => {
      const { uid } = fs.statSync(path.join(to, 'sub'));
      seen.add(`${uid} ${modeOf(path.join(to, 'sub')).toString(8)}`);
    },
  });
  expect([...seen]).toEqual(['0 700']);
  expect(fs.statSync(path.join(to, 'sub'))).toMatchObject({ uid: another, gid: another });
  expect(modeOf(path.join(to, 'sub'))).toBe(0o770);
});

asRoot('an update in place that keeps the owner takes the file from its present one', async () => {
  const [from, to] = filesWithModes(0o440, 0o640);
  fs.chownSync(to, another, another);
  const seen = new Set<string>();
  const onProgress = (): void => {
    seen.add(`${fs.statSync(to).uid} ${modeOf(to).toString(8)}`);
  };
  const metadata = { owner: true, mode: true };
  await copy(from, to, { update: 'inplace', metadata, onProgress });
  expect([...seen]).toEqual(['0 600']);
  expect(fs.statSync(to)).toMatchObject({ uid: 0, gid: fs.statSync(from).gid });
  expect(modeOf(to)).toBe(0o440);
});

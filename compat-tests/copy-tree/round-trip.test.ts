import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { copyTree, type TreeProgress, verifyTree } from '../../lib/index.js';
import { symbolicLinks } from '../ecosystem/tree.js';
import {
  distUrl,
  isLinux,
  isWindows,
  randomBytes,
  resultOfChild,
  sleep,
  temporaryFolder,
  testWhere,
} from '../helpers.js';
import { copyOfSystem, folderOf, largeSize, namesIn, newPlace, richTree, whole } from './trees.js';

const testOnPosix = testWhere(!isWindows, 'Windows has no cp, no FIFO and no owner');
// Other systems restrict names to one encoding.
const testOnLinux = testWhere(isLinux, 'names of any bytes are those of Linux');
const testAsRoot = testWhere(process.geteuid?.() === 0, 'only root can become another user', {
  mustRun: isLinux,
});
const testWithLinks = testWhere(symbolicLinks, 'this user may make no symbolic links here');

test('a copy has everything that its source has, and the report lists it', async () => {
  const source = richTree();
  const to = newPlace('not/there/yet');
  const report = await copyTree(source, to);
  expect(whole(to)).toEqual(whole(source));
  const entries = Object.values(whole(source)) as { type?: string; sameFileAs?: string }[];
  const count = (type: string): number => entries.filter((entry) => entry.type === type).length;
  expect(report).toMatchObject({
    errors: [],
    skipped: 0,
    deleted: 0,
    stopped: false,
    deleteSkipped: false,
    hardLinks: 2,
    files: count('file') - 2,
    folders: count('directory') + 1,
    links: count('link'),
  });
  expect(report.bytes).toBeGreaterThan(largeSize);
  expect(report.durationMs).toBeGreaterThan(0);
  expect((await verifyTree(source, to)).differences).toEqual([]);
});

testOnPosix('a copy is the one that cp -a makes', async () => {
  const source = richTree();
  fs.chmodSync(path.join(source, 'bin', 'tool.sh'), 0o4755);
  fs.chownSync(path.join(source, 'empty'), 1234, 4321);
  fs.chownSync(path.join(source, 'names'), 77, 78);
  fs.lchownSync(path.join(source, 'links', 'to nothing'), 5, 6);
  fs.lutimesSync(path.join(source, 'links', 'to nothing'), 1_234_567_890, 1_234_567_890);
  const to = newPlace();
  expect((await copyTree(source, to)).errors).toEqual([]);
  expect(whole(to)).toEqual(whole(copyOfSystem(source)));
});

testOnLinux('names that are not UTF-8 keep their bytes', async () => {
  const source = folderOf({ plain: 'x' });
  const names = [Buffer.from([0x66, 0xff, 0x6f]), Buffer.from([0x66, 0xfe, 0x6f])];
  const at = (folder: string, ...parts: Buffer[]) =>
    Buffer.concat([Buffer.from(folder), ...parts.flatMap((part) => [Buffer.from('/'), part])]);
  const [one, other] = names as [Buffer, Buffer];
  fs.mkdirSync(at(source, one));
  fs.writeFileSync(at(source, one, other), 'within');
  fs.writeFileSync(at(source, other), 'beside');
  fs.symlinkSync(one, at(source, Buffer.from('link')));
  const to = at(temporaryFolder(), Buffer.from([0x74, 0xff]));
  expect((await copyTree(Buffer.from(source), to)).errors).toEqual([]);
  const inTo = (...parts: Buffer[]) => Buffer.concat([to, at('', ...parts)]);
  expect(fs.readFileSync(inTo(one, other), 'utf8')).toBe('within');
  expect(fs.readFileSync(inTo(other), 'utf8')).toBe('beside');
  expect(fs.readlinkSync(inTo(Buffer.from('link')), 'buffer')).toEqual(one);
  expect((await verifyTree(source, to)).differences).toEqual([]);
});

testOnPosix(
  'an entry without content is an error with its name, and the rest is copied',
  async () => {
    const source = folderOf({ 'a/file': 'x' });
    execFileSync('mkfifo', [path.join(source, 'a', 'fifo')]);
    const to = newPlace();
    const { errors, files } = await copyTree(source, to);
    expect(errors).toMatchObject([
      { path: 'a/fifo', error: { code: 'ERR_UNSUPPORTED_FILE', kind: 'fifo' } },
    ]);
    expect(files).toBe(1);
    expect(namesIn(to)).toEqual(['a', 'a/file']);
  },
);

test('a second copy changes nothing, and a third only what has changed', async () => {
  const source = richTree();
  const to = newPlace();
  const { files } = await copyTree(source, to);
  const again = await copyTree(source, to);
  expect(again).toMatchObject({ files: 0, folders: 0, links: 0, hardLinks: 0, bytes: 0 });
  expect(again.skipped).toBeGreaterThan(files);
  fs.writeFileSync(path.join(source, 'block.bin'), 'new');
  const third = await copyTree(source, to);
  expect(third).toMatchObject({ files: 1, bytes: 3, skipped: again.skipped - 1, errors: [] });
  expect(whole(to)).toEqual(whole(source));
});

testOnPosix('a mode that has changed without the content is kept too', async () => {
  const source = folderOf({ file: 'x' });
  const to = newPlace();
  await copyTree(source, to);
  fs.chmodSync(path.join(source, 'file'), 0o640);
  expect(await copyTree(source, to)).toMatchObject({ files: 0, skipped: 1 });
  expect(whole(to)).toEqual(whole(source));
});

test('hard links are kept, or with hardLinks: false copied as separate files', async () => {
  const source = folderOf({ 'a/one': 'x' });
  fs.linkSync(path.join(source, 'a/one'), path.join(source, 'two'));
  fs.linkSync(path.join(source, 'a/one'), path.join(source, 'three'));
  const [to, apart] = [newPlace(), newPlace()];
  const inode = (folder: string, name: string) =>
    fs.statSync(path.join(folder, name), { bigint: true }).ino;
  expect(await copyTree(source, to)).toMatchObject({ files: 1, hardLinks: 2, errors: [] });
  expect(inode(to, 'two')).toBe(inode(to, 'a/one'));
  expect(inode(to, 'three')).toBe(inode(to, 'a/one'));
  expect(await copyTree(source, apart, { hardLinks: false })).toMatchObject({
    files: 3,
    hardLinks: 0,
  });
  expect(inode(apart, 'two')).not.toBe(inode(apart, 'a/one'));
  // The content changes: all names lead to the new content.
  fs.writeFileSync(path.join(source, 'two'), 'other');
  expect(await copyTree(source, to)).toMatchObject({ files: 1, hardLinks: 2, errors: [] });
  expect(fs.readFileSync(path.join(to, 'three'), 'utf8')).toBe('other');
  expect(inode(to, 'three')).toBe(inode(to, 'a/one'));
  // Several files become one, although each has the right content.
  expect(await copyTree(source, apart)).toMatchObject({ hardLinks: 2, errors: [] });
  expect(inode(apart, 'two')).toBe(inode(apart, 'a/one'));
});

testOnPosix('if one folder cannot be created, the others are copied anyway', async () => {
  const source = folderOf({ 'a/one': 'x', b: 'b' });
  fs.linkSync(path.join(source, 'a/one'), path.join(source, 'two'));
  const to = folderOf({ a: 'in the way' });
  const report = await copyTree(source, to, { overwrite: false });
  expect(report.errors).toMatchObject([{ path: 'a', error: { code: 'EEXIST' } }]);
  expect(report).toMatchObject({ files: 2, hardLinks: 0, folders: 0 });
  expect(fs.readFileSync(path.join(to, 'two'), 'utf8')).toBe('x');
});

testWithLinks('a link in the destination is replaced, not followed', async () => {
  const source = folderOf({ file: 'new', 'folder/in': 'new', 'large.bin': Buffer.alloc(400_000) });
  const outside = folderOf({ file: 'old', large: 'old' });
  const to = folderOf({});
  fs.symlinkSync(path.join(outside, 'file'), path.join(to, 'file'));
  fs.symlinkSync(path.join(outside, 'large'), path.join(to, 'large.bin'));
  fs.symlinkSync(outside, path.join(to, 'folder'), 'dir');
  expect((await copyTree(source, to)).errors).toEqual([]);
  expect(whole(to)).toEqual(whole(source));
  expect(fs.readFileSync(path.join(outside, 'file'), 'utf8')).toBe('old');
  expect(fs.readFileSync(path.join(outside, 'large'), 'utf8')).toBe('old');
  expect(namesIn(outside)).toEqual(['file', 'large']);
});

testWithLinks('a link whose target has changed is recreated', async () => {
  const source = folderOf({ a: 'a', b: 'b' });
  fs.symlinkSync('a', path.join(source, 'link'));
  const to = newPlace();
  await copyTree(source, to);
  fs.unlinkSync(path.join(source, 'link'));
  fs.symlinkSync('b', path.join(source, 'link'));
  expect(await copyTree(source, to)).toMatchObject({ links: 1, files: 0, skipped: 2 });
  expect(fs.readlinkSync(path.join(to, 'link'))).toBe('b');
});

test('progress ends at the total, and no number decreases', async () => {
  const source = richTree();
  const seen: TreeProgress[] = [];
  await copyTree(source, newPlace(), { onProgress: (progress) => seen.push(progress) });
  const last = seen.at(-1) as TreeProgress;
  expect(last.files).toBe(last.totalFiles);
  expect(last.bytes).toBe(last.totalBytes);
  for (const key of ['files', 'bytes'] as const) {
    const numbers = seen.map((progress) => progress[key]);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  }
  expect(seen.some(({ path: name }) => name === 'disk.img')).toBe(true);
});

test('every file can go through copy(): verified, and at a limited rate', async () => {
  const source = folderOf({ a: 'a', 'b/c': Buffer.alloc(100_000, 7) });
  const to = newPlace();
  expect((await copyTree(source, to, { verify: true })).errors).toEqual([]);
  expect(whole(to)).toEqual(whole(source));
  const begun = performance.now();
  const limited = await copyTree(source, newPlace(), { rateLimit: 200_000 });
  expect(limited).toMatchObject({ errors: [], files: 2, bytes: 100_001 });
  expect(performance.now() - begun).toBeGreaterThan(300);
});

test('without metadata only the content is copied', async () => {
  const source = folderOf({ file: 'x' });
  fs.utimesSync(path.join(source, 'file'), 1_000_000_000, 1_000_000_000);
  const to = newPlace();
  expect((await copyTree(source, to, { metadata: false })).errors).toEqual([]);
  expect(fs.statSync(path.join(to, 'file')).mtimeMs).toBeGreaterThan(1.5e12);
  expect(fs.readFileSync(path.join(to, 'file'), 'utf8')).toBe('x');
});

// Runs as a user who may not change owners.
const asOther = `
  const [url, from, to, metadata] = process.argv.slice(2);
  const { copyTree } = await import(url);
  process.setegid(65534);
  process.seteuid(65534);
  const options = metadata === 'true' ? { metadata: true } : {};
  const reports = [await copyTree(from, to, options)];
  // A copy that already had these bits loses them.
  fs.chmodSync(to + '/other', 0o6755);
  reports.push(await copyTree(from, to, options));
  reports[0].metadataRefused.sort((a, b) => (a.path < b.path ? -1 : 1));
  const modes = fs.readdirSync(to).sort().map((name) => fs.statSync(to + '/' + name).mode & 0o7777);
  console.log(JSON.stringify({ modes, reports }));
`;

interface AsOther {
  modes: number[];
  reports: { skipped: number; metadataRefused: unknown[]; errors: unknown[] }[];
}

testAsRoot(
  'no copy runs as a user who does not own it, and refused parts are reported',
  async () => {
    const parent = temporaryFolder();
    fs.chmodSync(parent, 0o777);
    const source = path.join(parent, 'source');
    fs.renameSync(folderOf({ large: randomBytes(300_000), other: 'o', own: 'o' }), source);
    fs.chownSync(path.join(source, 'own'), 65534, 65534);
    for (const name of ['large', 'other', 'own']) fs.chmodSync(path.join(source, name), 0o6755);
    for (const metadata of [false, true]) {
      const to = path.join(parent, `to ${metadata}`);
      const args = [distUrl('index.js'), source, to, String(metadata)];
      const { modes, reports } = await resultOfChild<AsOther>(asOther, { args });
      expect(modes).toEqual([0o755, 0o755, 0o6755]);
      expect(reports).toMatchObject([{ errors: [] }, { errors: [], skipped: 3 }]);
      const refused = ['.', 'large', 'other'].map((name) => ({ path: name, parts: ['owner'] }));
      expect(reports[0]?.metadataRefused).toEqual(metadata ? refused : []);
    }
  },
);

test('one signal serves many files without a warning', async () => {
  const source = folderOf(
    Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`${i}`, randomBytes(600_000, i)])),
  );
  const to = newPlace();
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  try {
    const { signal } = new AbortController();
    await copyTree(source, to, { signal, verify: true });
    await verifyTree(source, to, { signal });
    await sleep(20);
  } finally {
    process.off('warning', note);
  }
  expect(warnings).toEqual([]);
});

const hammering = `
  import fs from 'node:fs';
  import { workerData } from 'node:worker_threads';
  const files = workerData.map((file) => fs.openSync(file, 'r+'));
  for (let i = 0; ; i++) {
    fs.writeSync(files[i % files.length], Buffer.alloc(200_000, i % 250), 0, 200_000, 0);
  }
`;

// With many files, every copy meets a write sooner or later.
test('a small file that is written to meanwhile is an error, and the old copy stays', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `file${i}`);
  const filesOf = (content: string | Buffer): Record<string, string | Buffer> =>
    Object.fromEntries(names.map((name) => [name, content]));
  const source = folderOf(filesOf(Buffer.alloc(200_000)));
  const url = new URL(`data:text/javascript,${encodeURIComponent(hammering)}`);
  const writer = new Worker(url, { workerData: names.map((name) => path.join(source, name)) });
  try {
    const end = Date.now() + 240_000;
    for (;;) {
      const to = folderOf(filesOf('old'));
      const { errors } = await copyTree(source, to, { changed: 'error' });
      if (errors.length === 0 && Date.now() < end) continue;
      expect(errors).not.toEqual([]);
      for (const { path: name, error } of errors) {
        expect(error).toMatchObject({ code: 'ERR_SOURCE_CHANGED' });
        expect(fs.readFileSync(path.join(to, name), 'utf8')).toBe('old');
      }
      expect(namesIn(to).sort()).toEqual([...names].sort());
      break;
    }
  } finally {
    await writer.terminate();
  }
});

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { copyTree } from '../../lib/index.js';
import { symbolicLinks } from '../ecosystem/tree.js';
import { distUrl, resultOfChild, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf, namesIn, newPlace, whole } from './trees.js';

const isRoot = process.geteuid?.() === 0;
const testAsOther = testWhere(isRoot, 'only root can become another user');

const testWithLinks = testWhere(symbolicLinks, 'this user may make no symbolic links here');

const content = {
  'keep/a.txt': 'a',
  'keep/b.log': 'b',
  'logs/old/c.log': 'c',
  'src/d.ts': 'd',
  'src/deep/e.ts': 'e',
  'top.log': 'f',
};

/** The files in a tree, without its folders. */
function filesIn(folder: string): string[] {
  return namesIn(folder).filter((name) => fs.statSync(path.join(folder, name)).isFile());
}

test('exclude skips matches with everything below them; patterns match whole paths', async () => {
  const to = newPlace();
  await copyTree(folderOf(content), to, { exclude: ['*.log', 'logs/', './src/deep'] });
  expect(namesIn(to)).toEqual(['keep', 'keep/a.txt', 'keep/b.log', 'src', 'src/d.ts']);
  const anywhere = newPlace();
  await copyTree(folderOf(content), anywhere, { exclude: ['**/*.log'] });
  expect(filesIn(anywhere)).toEqual(['keep/a.txt', 'src/d.ts', 'src/deep/e.ts']);
});

test('a pattern that ends with a slash matches only folders', async () => {
  const source = folderOf({ 'a/x': 'x', 'b/a': 'file', c: 'file' });
  const [without, only] = [newPlace(), newPlace()];
  await copyTree(source, without, { exclude: ['*/', '**/a/'] });
  expect(namesIn(without)).toEqual(['c']);
  await copyTree(source, only, { include: ['**/a/', 'c/'] });
  expect(namesIn(only)).toEqual(['a', 'a/x']);
});

test('include takes matches with everything below them, and their parent folders', async () => {
  const to = newPlace();
  await copyTree(folderOf(content), to, { include: ['src', '*/*.txt'] });
  const wanted = ['keep', 'keep/a.txt', 'src', 'src/d.ts', 'src/deep', 'src/deep/e.ts'];
  expect(namesIn(to)).toEqual(wanted);
  const both = newPlace();
  await copyTree(folderOf(content), both, { include: ['**/*.{ts,log}'], exclude: ['logs'] });
  expect(filesIn(both)).toEqual(['keep/b.log', 'src/d.ts', 'src/deep/e.ts', 'top.log']);
});

test('patterns that start with ! or # are plain names, and dots are not special', async () => {
  const source = folderOf({ '!a': 'a', '#b': 'b', '.c/.d': 'd', e: 'e' });
  const to = newPlace();
  await copyTree(source, to, { exclude: ['!a', '#b', '*/*'] });
  expect(namesIn(to)).toEqual(['.c', 'e']);
});

test('delete makes the destination equal to the source, and is off by default', async () => {
  const source = folderOf(content);
  const to = folderOf({ extra: 'x', 'keep/more/x': 'x', 'gone/a/b/c': 'x', 'empty/': null });
  expect((await copyTree(source, to)).deleted).toBe(0);
  expect(namesIn(to)).toContain('gone/a/b/c');
  const report = await copyTree(source, to, { delete: true });
  // Deleted: extra, keep/more and its file, gone with two folders and a file, empty.
  expect(report).toMatchObject({ deleted: 8, errors: [], files: 0, deleteSkipped: false });
  expect(whole(to)).toEqual(whole(source));
});

test('delete keeps entries that the filter skips, and their folders', async () => {
  const source = folderOf({ a: 'a' });
  const to = folderOf({ 'b.log': 'b', 'old/c.log': 'c', 'old/d': 'd', 'older/e': 'e' });
  const excluded = await copyTree(source, to, { delete: true, exclude: ['**/*.log'] });
  expect(excluded).toMatchObject({ deleted: 3, errors: [] });
  expect(filesIn(to)).toEqual(['a', 'b.log', 'old/c.log']);
  const included = folderOf({ 'in/x': 'x', 'in/sub/y': 'y', 'out/z': 'z' });
  const report = await copyTree(folderOf({ 'in/a': 'a' }), included, {
    delete: true,
    include: ['in'],
  });
  expect(report).toMatchObject({ deleted: 3, errors: [] });
  expect(filesIn(included)).toEqual(['in/a', 'out/z']);
});

test('a dry run reports what a run would do, and changes nothing', async () => {
  const source = folderOf(content);
  fs.linkSync(path.join(source, 'top.log'), path.join(source, 'again.log'));
  const to = folderOf({ extra: 'x', 'top.log': 'old content' });
  const before = whole(to);
  const rehearsed = await copyTree(source, to, { delete: true, dryRun: true });
  expect(whole(to)).toEqual(before);
  const done = await copyTree(source, to, { delete: true });
  expect({ ...rehearsed, durationMs: 0 }).toEqual({ ...done, durationMs: 0 });
  expect(done).toMatchObject({ files: 6, hardLinks: 1, deleted: 1, bytes: 6, folders: 5 });
});

test('a folder replaces a file; a file does not replace a folder', async () => {
  const source = folderOf({ 'a/in': 'a', b: 'b', c: 'c' });
  const to = folderOf({ a: 'file', 'b/in/deep': 'folder' });
  const seen: string[] = [];
  const rehearsed = await copyTree(source, to, { dryRun: true });
  const report = await copyTree(source, to, { onError: (_, name) => seen.push(name) });
  expect(report).toMatchObject({ files: 2, deleted: 0, stopped: false });
  expect(report.errors).toMatchObject([{ path: 'b', error: { code: 'EISDIR' } }]);
  expect(seen).toEqual(['b']);
  expect({ ...rehearsed, durationMs: 0 }).toEqual({ ...report, durationMs: 0 });
  expect(filesIn(to)).toEqual(['a/in', 'b/in/deep', 'c']);
  // With delete the folder is removed.
  expect(await copyTree(source, to, { delete: true })).toMatchObject({ deleted: 3, errors: [] });
  expect(whole(to)).toEqual(whole(source));
});

test('overwrite: false reports each differing file as an error and copies the rest', async () => {
  const source = folderOf({ same: 's', other: 'new', fresh: 'f' });
  const to = folderOf({ other: 'old content' });
  fs.copyFileSync(path.join(source, 'same'), path.join(to, 'same'));
  const { mtimeMs } = fs.statSync(path.join(source, 'same'));
  fs.utimesSync(path.join(to, 'same'), mtimeMs / 1000, mtimeMs / 1000);
  const report = await copyTree(source, to, { overwrite: false });
  expect(report).toMatchObject({ files: 1, skipped: 1 });
  expect(report.errors).toMatchObject([{ path: 'other', error: { code: 'EEXIST' } }]);
  expect(fs.readFileSync(path.join(to, 'other'), 'utf8')).toBe('old content');
});

// Runs as a user who may not read everything in the source.
const script = `
  const [url, from, to] = process.argv.slice(2);
  const { copyTree } = await import(url);
  process.setegid(65534);
  process.seteuid(65534);
  const report = await copyTree(from, to, { delete: true });
  report.errors = report.errors.map(({ path, error }) => ({ path, code: error.code }));
  console.log(JSON.stringify(report));
`;

testAsOther('each unreadable entry is an error, and its copy stays as it was', async () => {
  const parent = temporaryFolder();
  fs.chmodSync(parent, 0o777);
  const source = path.join(parent, 'source');
  fs.renameSync(folderOf({ 'a/open': 'o', 'a/secret': 's', 'shut/in': 'x', z: 'z' }), source);
  fs.chmodSync(path.join(source, 'a/secret'), 0o600);
  fs.chmodSync(path.join(source, 'shut'), 0o700);
  fs.chmodSync(path.join(source, 'z'), 0o444);
  fs.chmodSync(source, 0o555);
  const to = path.join(parent, 'to');
  fs.mkdirSync(to);
  fs.writeFileSync(path.join(to, 'extra'), 'x');
  fs.mkdirSync(path.join(to, 'shut'));
  fs.writeFileSync(path.join(to, 'shut', 'kept'), 'k');
  for (const folder of [to, path.join(to, 'shut')]) fs.chmodSync(folder, 0o777);
  const args = [distUrl('index.js'), source, to];
  const report = await resultOfChild<Record<string, unknown>>(script, { args });
  expect(report).toMatchObject({ deleted: 1, deleteSkipped: true, files: 2, stopped: false });
  expect(report.errors).toEqual([
    { path: 'shut', code: 'EACCES' },
    { path: 'a/secret', code: 'EACCES' },
  ]);
  // The existing folder belongs to root.
  expect(report.metadataRefused).toEqual([
    { path: 'shut', parts: ['mode', 'times'] },
    { path: '.', parts: ['mode', 'times'] },
  ]);
  expect(filesIn(to)).toEqual(['a/open', 'shut/kept', 'z']);
  expect(fs.statSync(path.join(to, 'z')).mode & 0o777).toBe(0o444);
});

test('if a file cannot be copied, extra files that may be its old name are kept', async () => {
  const content = Buffer.alloc(4 * 1024 * 1024, 1);
  const source = folderOf({
    'new name': content,
    taken: 'a file',
    ok: 'o',
  });
  const to = folderOf({
    'older/old name': content,
    unrelated: 'x',
    'taken/deep/in': 'the only other one',
  });
  const { atime, mtime } = fs.statSync(path.join(source, 'new name'));
  fs.utimesSync(path.join(source, 'new name'), atime, mtime);
  fs.utimesSync(path.join(to, 'older/old name'), atime, mtime);
  const before = whole(path.join(to, 'taken'));
  const report = await copyTree(source, to, {
    delete: true,
    changed: 'error',
    verify: true,
    concurrency: 1,
    // Both change while they are copied.
    onProgress: ({ path: name, bytes }) => {
      if (name === 'ok' || bytes > 0) fs.writeFileSync(path.join(source, 'new name'), 'other');
      fs.writeFileSync(path.join(source, 'taken'), `a file ${bytes}`);
    },
  });
  expect(report).toMatchObject({ deleted: 1, deleteSkipped: true });
  const codes = report.errors.map(({ error }) => (error as NodeJS.ErrnoException).code);
  expect(codes).toEqual(['ERR_SOURCE_CHANGED', 'ERR_SOURCE_CHANGED']);
  expect(whole(path.join(to, 'taken'))).toEqual(before);
  expect(filesIn(to)).toEqual(['ok', 'older/old name', 'taken/deep/in']);
  // Once nothing changes any more, everything is copied.
  expect(await copyTree(source, to, { delete: true })).toMatchObject({ deleted: 5, errors: [] });
  expect(whole(to)).toEqual(whole(source));
});

test('an older name is recognized by a time that the destination has rounded', async () => {
  const source = folderOf({ 'new name': Buffer.alloc(1 << 20, 1) });
  const to = folderOf({ 'old name': Buffer.alloc(1 << 20, 1), unrelated: Buffer.alloc(1 << 10) });
  const from = path.join(source, 'new name');
  fs.utimesSync(from, 1_600_000_001.25, 1_600_000_001.25);
  // FAT keeps times in steps of two seconds.
  fs.utimesSync(path.join(to, 'old name'), 1_600_000_000, 1_600_000_000);
  const report = await copyTree(source, to, {
    delete: true,
    changed: 'error',
    verify: true,
    // The file changes while it is copied.
    onProgress: ({ bytes }) => {
      if (bytes > 0) fs.writeFileSync(from, 'other');
    },
  });
  expect(report).toMatchObject({ deleted: 1, deleteSkipped: true });
  expect(report.errors).toMatchObject([{ error: { code: 'ERR_SOURCE_CHANGED' } }]);
  expect(filesIn(to)).toEqual(['old name']);
});

testAsOther('a read-only destination is replaced or unchanged', async () => {
  const parent = temporaryFolder();
  fs.chmodSync(parent, 0o777);
  const [source, to] = [path.join(parent, 'source'), path.join(parent, 'to')];
  fs.mkdirSync(source);
  fs.writeFileSync(path.join(source, 'file'), Buffer.alloc(3 * 1024 * 1024));
  fs.chmodSync(source, 0o777);
  fs.mkdirSync(to);
  for (const file of [path.join(to, 'file'), path.join(parent, 'other')]) {
    if (fs.existsSync(path.join(to, 'file'))) fs.linkSync(path.join(to, 'file'), file);
    else fs.writeFileSync(file, 'old');
  }
  fs.chmodSync(path.join(to, 'file'), 0o444);
  for (const file of [path.join(source, 'file'), path.join(to, 'file'), to]) {
    fs.chownSync(file, 65534, 65534);
  }
  const run = `
    const [url, from, to, mayFail] = process.argv.slice(2);
    const { copyTree } = await import(url);
    process.setegid(65534);
    process.seteuid(65534);
    const touch = () => fs.utimesSync(from + '/file', Date.now() / 1000, Math.random() * 1e9);
    const onProgress = mayFail ? touch : undefined;
    const { errors } = await copyTree(from, to, { onProgress, changed: 'error' });
    console.log(JSON.stringify(errors.map(({ error }) => error.code)));
  `;
  const args = [distUrl('index.js'), source, to];
  const failed = await resultOfChild(run, { args: [...args, 'fail'] });
  expect(failed).toEqual(['ERR_SOURCE_CHANGED']);
  const other = fs.statSync(path.join(parent, 'other'));
  expect(fs.readFileSync(path.join(to, 'file'), 'utf8')).toBe('old');
  expect(other.mode & 0o777).toBe(0o444);
  expect(await resultOfChild(run, { args })).toEqual([]);
  expect(fs.statSync(path.join(to, 'file')).size).toBe(3 * 1024 * 1024);
  expect(fs.statSync(path.join(parent, 'other'))).toMatchObject({ mode: other.mode, size: 3 });
});

test('a read-only file is replaced, or stays read-only if that fails', async () => {
  const source = folderOf({ large: Buffer.alloc(3 * 1024 * 1024), small: 'new' });
  const to = folderOf({ large: 'old', small: 'old' });
  const files = ['large', 'small'].map((name) => path.join(to, name));
  for (const file of files) fs.chmodSync(file, 0o444);
  const touch = (): void => fs.utimesSync(path.join(source, 'large'), 1, Math.random() * 1e9);
  const options = { onProgress: touch, concurrency: 1, changed: 'error' } as const;
  const { errors } = await copyTree(source, to, options);
  expect(errors).toMatchObject([{ path: 'large', error: { code: 'ERR_SOURCE_CHANGED' } }]);
  expect(files.map((file) => fs.readFileSync(file, 'utf8'))).toEqual(['old', 'new']);
  expect(fs.statSync(files[0] as string).mode & 0o777).toBe(0o444);
  expect(await copyTree(source, to)).toMatchObject({ errors: [], files: 1 });
  expect(whole(to)).toEqual(whole(source));
});

testWithLinks('a large file that cannot be copied leaves a link in its place', async () => {
  const source = folderOf({ file: Buffer.alloc(3 * 1024 * 1024) });
  const to = folderOf({ aim: 'mine' });
  fs.symlinkSync('aim', path.join(to, 'file'));
  const touch = (): void => fs.utimesSync(path.join(source, 'file'), 1, Math.random() * 1e9);
  const { errors } = await copyTree(source, to, { onProgress: touch, changed: 'error' });
  expect(errors).toMatchObject([{ error: { code: 'ERR_SOURCE_CHANGED' } }]);
  expect(fs.readlinkSync(path.join(to, 'file'))).toBe('aim');
  expect(await copyTree(source, to)).toMatchObject({ errors: [] });
  expect(fs.lstatSync(path.join(to, 'file')).size).toBe(3 * 1024 * 1024);
  expect(fs.readFileSync(path.join(to, 'aim'), 'utf8')).toBe('mine');
});

const intoReadOnly = `
  const [url, from, to] = process.argv.slice(2);
  const { copyTree } = await import(url);
  process.setegid(65534);
  process.seteuid(65534);
  const modes = () => ['', '/in'].map((name) => fs.statSync(to + name).mode & 0o777);
  const ending = new AbortController();
  const options = { signal: ending.signal, onProgress: () => ending.abort(), concurrency: 1 };
  const aborted = await copyTree(from, to, options).catch(({ code }) => code);
  const found = [aborted, modes()];
  found.push((await copyTree(from, to, { metadata: false })).errors, modes());
  console.log(JSON.stringify(found));
`;

testAsOther('a folder that could not be written to is so again, whatever the end', async () => {
  const parent = temporaryFolder();
  fs.chmodSync(parent, 0o755);
  const [source, to] = [path.join(parent, 'source'), path.join(parent, 'to')];
  fs.renameSync(folderOf({ 'in/a': 'a', 'in/b': 'b', c: 'c' }), source);
  for (const folder of [to, path.join(to, 'in')]) {
    fs.mkdirSync(folder);
    fs.chownSync(folder, 65534, 65534);
  }
  for (const folder of [path.join(to, 'in'), to]) fs.chmodSync(folder, 0o555);
  const args = [distUrl('index.js'), source, to];
  const found = await resultOfChild<unknown[]>(intoReadOnly, { args });
  expect(found).toEqual(['ABORT_ERR', [0o555, 0o555], [], [0o555, 0o555]]);
  expect(filesIn(to)).toEqual(['c', 'in/a', 'in/b']);
});

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { copyTree, type DeleteRefusedError, mirror, verify, verifyTree } from '../../lib/index.js';
import { canMakeDisks, Disk } from '../alignment/loop-device.js';
import { canMakeFaults, FaultyFolder, faultsNeed } from '../faults/fault-fs.js';
import { isLinux, isWindows, randomBytes, rejection, testWhere, unmount } from '../helpers.js';
import { folderOf, namesIn, newPlace } from './trees.js';

// The behavior of tree copies in unusual situations.

const isRootOfLinux = isLinux && process.geteuid?.() === 0;
const testWithFaults = testWhere(canMakeFaults, faultsNeed, { mustRun: isLinux });
const testWithDisk = testWhere(canMakeDisks, 'disks need root and loop devices', {
  mustRun: isLinux,
});
const testWithMounts = testWhere(isRootOfLinux, 'only root on Linux mounts', { mustRun: isLinux });

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function mount(...words: string[]): void {
  const folder = words.at(-1) as string;
  execFileSync('mount', words);
  ends.push(() => unmount(folder));
}

/** Gives the copy of a file exactly the time of its source. */
function sameTime(from: string, to: string): void {
  execFileSync('touch', ['-r', from, to]);
}

test('an empty source deletes nothing, unless maxDelete allows it', async () => {
  const source = folderOf({});
  const to = folderOf({ 'a/b': 'b', c: 'c' });
  const before = namesIn(to);
  for (const dryRun of [false, true]) {
    const error = (await rejection(mirror(source, to, { dryRun }))) as unknown;
    expect(error).toMatchObject({ code: 'ERR_DELETE_REFUSED', count: 3, path: to });
    expect((error as DeleteRefusedError).message).toMatch(/the source is empty/);
  }
  expect(namesIn(to)).toEqual(before);
  expect(await mirror(source, to, { maxDelete: 3 })).toMatchObject({ deleted: 3, errors: [] });
  expect(namesIn(to)).toEqual([]);
  // Nothing would be deleted.
  expect(await mirror(source, to)).toMatchObject({ deleted: 0, errors: [] });
});

test('the folder of a new ext4 file system does not make a source other than empty', async () => {
  const source = folderOf({ 'lost+found': null });
  const to = folderOf({ 'a/b': 'b', 'lost+found': null });
  const error = await rejection(mirror(source, to));
  expect(error).toMatchObject({ code: 'ERR_DELETE_REFUSED', count: 2 });
  fs.writeFileSync(path.join(source, 'lost+found', 'x'), 'x');
  expect(await mirror(source, to)).toMatchObject({ deleted: 2, files: 1, errors: [] });
});

test('nothing is deleted if maxDelete is exceeded, and the rest is copied', async () => {
  const source = folderOf({ new: 'n' });
  const to = folderOf({ a: 'a', b: 'b' });
  const report = await mirror(source, to, { maxDelete: 1 });
  expect(report).toMatchObject({ files: 1, deleted: 0, deleteSkipped: true });
  expect(report.errors).toMatchObject([{ path: '.', error: { code: 'ERR_DELETE_REFUSED' } }]);
  expect(namesIn(to)).toEqual(['a', 'b', 'new']);
  expect(await mirror(source, to, { maxDelete: 2 })).toMatchObject({ deleted: 2, errors: [] });
});

testWithFaults('an error in one place does not stop deletions elsewhere', async () => {
  const source = folderOf({ file: 'f' });
  fs.symlinkSync('file', path.join(source, 'link'));
  const faulty = new FaultyFolder('symlink=1');
  ends.push(() => faulty.remove());
  fs.writeFileSync(path.join(faulty.root, 'extra'), 'x');
  const report = await mirror(source, faulty.folder);
  expect(report.errors).toMatchObject([{ path: 'link', error: { code: 'EPERM' } }]);
  expect(report).toMatchObject({ deleted: 1, files: 1 });
  expect(namesIn(faulty.root)).toEqual(['file']);
});

test('a destination within the source is rejected unless it is excluded', async () => {
  const source = folderOf({ 'a/f': 'f', 'backup/old': 'o' });
  const to = path.join(source, 'backup', 'today');
  expect((await rejection(mirror(source, to))).code).toBe('EINVAL');
  expect((await rejection(mirror(source, to, { exclude: ['a'] }))).code).toBe('EINVAL');
  expect(await mirror(source, to, { exclude: ['backup'] })).toMatchObject({ files: 1, errors: [] });
  expect(namesIn(to)).toEqual(['a', 'a/f']);
  const filter = (from: string): boolean => from !== path.join(source, 'backup');
  expect(await mirror(source, to, { filter })).toMatchObject({ unchanged: 1, errors: [] });
});

test('filter skips entries of both trees', async () => {
  const source = folderOf({ keep: 'k', 'no/in': 'i', 'sub/no': 'n', 'sub/yes': 'y' });
  const to = folderOf({ 'no/there': 't', gone: 'g' });
  const seen: string[] = [];
  const filter = async (from: string, dest: string): Promise<boolean> => {
    seen.push(path.relative(source, from));
    expect(path.relative(to, dest)).toBe(path.relative(source, from));
    return path.basename(from) !== 'no';
  };
  expect(await mirror(source, to, { filter })).toMatchObject({ files: 2, deleted: 1, errors: [] });
  expect(namesIn(to)).toEqual(['keep', 'no', 'no/there', 'sub', 'sub/yes']);
  expect(new Set(seen).size).toBe(seen.length);
});

testWithMounts('oneFileSystem leaves mounted file systems alone on both sides', async () => {
  const source = folderOf({ 'in/file': 'f', 'at/below': 'hidden', x: 'x' });
  const to = folderOf({ 'at/kept': 'k', 'disk/there': 't', gone: 'g' });
  mount('-t', 'tmpfs', 'none', path.join(source, 'at'));
  fs.writeFileSync(path.join(source, 'at', 'mounted'), 'm');
  mount('-t', 'tmpfs', 'none', path.join(to, 'disk'));
  fs.writeFileSync(path.join(to, 'disk', 'mounted'), 'm');
  const report = await mirror(source, to, { oneFileSystem: true });
  expect(report).toMatchObject({ files: 2, deleted: 1, errors: [] });
  expect(namesIn(to)).toEqual(['at', 'at/kept', 'disk', 'disk/mounted', 'in', 'in/file', 'x']);
});

testWithMounts('oneFileSystem copies nothing into what the destination has mounted', async () => {
  const source = folderOf({ 'disk/sub/below': 'b', 'disk/file': 'f', x: 'x' });
  const to = folderOf({ disk: null });
  mount('-t', 'tmpfs', 'none', path.join(to, 'disk'));
  for (const dryRun of [true, false]) {
    const report = await copyTree(source, to, { oneFileSystem: true, dryRun });
    expect(report).toMatchObject({ files: 1, folders: 0, errors: [] });
  }
  expect(namesIn(to)).toEqual(['disk', 'x']);
});

testWhere(!isWindows, 'Windows has no modes')(
  'small and large files get the same mode when no mode is kept',
  async () => {
    const source = folderOf({ small: 's', large: randomBytes(600_000) });
    const names = ['small', 'large'];
    for (const [mode, metadata] of [
      [0o444, false],
      [0o754, { times: true }],
      [0o550, { owner: true }],
    ] as const) {
      for (const name of names) fs.chmodSync(path.join(source, name), mode);
      const to = newPlace();
      expect(await copyTree(source, to, { metadata })).toMatchObject({ files: 2, errors: [] });
      const modes = names.map((name) => fs.statSync(path.join(to, name)).mode & 0o777);
      expect(modes).toEqual([mode & ~process.umask(), mode & ~process.umask()]);
    }
  },
);

for (const way of ['checksum', 'verify'] as const) {
  test(`${way} repairs a copy with wrong bytes although size and time agree`, async () => {
    const source = folderOf({ small: 'right', large: randomBytes(600_000), good: 'good' });
    const to = newPlace();
    await copyTree(source, to);
    for (const name of ['small', 'large']) {
      const file = path.join(to, name);
      const fd = fs.openSync(file, 'r+');
      fs.writeSync(fd, 'X', 3);
      fs.closeSync(fd);
      const { atime, mtime } = fs.statSync(path.join(source, name));
      fs.utimesSync(path.join(source, name), atime, mtime);
      fs.utimesSync(file, atime, mtime);
    }
    expect(await copyTree(source, to)).toMatchObject({ files: 0 });
    const reasons: string[] = [];
    const onChange = ({ reason }: { reason: string }): void => void reasons.push(reason);
    const rehearsed = await copyTree(source, to, { [way]: true, dryRun: true });
    expect(rehearsed).toMatchObject({ files: 2, unchanged: 1 });
    const report = await copyTree(source, to, { [way]: true, onChange });
    expect(report).toMatchObject({ files: 2, unchanged: 1, errors: [] });
    expect(reasons).toEqual(['content', 'content']);
    expect((await verifyTree(source, to)).differences).toEqual([]);
  });
}

test('verify reports whether it read the cache or the disk', async () => {
  const source = folderOf({ file: randomBytes(300_000) });
  const to = newPlace();
  await copyTree(source, to);
  expect(await verify(source, to)).toMatchObject({ equal: true, readFrom: 'cache' });
  const [one, other] = [path.join(source, 'file'), path.join(to, 'file')];
  expect(await verify(one, other)).toMatchObject({ equal: true, readFrom: 'cache' });
});

testWithDisk(
  'a destination with whole seconds is recognized, and nothing is copied again',
  async () => {
    const disk = new Disk(64 * 1024 * 1024, 'ext4', ['-I', '128']);
    ends.push(() => disk.remove());
    const source = folderOf({ a: randomBytes(1000), b: randomBytes(2000), c: randomBytes(3000) });
    const to = path.join(disk.folder, 'to');
    expect(await copyTree(source, to)).toMatchObject({ files: 3, errors: [] });
    expect(await copyTree(source, to)).toMatchObject({ files: 0, unchanged: 3 });
    // A change that keeps the size is found as soon as the second of its time differs.
    const later = fs.statSync(path.join(source, 'a')).mtimeMs / 1000 + 2;
    fs.utimesSync(path.join(source, 'a'), later, later);
    expect(await copyTree(source, to)).toMatchObject({ files: 1, unchanged: 2 });
  },
);

test('a whole second is a change if the file system has exact times', async () => {
  const source = folderOf({ file: 'new' });
  const to = folderOf({ file: 'old' });
  fs.utimesSync(path.join(source, 'file'), 1_600_000_000.25, 1_600_000_000.25);
  fs.utimesSync(path.join(to, 'file'), 1_600_000_000, 1_600_000_000);
  expect(await copyTree(source, to, { modifyWindow: 1, dryRun: true })).toMatchObject({ files: 0 });
  expect(await copyTree(source, to)).toMatchObject({ files: 1 });
  expect((await rejection(copyTree(source, to, { modifyWindow: -1 }))).code).toBe(
    'ERR_OUT_OF_RANGE',
  );
});

test('a file that grows while it is copied is copied up to its earlier end', async () => {
  const source = folderOf({ log: randomBytes(1_000_000), other: 'o' });
  const to = folderOf({ gone: 'g' });
  const log = path.join(source, 'log');
  const report = await mirror(source, to, {
    strategy: 'engine',
    chunkSize: 65_536,
    onProgress: ({ path: name }) => {
      if (name === 'log') fs.appendFileSync(log, 'another line\n');
    },
  });
  expect(report).toMatchObject({ files: 2, deleted: 1, errors: [], changed: ['log'] });
  const copied = fs.readFileSync(path.join(to, 'log'));
  expect(copied.byteLength).toBeGreaterThanOrEqual(1_000_000);
  expect(copied.equals(fs.readFileSync(log).subarray(0, copied.byteLength))).toBe(true);
  expect(await mirror(source, to)).toMatchObject({ files: 1, unchanged: 1, changed: [] });
});

testWhere(!isWindows, 'Windows has no such sockets')('sockets are left out', async () => {
  const source = folderOf({ file: 'f' });
  const server = net.createServer().listen(path.join(source, 'socket'));
  ends.push(() => void server.close());
  await new Promise((resolve) => server.on('listening', resolve));
  const to = newPlace();
  const report = await mirror(source, to);
  expect(report).toMatchObject({ files: 1, errors: [], leftOut: ['socket'] });
  expect((await verifyTree(source, to)).differences).toEqual([]);
});

testWithMounts('trees with a folder in common by another mount are refused', async () => {
  const source = folderOf({ 'a/in': 'a', b: 'b', copies: null });
  const to = folderOf({ view: null, 'a/in': 'a' });
  const before = [namesIn(source), namesIn(to)];
  const refused = { code: 'EINVAL', syscall: 'copyTree' };
  // A folder of the source in the destination would be emptied.
  mount('--bind', path.join(source, 'a'), path.join(to, 'view'));
  expect(await rejection(mirror(source, to))).toMatchObject(refused);
  expect(fs.readdirSync(path.join(source, 'a'))).toEqual(['in']);
  expect(await copyTree(source, to, { dryRun: true })).toMatchObject({ errors: [] });
  const options = { exclude: ['view'] };
  expect(await mirror(source, to, options)).toMatchObject({ files: 2, deleted: 0, errors: [] });
  // The destination in the source would be copied into itself.
  const elsewhere = folderOf({});
  mount('--bind', path.join(source, 'copies'), elsewhere);
  expect(await rejection(copyTree(source, elsewhere))).toMatchObject(refused);
  const without = { exclude: ['copies'] };
  expect(await copyTree(source, elsewhere, without)).toMatchObject({ files: 2, errors: [] });
  expect(namesIn(path.join(source, 'a'))).toEqual(['in']);
  expect(before[0]).toEqual(namesIn(source).filter((name) => !name.startsWith('copies/')));
});

testWithMounts('a further name on another file system gets a copy of its own', async () => {
  const source = folderOf({ 'a/one': 'content', 'b/x': 'x' });
  fs.linkSync(path.join(source, 'a/one'), path.join(source, 'b/two'));
  const to = folderOf({ b: null });
  mount('-t', 'tmpfs', 'none', path.join(to, 'b'));
  const report = await mirror(source, to);
  expect(report).toMatchObject({ files: 3, hardLinks: 0, errors: [] });
  expect(report.fallbacks).toMatchObject([{ step: 'link', code: 'EXDEV' }]);
  expect(fs.readFileSync(path.join(to, 'b/two'), 'utf8')).toBe('content');
  // Its copy is complete, and stays.
  expect(await mirror(source, to)).toMatchObject({ files: 0, unchanged: 3, errors: [] });
  fs.appendFileSync(path.join(source, 'a/one'), ' and more');
  expect(await mirror(source, to)).toMatchObject({ files: 2, errors: [] });
  expect(fs.readFileSync(path.join(to, 'b/two'), 'utf8')).toBe('content and more');
});

testWithMounts('a small file with another one mounted over its copy is written to', async () => {
  const source = folderOf({ file: 'new content' });
  const to = folderOf({ file: 'old', below: 'below' });
  mount('--bind', path.join(to, 'below'), path.join(to, 'file'));
  const report = await copyTree(source, to);
  expect(report).toMatchObject({ files: 1, errors: [] });
  expect(report.fallbacks).toMatchObject([{ step: 'rename', code: 'EBUSY', path: 'file' }]);
  expect(fs.readFileSync(path.join(to, 'below'), 'utf8')).toBe('new content');
});

testWithFaults('files that report no size are copied whole', async () => {
  const faulty = new FaultyFolder('nosize=1,direct=1');
  ends.push(() => faulty.remove());
  const data = randomBytes(300_000);
  fs.writeFileSync(path.join(faulty.root, 'doc'), data);
  const to = newPlace();
  expect(await copyTree(faulty.folder, to)).toMatchObject({ files: 1, errors: [] });
  expect(fs.readFileSync(path.join(to, 'doc')).equals(data)).toBe(true);
});

testWhere(!isWindows, 'Windows drops dots at the end of names')('a name of dots', async () => {
  const source = folderOf({ '...': 'dots', file: 'f' });
  fs.utimesSync(source, 1_000_000_000, 1_000_000_000);
  const to = newPlace();
  expect(await copyTree(source, to)).toMatchObject({ files: 2, errors: [] });
  expect(fs.statSync(to).mtimeMs).toBe(1_000_000_000_000);
});

const testAsOther = testWhere(isRootOfLinux, 'only root can become another user');

testAsOther('the owner of read-only folders can have them deleted', async () => {
  const source = folderOf({ keep: 'k' });
  const to = folderOf({ 'a/b/c': 'c', keep: 'k' });
  sameTime(path.join(source, 'keep'), path.join(to, 'keep'));
  for (const name of ['', 'a', 'a/b', 'a/b/c', 'keep']) {
    fs.chownSync(path.join(to, name), 65_534, 65_534);
  }
  for (const name of ['a/b', 'a']) fs.chmodSync(path.join(to, name), 0o555);
  fs.chmodSync(path.dirname(to), 0o755);
  fs.chmodSync(path.dirname(source), 0o755);
  const [uid, gid] = [process.geteuid?.() as number, process.getegid?.() as number];
  process.setegid?.(65_534);
  process.seteuid?.(65_534);
  try {
    const report = await mirror(source, to, { metadata: false });
    expect(report).toMatchObject({ deleted: 3, errors: [] });
  } finally {
    process.seteuid?.(uid);
    process.setegid?.(gid);
  }
  expect(namesIn(to)).toEqual(['keep']);
});

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect } from 'vitest';
import { copy, copyTree, mirror } from '../../lib/index.js';
import { isLinux, isWindows, rejection, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf, namesIn, newPlace } from './trees.js';

// FIFOs and devices, access control lists of folders, and the access of overwritten files.

const isRoot = process.geteuid?.() === 0;
const onLinux = testWhere(isLinux, 'only Linux has mknodat() for this');
const asRoot = testWhere(isLinux && isRoot, 'needs root', { mustRun: isLinux });
const onPosix = testWhere(!isWindows, 'Windows has no owners and modes');
const elsewhere = testWhere(!isLinux, 'Linux has devices');

function canMakeDevices(): boolean {
  if (!isLinux || !isRoot) return false;
  try {
    const device = path.join(temporaryFolder(), 'null');
    execFileSync('mknod', [device, 'c', '1', '3'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const withDevices = testWhere(canMakeDevices(), 'needs the right to make devices');

onLinux('a FIFO is copied with `devices`, and is an error without', async () => {
  const from = folderOf({ a: 'a' });
  execFileSync('mkfifo', ['-m', '0640', path.join(from, 'fifo')]);
  fs.utimesSync(path.join(from, 'fifo'), 1000, 1000);
  const to = newPlace();
  const bare = await copyTree(from, to);
  expect(bare.errors).toMatchObject([{ path: 'fifo', error: { code: 'ERR_UNSUPPORTED_FILE' } }]);
  const changes: string[] = [];
  const report = await copyTree(from, to, {
    devices: true,
    onChange: ({ action, path: name, reason }) => changes.push(`${action} ${name} ${reason}`),
  });
  expect(report).toMatchObject({ errors: [], devices: 1, links: 0 });
  expect(changes).toEqual(['device fifo new']);
  const made = fs.lstatSync(path.join(to, 'fifo'));
  expect(made.isFIFO()).toBe(true);
  expect(made.mode & 0o777).toBe(0o640);
  expect(made.mtimeMs).toBe(1_000_000);
  const again = await mirror(from, to, { devices: true });
  expect(again).toMatchObject({ devices: 0, deleted: 0, unchanged: 2, errors: [] });
  expect(namesIn(to)).toEqual(['a', 'fifo']);
});

onLinux('a FIFO replaces another kind of entry, and a dry run makes none', async () => {
  const [from, to] = [folderOf({}), folderOf({ one: 'file', 'two/x': 'in a folder' })];
  for (const name of ['one', 'two']) execFileSync('mkfifo', [path.join(from, name)]);
  const options = { devices: true, delete: true } as const;
  expect(await copyTree(from, to, { ...options, dryRun: true })).toMatchObject({ devices: 2 });
  expect(fs.lstatSync(path.join(to, 'one')).isFile()).toBe(true);
  expect(await copyTree(from, to, options)).toMatchObject({ devices: 2, errors: [] });
  for (const name of ['one', 'two']) expect(fs.lstatSync(path.join(to, name)).isFIFO()).toBe(true);
  expect(namesIn(to)).toEqual(['one', 'two']);
});

withDevices('devices get their number, owner, mode and time', async () => {
  const from = folderOf({});
  execFileSync('mknod', ['-m', '0620', path.join(from, 'null'), 'c', '1', '3']);
  execFileSync('mknod', ['-m', '0600', path.join(from, 'loop'), 'b', '7', '300']);
  fs.chownSync(path.join(from, 'null'), 1234, 5678);
  const to = newPlace();
  expect(await copyTree(from, to, { devices: true })).toMatchObject({ devices: 2, errors: [] });
  for (const name of ['null', 'loop']) {
    const [one, other] = [from, to].map((folder) => fs.lstatSync(path.join(folder, name)));
    const of = ({ mode, rdev, uid, gid, mtimeMs }: fs.Stats) => ({ mode, rdev, uid, gid, mtimeMs });
    expect(of(other as fs.Stats)).toEqual(of(one as fs.Stats));
  }
  fs.rmSync(path.join(from, 'null'));
  execFileSync('mknod', [path.join(from, 'null'), 'c', '1', '5']);
  expect(await mirror(from, to, { devices: true })).toMatchObject({ devices: 1, errors: [] });
  expect(fs.lstatSync(path.join(to, 'null')).rdev).toBe(fs.lstatSync('/dev/zero').rdev);
});

elsewhere('`devices` is an error where there are none', async () => {
  const error = await rejection(copyTree(folderOf({}), newPlace(), { devices: true }));
  expect(error).toMatchObject({ code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' });
});

function hasAcls(): boolean {
  if (!isLinux) return false;
  try {
    const folder = temporaryFolder();
    execFileSync('setfacl', ['-m', 'u:1234:rwx', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('extended attributes of folders', () => {
  const withAcls = testWhere(hasAcls(), 'needs setfacl and a file system with ACLs');
  const listOf = (folder: string): string =>
    execFileSync('getfacl', ['-pn', '.'], { cwd: folder, stdio: 'pipe' }).toString();

  withAcls('the lists that folders give to new entries are kept with `xattrs` only', async () => {
    const from = folderOf({ 'in/file': 'x' });
    const acl = ['-m', 'u:1234:rwx,d:u:1234:r-x', path.join(from, 'in')];
    execFileSync('setfacl', acl);
    const bare = newPlace();
    await copyTree(from, bare);
    expect(listOf(path.join(bare, 'in'))).toMatch(/^user:1234:rwx/m);
    expect(listOf(path.join(bare, 'in'))).not.toContain('default');
    const to = newPlace();
    expect(await copyTree(from, to, { metadata: true })).toMatchObject({
      ...{ errors: [], metadataRefused: [] },
    });
    expect(listOf(path.join(to, 'in'))).toBe(listOf(path.join(from, 'in')));
    // Also for a folder that is there, and when lists are taken away.
    execFileSync('setfacl', ['-b', path.join(from, 'in')]);
    await copyTree(from, to, { metadata: true });
    expect(listOf(path.join(to, 'in'))).toBe(listOf(path.join(from, 'in')));
  });
});

describe('keepAccess', () => {
  onPosix('an overwritten file keeps its mode, and a new one gets that of its source', async () => {
    const from = folderOf({ old: 'new content', fresh: 'x' });
    const to = folderOf({ old: 'o' });
    fs.chmodSync(path.join(from, 'old'), 0o644);
    fs.chmodSync(path.join(from, 'fresh'), 0o604);
    fs.chmodSync(path.join(to, 'old'), 0o4640);
    const report = await copyTree(from, to, { keepAccess: true });
    expect(report).toMatchObject({ errors: [], files: 2 });
    const modeOf = (name: string): number => fs.statSync(path.join(to, name)).mode & 0o7777;
    expect([modeOf('old'), modeOf('fresh')]).toEqual([0o640, 0o604]);
    expect(fs.readFileSync(path.join(to, 'old'), 'utf8')).toBe('new content');
    expect(await copyTree(from, to, { keepAccess: true })).toMatchObject({ unchanged: 2 });
    expect(modeOf('old')).toBe(0o640);
    await copyTree(from, to);
    expect(modeOf('old')).toBe(0o644);
  });

  asRoot('an overwritten file keeps its owner and group', async () => {
    const folder = folderOf({ from: 'content', to: '' });
    const to = path.join(folder, 'to');
    fs.chownSync(to, 1234, 5678);
    fs.chmodSync(to, 0o660);
    for (const options of [{}, { atomic: false }, { metadata: true }]) {
      await copy(path.join(folder, 'from'), to, { ...options, keepAccess: true });
      const { uid, gid, mode } = fs.statSync(to);
      expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 1234, gid: 5678, mode: 0o660 });
      expect(fs.readFileSync(to, 'utf8')).toBe('content');
    }
  });

  onPosix('contradicts parts of the metadata by name', async () => {
    const [from, to] = [folderOf({ a: 'a' }), newPlace()];
    const options = { keepAccess: true, metadata: { mode: true } };
    for (const copying of [copyTree(from, to, options), copy(path.join(from, 'a'), to, options)]) {
      expect(await rejection(copying)).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
  });
});

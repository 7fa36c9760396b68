import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, expect } from 'vitest';
import { copy, copyTree, mirror } from '../../lib/index.js';
import { isLinux, randomBytes, temporaryFolder, testWhere, unmount } from '../helpers.js';
import { folderOf, newPlace } from './trees.js';

// Access control lists of Linux (acl(5)). The group bits in the mode of a file with a list are its
// mask, so a copy with that mode and without the list would be open to the whole group.

function hasAcls(): boolean {
  if (!isLinux) return false;
  try {
    execFileSync('setfacl', ['-m', 'u:1234:rwx', temporaryFolder()], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const isRoot = process.geteuid?.() === 0;
const test = testWhere(hasAcls(), 'needs setfacl and a file system with ACLs');
const testAsRoot = testWhere(hasAcls() && isRoot, 'needs setfacl, and root to mount');

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function setList(file: string, list: string): void {
  execFileSync('setfacl', ['-m', list, file]);
}

function listOf(file: string): string {
  const [folder, name] = [path.dirname(file), path.basename(file)];
  return execFileSync('getfacl', ['-n', name], { cwd: folder, stdio: 'pipe' }).toString();
}

const names = ['small', 'large', 'folder', 'folder/in'];

/** Creates a tree whose entries a user may read, but not the group. */
function treeWithLists(): string {
  const source = folderOf({ small: 's', large: randomBytes(1 << 20), 'folder/in': 'i' });
  for (const name of names) {
    fs.chmodSync(path.join(source, name), name === 'folder' ? 0o700 : 0o600);
    setList(path.join(source, name), 'u:1234:r-x,g::---,m::r-x,o::---');
    expect(fs.statSync(path.join(source, name)).mode & 0o070).toBe(0o050);
  }
  return source;
}

test('a list is kept with the mode, so that the group gets no rights', async () => {
  const source = treeWithLists();
  for (const options of [{}, { metadata: { mode: true, times: true } }, { metadata: true }]) {
    const to = newPlace();
    const report = await copyTree(source, to, options);
    expect(report).toMatchObject({ files: 3, errors: [], metadataRefused: [] });
    for (const name of names) {
      expect(listOf(path.join(to, name)), name).toBe(listOf(path.join(source, name)));
    }
    expect(await copyTree(source, to, options)).toMatchObject({ files: 0, errors: [] });
  }
  const to = newPlace();
  await copy(path.join(source, 'small'), to, { metadata: { mode: true } });
  expect(listOf(to).split('\n').slice(1)).toEqual(
    listOf(path.join(source, 'small')).split('\n').slice(1),
  );
});

test('an existing entry gets the list with its new mode', async () => {
  const source = folderOf({ file: 'f', 'folder/in': 'i' });
  const to = newPlace();
  await copyTree(source, to);
  for (const name of ['file', 'folder']) {
    fs.chmodSync(path.join(source, name), 0o700);
    setList(path.join(source, name), 'u:1234:r-x,g::---,m::r-x,o::---');
  }
  expect(await mirror(source, to)).toMatchObject({ files: 0, errors: [], metadataRefused: [] });
  for (const name of ['file', 'folder']) {
    expect(listOf(path.join(to, name)), name).toBe(listOf(path.join(source, name)));
  }
  for (const name of ['file', 'folder']) {
    execFileSync('setfacl', ['-b', path.join(source, name)]);
    fs.chmodSync(path.join(source, name), 0o740);
  }
  await mirror(source, to);
  for (const name of ['file', 'folder']) {
    expect(listOf(path.join(to, name)), name).toBe(listOf(path.join(source, name)));
  }
});

test('a copy does not keep a list that it has inherited from its folder', async () => {
  const source = folderOf({ small: 's', large: randomBytes(1 << 20), 'folder/in': 'i' });
  for (const name of names) {
    fs.chmodSync(path.join(source, name), name === 'folder' ? 0o750 : 0o640);
  }
  const parent = temporaryFolder();
  setList(parent, 'd:u:1234:rwx');
  const to = path.join(parent, 'to');
  expect(await copyTree(source, to)).toMatchObject({ files: 3, errors: [], metadataRefused: [] });
  for (const name of names) {
    expect(fs.statSync(path.join(to, name)).mode).toBe(fs.statSync(path.join(source, name)).mode);
    expect(listOf(path.join(to, name)), name).not.toMatch(/^user:1234/m);
  }
});

test('an overwritten file keeps its list with keepAccess', async () => {
  const [source, to] = [folderOf({ file: 'new content' }), folderOf({ file: 'old' })];
  fs.chmodSync(path.join(to, 'file'), 0o600);
  setList(path.join(to, 'file'), 'u:1234:rw-,g::---,m::rw-');
  const before = listOf(path.join(to, 'file'));
  const options = { keepAccess: true };
  expect(await copyTree(source, to, options)).toMatchObject({ files: 1, metadataRefused: [] });
  expect(fs.readFileSync(path.join(to, 'file'), 'utf8')).toBe('new content');
  expect(listOf(path.join(to, 'file'))).toBe(before);
});

testAsRoot('where lists are refused, the mode grants nobody more than the list', async () => {
  const source = treeWithLists();
  fs.chownSync(path.join(source, 'small'), 1001, 1001);
  // This user may read nothing, though all others may.
  setList(path.join(source, 'large'), 'u:1234:---,g::r--,m::r--,o::r--');
  const to = newPlace();
  fs.mkdirSync(to);
  // ramfs has modes, but neither lists nor extended attributes.
  execFileSync('mount', ['-t', 'ramfs', 'none', to]);
  ends.push(() => unmount(to));
  for (let round = 0; round < 2; round++) {
    const report = await copyTree(source, to);
    expect(report).toMatchObject({ errors: [], files: round === 0 ? 3 : 0 });
    const refused = report.metadataRefused.sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(refused).toEqual([...names].sort().map((name) => ({ path: name, parts: ['mode'] })));
    for (const name of names) {
      expect(fs.statSync(path.join(to, name)).mode & 0o077, name).toBe(0);
    }
  }
});

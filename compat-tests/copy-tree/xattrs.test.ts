import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { engine, mirror } from '../../lib/index.js';
import {
  distUrl,
  isLinux,
  randomBytes,
  resultOfChild,
  temporaryFolder,
  testWhere,
} from '../helpers.js';
import { folderOf, newPlace } from './trees.js';

// Extended attributes of files whose content has been copied before: a change of them does not
// change the time of a file.

function setAttribute(file: string, name: string, value: string): void {
  execFileSync('setfattr', ['-h', '-n', name, '-v', value, file], { stdio: 'pipe' });
}

function attributesOf(file: string): string[] {
  const args = ['-d', '-m', '-', '--absolute-names', path.basename(file)];
  const output = execFileSync('getfattr', args, { cwd: path.dirname(file), stdio: 'pipe' });
  return output.toString().split('\n').slice(1).filter(Boolean).sort();
}

function hasAttributes(): boolean {
  if (!isLinux) return false;
  try {
    setAttribute(temporaryFolder(), 'user.test', 'x');
    return true;
  } catch {
    return false;
  }
}

const test = testWhere(hasAttributes(), 'needs setfattr and a file system with attributes');
const isRoot = process.geteuid?.() === 0;
const testAsRoot = testWhere(hasAttributes() && isRoot, 'needs setfattr, and root');

test('attributes of unchanged files are kept, and removed if the source lacks them', async () => {
  const source = folderOf({ file: 'f', other: 'o', 'folder/in': 'i' });
  const to = newPlace();
  for (const name of ['file', 'folder', 'other']) {
    setAttribute(path.join(source, name), 'user.old', name);
  }
  await mirror(source, to, { metadata: true });
  for (const name of ['file', 'folder']) {
    setAttribute(path.join(source, name), 'user.new', name);
    execFileSync('setfattr', ['-x', 'user.old', path.join(source, name)]);
  }
  const changedBefore = fs.statSync(path.join(to, 'other')).ctimeMs;
  const changes: string[] = [];
  const report = await mirror(source, to, {
    metadata: true,
    onChange: ({ action, path: name }) => changes.push(`${action} ${name}`),
  });
  expect(report).toMatchObject({ files: 0, unchanged: 3, errors: [], metadataRefused: [] });
  expect(changes).toEqual(['metadata file']);
  for (const name of ['file', 'folder', 'other']) {
    const wanted = attributesOf(path.join(source, name));
    expect(wanted).toHaveLength(1);
    expect(attributesOf(path.join(to, name)), name).toEqual(wanted);
  }
  expect(fs.statSync(path.join(to, 'other')).ctimeMs).toBe(changedBefore);
});

test('without `xattrs` they stay as they are', async () => {
  const source = folderOf({ file: 'f' });
  const to = newPlace();
  await mirror(source, to);
  setAttribute(path.join(source, 'file'), 'user.new', 'n');
  setAttribute(path.join(to, 'file'), 'user.own', 'o');
  expect(await mirror(source, to)).toMatchObject({ files: 0, unchanged: 1, errors: [] });
  expect(attributesOf(path.join(to, 'file'))).toEqual(['user.own="o"']);
});

testAsRoot('a file with other capabilities is copied again', async () => {
  const source = folderOf({ tool: 'right', kept: 'right' });
  const to = newPlace();
  await mirror(source, to, { metadata: true });
  const capability = '0x0100000200040000000000000000000000000000';
  setAttribute(path.join(source, 'tool'), 'security.capability', capability);
  // Content that somebody has put there with the same time gets no capabilities.
  const { atime, mtime } = fs.statSync(path.join(source, 'tool'));
  fs.writeFileSync(path.join(to, 'tool'), 'wrong');
  for (const folder of [source, to]) fs.utimesSync(path.join(folder, 'tool'), atime, mtime);
  expect(await mirror(source, to, { metadata: true })).toMatchObject({ files: 1, errors: [] });
  expect(fs.readFileSync(path.join(to, 'tool'), 'utf8')).toBe('right');
  const wanted = attributesOf(path.join(source, 'tool'));
  expect(wanted).toHaveLength(1);
  expect(attributesOf(path.join(to, 'tool'))).toEqual(wanted);
  expect(await mirror(source, to, { metadata: true })).toMatchObject({ files: 0, errors: [] });
});

/** The attributes of all entries of a folder, in the order of their names. */
function allAttributes(folder: string): string[][] {
  const args = ['-R', '-d', '-m', '-', '.'];
  const output = execFileSync('getfattr', args, { cwd: folder, stdio: 'pipe' }).toString();
  const entries = output.split('\n\n').map((entry) => entry.split('\n').sort());
  return entries.sort(([one = ''], [other = '']) => (one < other ? -1 : 1));
}

test('attributes of many small files take few operations, also if nothing changes', async () => {
  const names = Array.from({ length: 300 }, (_, index) => `f${index}`);
  const source = folderOf(Object.fromEntries(names.map((name) => [name, name])));
  const cwd = { cwd: source };
  execFileSync('setfattr', ['-n', 'user.a', '-v', 'one', ...names.slice(0, 200)], cwd);
  execFileSync('setfattr', ['-n', 'user.b', '-v', 'x'.repeat(300), ...names.slice(100)], cwd);
  const to = newPlace();
  const options = { metadata: true };
  const { submitted } = engine.stats();
  const report = await mirror(source, to, options);
  expect(report).toMatchObject({ files: 300, errors: [], metadataRefused: [] });
  const submittedByCopy = engine.stats().submitted;
  expect(submittedByCopy - submitted).toBeLessThan(300);
  expect(allAttributes(to)).toEqual(allAttributes(source));
  expect(await mirror(source, to, options)).toMatchObject({ unchanged: 300, errors: [] });
  expect(engine.stats().submitted - submittedByCopy).toBeLessThan(300);
  execFileSync('setfattr', ['-n', 'user.a', '-v', 'two', ...names.slice(150, 160)], cwd);
  execFileSync('setfattr', ['-x', 'user.a', path.join(to, 'f7')]);
  execFileSync('setfattr', ['-n', 'user.extra', '-v', '', path.join(to, 'f299')]);
  const changes: string[] = [];
  await mirror(source, to, { ...options, onChange: ({ path: name }) => changes.push(name) });
  expect(changes.sort()).toEqual(['f7', ...names.slice(150, 160), 'f299'].sort());
  expect(allAttributes(to)).toEqual(allAttributes(source));
});

test('the copy of a small file is no access to its source', async () => {
  const source = folderOf({ file: 'f', other: 'o' });
  for (const name of ['file', 'other']) {
    fs.utimesSync(path.join(source, name), 1_000_000_000, 1_100_000_000);
  }
  const to = newPlace();
  await mirror(source, to);
  for (const folder of [source, to]) {
    expect(fs.statSync(path.join(folder, 'file')).atimeMs).toBe(1_000_000_000_000);
  }
});

// Runs without the right of root to write to every file.
const asOwner = `
  const [url, from, to] = process.argv.slice(2);
  const { copy, mirror } = await import(url);
  const options = { metadata: { times: true, mode: true, xattrs: true } };
  const { errors } = await mirror(from, to, options);
  const single = to + '/single';
  const { metadataRefused } = await copy(from + '/small', single, { metadata: true });
  console.log(JSON.stringify([errors.map(({ error }) => error.message), metadataRefused]));
`;

test('read-only files and folders get attributes, also when they are unchanged', async () => {
  const source = folderOf({ small: 's', large: randomBytes(1 << 20), 'folder/in': 'i' });
  const to = newPlace();
  const right = '-dac_override';
  const launcher = isRoot ? ['setpriv', '--bounding-set', right, '--inh-caps', right] : [];
  const args = [distUrl('index.js'), source, to];
  const names = ['small', 'large', 'folder', 'folder/in'];
  const setAll = (value: string): void => {
    for (const name of names) {
      const file = path.join(source, name);
      const { mode } = fs.statSync(file);
      fs.chmodSync(file, 0o755);
      setAttribute(file, 'user.name', value);
      fs.chmodSync(file, mode & 0o555);
    }
  };
  for (const value of ['one', 'two']) {
    setAll(value);
    expect(await resultOfChild(asOwner, { launcher, args })).toEqual([[], []]);
    for (const name of names) {
      expect(attributesOf(path.join(to, name))).toEqual([`user.name="${value}"`]);
      expect(fs.statSync(path.join(to, name)).mode, name).toBe(
        fs.statSync(path.join(source, name)).mode,
      );
    }
    expect(attributesOf(path.join(to, 'single'))).toEqual([`user.name="${value}"`]);
  }
});

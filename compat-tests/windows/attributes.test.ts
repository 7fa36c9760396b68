// Attributes set at creation, read and changed later; size on disk.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import {
  allocatedSize,
  copyTree,
  type FileAttributes,
  getAttributes,
  open,
  type SettableAttributes,
  setAttributes,
} from '../../lib/index.js';
import {
  fileWith,
  isLinux,
  isWindows,
  rejection,
  settled,
  temporaryFolder,
  testWhere,
} from '../helpers.js';

const testOnWindows = testWhere(isWindows, 'only Windows has these attributes');
const testOnLinux = testWhere(isLinux, 'the counterpart on Linux');

function namesOf(attributes: FileAttributes): string[] {
  const entries = Object.entries(attributes);
  // Windows sets 'archive' on files that are written.
  return entries.filter(([name, set]) => set && name !== 'archive').map(([name]) => name);
}

/** The output of `attrib`, which calls GetFileAttributes. */
function attrib(file: string): string {
  const { stdout } = spawnSync('attrib', [file], { encoding: 'utf8' });
  return stdout.slice(0, stdout.indexOf(':\\') - 1).replaceAll(' ', '');
}

const creation: [given: SettableAttributes, shown: string[]][] = [
  [{}, isWindows ? [] : ['normal']],
  [{ normal: true }, isWindows ? [] : ['normal']],
  [{ readOnly: true }, ['readOnly']],
  [{ readOnly: false }, isWindows ? [] : ['normal']],
];

for (const [attributes, shown] of creation) {
  test(`created with ${JSON.stringify(attributes)}, read by path and by handle`, async () => {
    const file = path.join(temporaryFolder(), 'new');
    const handle = await open(file, 'wx+', { windows: { attributes } });
    await handle.writeFile('content');
    expect(namesOf(await handle.getAttributes())).toEqual(shown);
    expect(namesOf(await getAttributes(file))).toEqual(shown);
    await handle.close();
    const isReadOnly = (fs.statSync(file).mode & 0o222) === 0;
    expect(isReadOnly).toBe(shown.includes('readOnly'));
    await setAttributes(file, { readOnly: false });
  });
}

// Wine sets it on every file.
function canLoseArchive(): boolean {
  if (!isWindows) return false;
  const file = fileWith('content');
  spawnSync('attrib', ['-A', file]);
  return !attrib(file).includes('A');
}

const windowsAttributes: [name: keyof SettableAttributes, letter: string][] = [
  ['hidden', 'H'],
  ['system', 'S'],
  ['readOnly', 'R'],
  ['archive', 'A'],
];

for (const [name, letter] of windowsAttributes) {
  const isKept = name !== 'archive' || canLoseArchive();
  const reason = isWindows ? 'this system keeps no such attribute' : 'only Windows has it';
  testWhere(isWindows && isKept, reason)(
    `${name} set at creation is reported by GetFileAttributes`,
    async () => {
      const file = path.join(temporaryFolder(), 'new');
      const handle = await open(file, 'wx', { windows: { attributes: { [name]: true } } });
      await handle.close();
      expect((await getAttributes(file))[name]).toBe(true);
      expect(attrib(file)).toContain(letter);
      await setAttributes(file, { [name]: false });
      expect((await getAttributes(file))[name]).toBe(false);
      expect(attrib(file)).not.toContain(letter);
    },
  );
}

testOnWindows('all that can be set are taken together, at creation and later', async () => {
  const file = path.join(temporaryFolder(), 'new');
  const attributes = { hidden: true, system: true, temporary: true };
  const more = { offline: true, notContentIndexed: true };
  const handle = await open(file, 'wx', { windows: { attributes: { ...attributes, ...more } } });
  expect(await handle.getAttributes()).toMatchObject({ hidden: true, system: true });
  await handle.setAttributes({ hidden: false, readOnly: true });
  expect(await handle.getAttributes()).toMatchObject({
    hidden: false,
    system: true,
    readOnly: true,
  });
  await handle.close();
  await setAttributes(file, { normal: true });
  expect(namesOf(await getAttributes(file)).filter((name) => name !== 'normal')).toEqual([]);
});

testOnWindows('encrypted is changed by path only', async () => {
  const handle = await open(fileWith('content'), 'r+');
  const error = await rejection(handle.setAttributes({ encrypted: true }));
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  await handle.close();
});

testOnWindows('encrypted by path leaves the content as it is, or is an error', async () => {
  const file = fileWith('content');
  for (const encrypted of [true, false]) {
    const { error } = await settled(setAttributes(file, { encrypted }));
    if (error) expect(error).toMatchObject({ syscall: 'setattributes', path: file });
    else if ((await getAttributes(file)).encrypted) expect(encrypted).toBe(true);
    expect(fs.readFileSync(file, 'utf8')).toBe('content');
  }
});

test('a change leaves other attributes and the times unchanged', async () => {
  const file = fileWith('content');
  const time = new Date(2001, 1, 1);
  fs.utimesSync(file, time, time);
  const handle = await open(file, 'r');
  await handle.setAttributes({ readOnly: true });
  expect((await getAttributes(file)).readOnly).toBe(true);
  await handle.setAttributes({ readOnly: false });
  expect((await getAttributes(file)).readOnly).toBe(false);
  expect(fs.statSync(file).mtime).toEqual(time);
  await handle.close();
});

test('the attributes of a folder, by path and by handle', async () => {
  const folder = temporaryFolder();
  expect((await getAttributes(folder)).directory).toBe(true);
  const handle = await open(folder);
  expect((await handle.getAttributes()).directory).toBe(true);
  await handle.close();
});

testOnLinux('attributes of a link, or of its target', async () => {
  const file = fileWith('content');
  fs.symlinkSync(file, `${file}.link`);
  expect((await getAttributes(`${file}.link`)).reparsePoint).toBe(false);
  const ofLink = await getAttributes(`${file}.link`, { followLinks: false });
  expect(ofLink.reparsePoint).toBe(true);
});

test('allocatedSize: the space on disk, by path and by handle', async () => {
  const file = fileWith(Buffer.alloc(200_000, 1));
  const handle = await open(file, 'r+');
  await handle.sync();
  const size = await handle.allocatedSize();
  expect(size).toBeGreaterThanOrEqual(200_000);
  expect(size).toBeLessThan(2 * 200_000);
  expect(await allocatedSize(file)).toBe(size);
  expect((await handle.stat()).blocks * 512).toBe(size);
  await handle.close();
});

testOnLinux('allocatedSize of a file with a hole is less than its size', async () => {
  const handle = await open(fileWith(''), 'r+');
  await handle.truncate(10_000_000);
  expect(await handle.allocatedSize()).toBeLessThan(100_000);
  expect((await handle.getAttributes()).sparse).toBe(true);
  await handle.close();
});

test('all four times, file id and link count are in stat()', async () => {
  const file = fileWith('content');
  fs.linkSync(file, `${file}.second`);
  const handle = await open(file);
  const [status, second] = [await handle.stat({ bigint: true }), fs.statSync(`${file}.second`)];
  for (const name of ['atimeNs', 'mtimeNs', 'ctimeNs', 'birthtimeNs'] as const) {
    expect(status[name]).toBeGreaterThan(10n ** 18n);
  }
  expect(Number(status.nlink)).toBe(2);
  expect(Number(status.ino)).toBe(second.ino);
  await handle.close();
});

test('a missing file: ENOENT with the path', async () => {
  const missing = path.join(temporaryFolder(), 'missing');
  for (const call of [
    () => getAttributes(missing),
    () => setAttributes(missing, { readOnly: true }),
    () => allocatedSize(missing),
  ]) {
    expect(await rejection(call())).toMatchObject({ code: 'ENOENT', path: missing });
  }
});

testOnLinux('attributes that the system lacks are refused', async () => {
  const error = await rejection(setAttributes(fileWith(''), { hidden: true }));
  expect(error).toMatchObject({ code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' });
});

test('invalid arguments', async () => {
  const file = fileWith('');
  const set = setAttributes as (...args: unknown[]) => Promise<void>;
  for (const [args, code] of [
    [[file], 'ERR_INVALID_ARG_TYPE'],
    [[file, 5], 'ERR_INVALID_ARG_TYPE'],
    [[file, { readOnly: 'yes' }], 'ERR_INVALID_ARG_TYPE'],
    [[file, { sparse: true }], 'ERR_INVALID_ARG_VALUE'],
    [[file, {}, { followLinks: 1 }], 'ERR_INVALID_ARG_TYPE'],
    [[5, {}], 'ERR_INVALID_ARG_TYPE'],
  ] as const) {
    expect(await rejection(set(...args))).toMatchObject({ code });
  }
});

// CI runs newer versions of Node in Wine 10, which does not hide files by their handles.
const isOldNode = Number.parseInt(process.versions.node, 10) < 22;
const testOfHiding = testWhere(isWindows && isOldNode, 'Wine 10 hides files by their paths alone');

testOfHiding('the attributes of a tree come along, also those of folders', async () => {
  const [source, copied] = [temporaryFolder(), path.join(temporaryFolder(), 'copy')];
  const names = ['folder', path.join('folder', 'file')];
  fs.mkdirSync(path.join(source, 'folder'));
  fs.writeFileSync(path.join(source, 'folder', 'file'), 'content');
  for (const name of names) await setAttributes(path.join(source, name), { hidden: true });
  expect((await copyTree(source, copied)).errors).toEqual([]);
  for (const name of names) {
    expect(await getAttributes(path.join(copied, name))).toMatchObject({ hidden: true });
  }
});

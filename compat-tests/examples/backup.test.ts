import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { verify } from '../../lib/index.js';
import { folderOf, newPlace, richTree, whole } from '../copy-tree/trees.js';
import { describeTree } from '../ecosystem/tree.js';
import { isWindows, packageFolder } from '../helpers.js';
import { runExample } from './run-example.js';

const run = (...args: string[]) => runExample('backup', ...args);

async function snapshotsIn(store: string): Promise<string[]> {
  return fs
    .readdirSync(path.join(store, 'snapshots'))
    .map((name) => name.replace(/\.json$/, ''))
    .sort();
}

/** The properties that a restored folder shares with the saved one: hard links are not kept. */
function comparable(folder: string): unknown {
  const tree = Object.entries(describeTree(folder));
  return tree.map(([name, { sameFileAs: _, ...entry }]) => [name, entry]);
}

function objectsIn(store: string): string[] {
  const names = Object.entries(describeTree(path.join(store, 'objects')));
  return names.flatMap(([name, { type }]) => (type === 'file' ? name : []));
}

test('the example has fewer than 150 lines', () => {
  const text = fs.readFileSync(path.join(packageFolder, 'examples', 'backup.mjs'), 'utf8');
  expect(text.trimEnd().split('\n').length).toBeLessThan(150);
});

test('a backup is restored, and a second run reads only changed files', async () => {
  const source = richTree();
  if (!isWindows) fs.chmodSync(path.join(source, 'bin'), 0o755);
  const store = newPlace('store');
  const first = await run('backup', source, store);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const saved = comparable(source);
  const objects = objectsIn(store);
  expect(fs.readdirSync(path.join(store, 'temporary'))).toEqual([]);

  fs.writeFileSync(path.join(source, 'empty'), 'no longer');
  fs.rmSync(path.join(source, 'block.bin'));
  // A killed run leaves such a file.
  fs.writeFileSync(path.join(store, 'temporary', `.overlapped-${'0'.repeat(32)}.tmp`), '');
  const second = await run('backup', source, store);
  // One file with two names.
  expect(second.stdout).toContain('read: 2');
  expect(objectsIn(store).length).toBe(objects.length + 1);
  expect(fs.readdirSync(path.join(store, 'temporary'))).toEqual([]);

  const [one, two] = (await snapshotsIn(store)) as [string, string];
  expect((await run('list', store)).stdout).toContain(two);
  for (const [snapshot, expected] of [
    [one, saved],
    [two, comparable(source)],
  ] as const) {
    const to = newPlace();
    expect(await run('restore', store, snapshot, to)).toMatchObject({ code: 0, stderr: '' });
    expect(comparable(to)).toEqual(expected);
    const manifest = path.join(store, 'manifests', `${snapshot}.sha256`);
    expect(await verify(to, { manifest })).toMatchObject({ equal: true });
    const restored = whole(to) as Record<string, { type?: string; time?: number }>;
    const large = restored['disk.img'];
    expect(large?.time).toBe(1_500_000_000_125);
  }
});

test('a damaged or missing object is an error and produces no file', async () => {
  const source = folderOf({ file: 'the content', other: 'of another' });
  const store = newPlace('store');
  await run('backup', source, store);
  const [snapshot] = (await snapshotsIn(store)) as [string];
  const [object, missing] = objectsIn(store).map((name) => path.join(store, 'objects', name));
  fs.chmodSync(object as string, 0o600);
  fs.writeFileSync(object as string, 'the c0ntent');
  const to = newPlace();
  const damaged = await run('restore', store, snapshot, to);
  expect(damaged).toMatchObject({ code: 1, stdout: '' });
  expect(damaged.stderr).toContain('it is damaged');
  expect(
    fs.readdirSync(to).map((name) => fs.readFileSync(path.join(to, name), 'utf8')),
  ).not.toContain('the c0ntent');
  fs.rmSync(missing as string);
  fs.rmSync(object as string);
  expect((await run('restore', store, snapshot, newPlace())).stderr).toContain('ENOENT');
});

test('a snapshot that leads out of its folder is rejected before anything is created', async () => {
  const source = folderOf({ file: 'x' });
  const store = newPlace('store');
  await run('backup', source, store);
  const [snapshot] = (await snapshotsIn(store)) as [string];
  const file = path.join(store, 'snapshots', `${snapshot}.json`);
  const text = fs.readFileSync(file, 'utf8');
  for (const bad of ['../file', '/file', 'a/../../file', '..']) {
    fs.writeFileSync(file, text.replace('"path": "file"', `"path": ${JSON.stringify(bad)}`));
    const to = newPlace();
    const { code, stderr } = await run('restore', store, snapshot, to);
    expect(code, bad).toBe(1);
    expect(stderr).toContain('tampered');
    expect(fs.existsSync(to)).toBe(false);
  }
  fs.writeFileSync(file, text.replace(/"digest": "/, '"digest": "../../'));
  expect((await run('restore', store, snapshot, newPlace())).stderr).toContain('tampered');
});

test('invalid command lines and folders end with an exit code and a line', async () => {
  const source = folderOf({ file: 'x' });
  expect((await run()).code).toBe(2);
  expect((await run('backup', source)).code).toBe(2);
  expect((await run('constructor')).code).toBe(2);
  const inside = await run('backup', source, path.join(source, 'store'));
  expect(inside).toMatchObject({ code: 1 });
  expect(fs.readdirSync(source)).toEqual(['file']);
  expect((await run('backup', newPlace(), newPlace())).stderr).toContain('ENOENT');
  const store = newPlace('store');
  await run('backup', source, store);
  expect((await run('restore', store, '../../x', newPlace())).stderr).toContain(
    'not a snapshot name',
  );
  // An existing folder is not overwritten.
  const [snapshot] = (await snapshotsIn(store)) as [string];
  expect((await run('restore', store, snapshot, source)).stderr).toContain('EEXIST');
});

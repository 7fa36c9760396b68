// Trees and destinations that a plain path does not reach.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { copy, copyTree, openDirectory, rm, verifyTree } from '../../lib/index.js';
import { isWindows, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf, newPlace } from './trees.js';

const onPosix = testWhere(!isWindows, 'Windows has neither these names nor this limit of paths');

onPosix('a tree that is deeper than any path is copied, verified and mirrored', async () => {
  const source = temporaryFolder();
  const to = newPlace();
  const name = 'n'.repeat(200);
  const depth = 100;
  let directory = await openDirectory(source);
  for (let i = 0; i < depth; i++) {
    await directory.mkdir(name);
    const next = await directory.openDirectory(name);
    await directory.close();
    directory = next;
  }
  await (await directory.open('bottom', 'wx')).close();
  await directory.close();
  const report = await copyTree(source, to);
  expect(report).toMatchObject({ errors: [], files: 1, folders: depth + 1 });
  expect((await verifyTree(source, to)).differences).toEqual([]);
  await rm(path.join(source, name), { recursive: true });
  fs.writeFileSync(path.join(source, 'left'), '');
  const mirrored = await copyTree(source, to, { delete: true, maxDelete: 1000 });
  expect(mirrored).toMatchObject({ errors: [], deleted: depth + 1 });
  expect(fs.readdirSync(to)).toEqual(['left']);
});

onPosix(
  'names of dots or spaces alone are copied, and the top keeps its mode and time',
  async () => {
    const source = folderOf({ '...': 'x', ' ': 'y' });
    fs.chmodSync(source, 0o700);
    fs.utimesSync(source, 1000, 1000);
    const to = newPlace();
    expect((await copyTree(source, to)).errors).toEqual([]);
    expect(fs.readdirSync(to).sort()).toEqual([' ', '...']);
    const { mode, mtimeMs } = fs.statSync(to);
    expect([mode & 0o777, mtimeMs]).toEqual([0o700, 1_000_000]);
  },
);

onPosix('a destination that goes up behind a link is made where the system finds it', async () => {
  const elsewhere = temporaryFolder();
  fs.mkdirSync(path.join(elsewhere, 'inner'));
  const folder = folderOf({ file: 'content' });
  fs.symlinkSync(path.join(elsewhere, 'inner'), path.join(folder, 'link'));
  for (const resume of [false, true]) {
    await copy(path.join(folder, 'file'), `${folder}/link/../out`, { resume });
    expect(fs.readFileSync(path.join(elsewhere, 'out'), 'utf8')).toBe('content');
  }
  expect(fs.readdirSync(folder).sort()).toEqual(['file', 'link']);
  expect(fs.readdirSync(elsewhere).sort()).toEqual(['inner', 'out']);
});

// Entries of the destination that somebody replaces after they have been examined.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { copyTree } from '../../lib/index.js';
import { isLinux, isWindows, testWhere } from '../helpers.js';
import { folderOf } from './trees.js';

const onLinux = testWhere(isLinux, 'other systems do not check the numbers of entries');
const whereChecked = testWhere(isLinux || isWindows, 'macOS does not check the numbers');

/** Runs something after both trees have been read: when the first folder is made. */
function afterwards(run: () => void) {
  return ({ action }: { action: string }): void => {
    if (action === 'folder') run();
  };
}

/** Puts another file of the same size and times under a name. */
function exchange(file: string): void {
  const { atime, mtime } = fs.statSync(file);
  fs.writeFileSync(`${file}.other`, 'x'.repeat(fs.statSync(file).size));
  fs.utimesSync(`${file}.other`, atime, mtime);
  fs.chmodSync(`${file}.other`, 0o600);
  fs.renameSync(`${file}.other`, file);
}

onLinux('a file that takes the place of an examined one gets no mode', async () => {
  const content = { file: 'same', folder: null, other: 'same' };
  const [source, to] = [folderOf({ ...content, new: null }), folderOf(content)];
  for (const name of Object.keys(content)) {
    for (const folder of [source, to]) fs.utimesSync(path.join(folder, name), 1e9, 1e9);
    fs.chmodSync(path.join(source, name), 0o755);
    fs.chmodSync(path.join(to, name), 0o700);
  }
  const onChange = afterwards(() => {
    exchange(path.join(to, 'file'));
    fs.renameSync(path.join(to, 'folder'), path.join(to, 'was'));
    fs.mkdirSync(path.join(to, 'folder'), { mode: 0o700 });
  });
  const { errors } = await copyTree(source, to, { onChange, metadata: { mode: true } });
  expect(errors.map(({ path: name }) => name).sort()).toEqual(['file', 'folder']);
  expect(errors).toMatchObject([{ error: { code: 'EPERM' } }, { error: { code: 'EPERM' } }]);
  const modeOf = (name: string): number => fs.statSync(path.join(to, name)).mode & 0o777;
  expect(['file', 'folder', 'was', 'other'].map(modeOf)).toEqual([0o600, 0o700, 0o700, 0o755]);
});

whereChecked('a file that takes the place of an examined one is not deleted', async () => {
  const source = folderOf({ new: null });
  const to = folderOf({ extra: 'old', gone: 'old' });
  const onChange = afterwards(() => exchange(path.join(to, 'extra')));
  const report = await copyTree(source, to, { delete: true, onChange });
  expect(report.errors).toMatchObject([{ path: 'extra', error: { code: 'EPERM' } }]);
  expect(report.deleted).toBe(1);
  expect(fs.readFileSync(path.join(to, 'extra'), 'utf8')).toBe('xxx');
  expect(await copyTree(source, to, { delete: true })).toMatchObject({ deleted: 1, errors: [] });
});

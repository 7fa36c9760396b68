import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { copyTree, verifyTree } from '../../lib/index.js';
import { isLinux, isWindows, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf, namesIn, newPlace } from './trees.js';

// For file systems that ignore case; in CI only Windows has one.
const testFolding = testWhere(
  fs.existsSync(temporaryFolder().toUpperCase()),
  'this file system tells case apart',
);

/** Creates both names of a pair in spite of Wine's name folding; undefined on real Windows. */
function twoOfOneName(): string | undefined {
  if (!isWindows) return undefined;
  const folder = temporaryFolder('Z:\\tmp');
  const beside = (name: string) => `\\\\?\\unix${folder.slice(2)}\\${name}`;
  try {
    for (const name of ['A', 'a', 'B', 'b']) fs.writeFileSync(beside(name), `content of ${name}`);
    for (const name of ['D', 'd']) {
      fs.mkdirSync(beside(name));
      fs.writeFileSync(`${beside(name)}\\in`, `content of ${name}`);
    }
  } catch {
    return undefined;
  }
  return fs.readdirSync(folder).length === 6 ? folder : undefined;
}

testFolding('a name that has changed its case is not taken for what the source lacks', async () => {
  const source = folderOf({ README: 'new one', 'Docs/in': 'content', 'Docs/Deep/er': 'content' });
  const to = folderOf({ readme: 'old', 'docs/IN': 'old', 'docs/deep/er': 'old', 'docs/gone': 'x' });
  const rehearsed = await copyTree(source, to, { delete: true, dryRun: true });
  const report = await copyTree(source, to, { delete: true });
  expect(report).toMatchObject({ files: 3, folders: 0, deleted: 1, errors: [] });
  expect({ ...rehearsed, durationMs: 0 }).toEqual({ ...report, durationMs: 0 });
  expect(fs.readFileSync(path.join(to, 'readme'), 'utf8')).toBe('new one');
  expect((await verifyTree(source, to)).differences).toEqual([]);
  expect(await copyTree(source, to, { delete: true })).toMatchObject({ files: 0, skipped: 3 });
  const kept = await copyTree(folderOf({ ReadMe: 'other' }), to, { overwrite: false });
  expect(kept.errors).toMatchObject([{ path: 'ReadMe', error: { code: 'EEXIST' } }]);
  expect(fs.readFileSync(path.join(to, 'readme'), 'utf8')).toBe('new one');
});

test('names that differ in case are distinct on a case-sensitive file system', async () => {
  const source = folderOf({ README: 'new one', 'Docs/in': 'content' });
  const to = folderOf({ other: 'x', 'readmE/x': 'y' });
  const isFolding = fs.existsSync(path.join(to, 'OTHER'));
  const report = await copyTree(source, to, { delete: true });
  expect(report).toMatchObject({ files: 2, errors: [], deleted: 3 });
  if (!isFolding) expect(namesIn(to)).toEqual(['Docs', 'Docs/in', 'README']);
});

testWhere(isLinux, 'elsewhere they are one')('both of them are copied and verified', async () => {
  const content = { A: '1', a: '2', 'D/x': '3', 'd/x': '4', 'a.': '5' };
  const [source, to] = [folderOf(content), newPlace()];
  expect(await copyTree(source, to, { delete: true })).toMatchObject({ files: 5, errors: [] });
  expect((await verifyTree(source, to)).differences).toEqual([]);
  expect(await copyTree(source, to, { delete: true })).toMatchObject({ skipped: 5, deleted: 0 });
});

const source = twoOfOneName();
testWhere(source !== undefined, 'only Wine has both names and takes them for one')(
  'what would replace another file of the source is an error, and that file stays',
  async () => {
    const to = newPlace();
    for (const [files, skipped] of [
      [3, 0],
      [0, 3],
    ]) {
      const report = await copyTree(source as string, to, { delete: true });
      expect(report).toMatchObject({ files, skipped, deleted: 0 });
      expect(report.errors.map(({ path: name }) => name.toLowerCase()).sort()).toEqual([
        'a',
        'b',
        'd',
      ]);
      for (const { error } of report.errors) expect(error).toMatchObject({ code: 'EEXIST' });
      for (const name of fs.readdirSync(to)) {
        const file = name.toLowerCase() === 'd' ? path.join(to, name, 'in') : path.join(to, name);
        expect(fs.readFileSync(file, 'utf8')).toBe(`content of ${name}`);
      }
    }
  },
);

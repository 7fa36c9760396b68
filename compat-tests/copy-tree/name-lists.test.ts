import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { copy, copyTree, mirror, verify, verifyTree } from '../../lib/index.js';
import { isWindows, rejection, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf, namesIn, newPlace } from './trees.js';

// Names and patterns that come from files, and destinations that end with a slash.

const onPosix = testWhere(!isWindows, 'Windows has no such names');

function listWith(content: string | Buffer): string {
  const file = path.join(temporaryFolder(), 'list');
  fs.writeFileSync(file, content);
  return file;
}

const tree = (): string =>
  folderOf({ 'a/1': '1', 'a/2': '2', 'b/c/3': '3', 'b/4': '4', line: 'x', '#x': 'y' });

describe('filesFrom', () => {
  test('takes only listed files, and folders with everything in them', async () => {
    const from = tree();
    const expected = ['#x', 'a', 'a/2', 'b', 'b/c', 'b/c/3'];
    const names = ['a/2', './b//c/', '#x'];
    for (const filesFrom of [
      names,
      names.map((name) => Buffer.from(name)),
      listWith(`${names.join('\n')}\n\n`),
      listWith(names.join('\r\n')),
      listWith(`${names.join('\0')}\0`),
    ]) {
      const to = newPlace();
      expect(await copyTree(from, to, { filesFrom })).toMatchObject({ errors: [], files: 3 });
      expect(namesIn(to)).toEqual(expected);
      expect(await verifyTree(from, to, { filesFrom })).toMatchObject({
        differences: [],
        files: 3,
      });
    }
  });

  test('adds to `include`, and `exclude` wins', async () => {
    const to = newPlace();
    const options = { filesFrom: ['b'], include: ['a/1'], exclude: ['b/c'] };
    await copyTree(tree(), to, options);
    expect(namesIn(to)).toEqual(['a', 'a/1', 'b', 'b/4']);
  });

  test('a listed name that is missing is an error, and its copy is not deleted', async () => {
    const [from, to] = [tree(), newPlace()];
    await copyTree(from, to);
    fs.rmSync(path.join(from, 'a/1'));
    const report = await mirror(from, to, { filesFrom: ['a/1', 'b', 'excluded'], exclude: ['e*'] });
    expect(report.errors).toMatchObject([{ path: 'a/1', error: { code: 'ENOENT' } }]);
    expect(namesIn(to)).toContain('a/1');
    expect(report.deleted).toBe(0);
  });
});

describe('filesFrom of a mirror and with odd names', () => {
  test('a mirror deletes nothing that the list does not name', async () => {
    const [from, to] = [tree(), folderOf({ other: 'x', 'b/extra': 'y' })];
    expect(await mirror(from, to, { filesFrom: ['b'] })).toMatchObject({ errors: [], deleted: 1 });
    expect(namesIn(to)).toEqual(['b', 'b/4', 'b/c', 'b/c/3', 'other']);
  });

  onPosix('a name may have a line feed, and need not be UTF-8', async () => {
    const from = folderOf({ 'a\nb': 'x', c: 'y' });
    const odd = Buffer.from([0xff, 0xfe]);
    const names = [Buffer.from('a\nb')];
    if (process.platform === 'linux') {
      fs.writeFileSync(Buffer.concat([Buffer.from(`${from}/`), odd]), 'z');
      names.push(odd);
    }
    const to = newPlace();
    const separated = names.map((name) => Buffer.concat([name, Buffer.from([0])]));
    const report = await copyTree(from, to, { filesFrom: listWith(Buffer.concat(separated)) });
    expect(report).toMatchObject({ errors: [], files: names.length });
  });

  for (const name of ['../x', '/etc/passwd', 'a/../../x']) {
    test(`a name outside of the source is refused: ${name}`, async () => {
      const to = newPlace();
      const error = await rejection(copyTree(tree(), to, { filesFrom: [name] }));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
      expect(fs.existsSync(to)).toBe(false);
    });
  }

  test('`.` names everything, and a list that cannot be read is an error', async () => {
    const to = newPlace();
    expect(await copyTree(tree(), to, { filesFrom: ['.'] })).toMatchObject({ files: 6 });
    const missing = copyTree(tree(), to, { filesFrom: newPlace() });
    expect(await rejection(missing)).toMatchObject({ code: 'ENOENT' });
    const wrong = copyTree(tree(), to, { filesFrom: [1] as unknown as string[] });
    expect(await rejection(wrong)).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });
});

test('excludeFrom reads patterns, and adds them to `exclude`', async () => {
  const to = newPlace();
  const excludeFrom = listWith('# a comment\n\nb/c\n**/1\n');
  await copyTree(tree(), to, { excludeFrom, exclude: ['line'] });
  expect(namesIn(to)).toEqual(['#x', 'a', 'a/2', 'b', 'b/4']);
});

describe('a destination that ends with a slash is the folder for the copy', () => {
  test('of a file', async () => {
    const folder = folderOf({ file: 'content', 'to/other': '' });
    const file = path.join(folder, 'file');
    await copy(file, `${path.join(folder, 'to')}/`);
    expect(fs.readFileSync(path.join(folder, 'to', 'file'), 'utf8')).toBe('content');
    expect(await verify(file, `${path.join(folder, 'to')}/`)).toMatchObject({ equal: true });
    const missing = copy(file, `${path.join(folder, 'missing')}/`);
    expect(await rejection(missing)).toMatchObject({ code: 'ENOENT' });
    expect(namesIn(folder)).toEqual(['file', 'to', 'to/file', 'to/other']);
  });

  test('of a folder, unless the source ends with one, too', async () => {
    const from = folderOf({ x: '1' });
    const name = path.basename(from);
    for (const make of [copyTree, mirror, copy]) {
      const to = newPlace();
      await make(from, `${to}/`);
      expect(namesIn(to)).toEqual([name, `${name}/x`]);
      expect(await verify(from, `${to}/`)).toMatchObject({ equal: true });
      const other = newPlace();
      await make(`${from}/`, `${other}/`);
      expect(namesIn(other)).toEqual(['x']);
      await make(Buffer.from(from), Buffer.from(`${other}/`));
      expect(namesIn(other)).toEqual([name, `${name}/x`, 'x'].sort());
    }
  });
});

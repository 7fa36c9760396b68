import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { symbolicLinks } from '../ecosystem/tree.js';
import { isWindows, sha256, temporaryFolder, testWhere } from '../helpers.js';
import {
  data,
  expectRefusal,
  folderWith,
  lastObject,
  namesBelow,
  overlapped,
  parseLines,
} from './command.js';

test('copy creates an equal file and leaves nothing else behind', async () => {
  const folder = folderWith({ source: data });
  const [source, to] = [path.join(folder, 'source'), path.join(folder, 'to')];
  const { code, stdout, stderr } = await overlapped(['copy', source, to, '--verify']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^copied +3,000,001 bytes in [\d.]+ s \([\d.]+ [KM]iB\/s\)$/m);
  expect(stdout).toMatch(new RegExp(`^sha256 +${sha256(data)}$`, 'm'));
  expect(stdout).toMatch(/^verified +3,000,001 bytes, read back and the same$/m);
  expect(stdout).toMatch(new RegExp(`^engine +${process.env.OVERLAPPED_ENGINE}$`, 'm'));
  expect(fs.readFileSync(to).equals(data)).toBe(true);
  expect(namesBelow(folder)).toEqual(['source', 'to']);
});

test('copy --json prints progress and a result, one object per line', async () => {
  const folder = folderWith({ source: data });
  const [source, to] = [path.join(folder, 'source'), path.join(folder, 'to')];
  const args = ['copy', source, to, '--strategy', 'engine', '--hash', 'md5', '--json'];
  const { code, stdout, stderr } = await overlapped(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = parseLines(stdout);
  const progress = lines.slice(0, -1);
  expect(progress.length).toBeGreaterThan(0);
  expect(new Set(progress.map(({ type }) => type))).toEqual(new Set(['progress']));
  const total = data.byteLength;
  expect(progress.at(-1)).toMatchObject({ phase: 'copy', bytes: total, total, secondsLeft: 0 });
  expect(lines.at(-1)).toMatchObject({
    ...{ type: 'result', command: 'copy', source, destination: to, bytes: total },
    ...{ strategy: 'engine', verified: false, engine: process.env.OVERLAPPED_ENGINE },
    hash: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
});

test('a failed copy ends with code 1 and one line, or one object', async () => {
  const folder = folderWith({ source: data, there: 'old' });
  const [source, there, none] = ['source', 'there', 'none'].map((name) => path.join(folder, name));
  const file = source as string;
  await expectRefusal(['copy', none as string, there as string], 1, /ENOENT/);
  await expectRefusal(['copy', file, folder], 1, /EISDIR/);
  await expectRefusal(['copy', file, path.join(folder, 'none', 'to')], 1, /ENOENT/);
  await expectRefusal(['copy', file, file], 1, /same file/);
  const noForce = ['--no-force', '--error-on-exist'];
  await expectRefusal(['copy', file, there as string, ...noForce], 1, /EEXIST/);
  const args = ['copy', none as string, there as string];
  expect(await lastObject(args, 1)).toMatchObject({ type: 'error', code: 'ENOENT' });
  expect(fs.readFileSync(there as string, 'utf8')).toBe('old');
  expect(namesBelow(folder)).toEqual(['source', 'there']);
});

const tree = { 'a.txt': 'a', 'sub/b.txt': 'b', 'sub/large': data, 'c.log': 'c' };

test('copy of a folder keeps extra files in the destination; mirror deletes them', async () => {
  const source = folderWith(tree);
  const to = folderWith({ extra: 'extra' });
  const args = [source, to, '--exclude', '*.log'];
  expect(await lastObject(['copy', ...args])).toMatchObject({
    ...{ command: 'copy', files: 3, skipped: 0, deleted: 0, errors: [] },
  });
  const copied = ['a.txt', 'sub', 'sub/b.txt', 'sub/large'];
  expect(namesBelow(to)).toEqual([...copied.slice(0, 1), 'extra', ...copied.slice(1)]);

  const dry = await lastObject(['mirror', ...args, '--dry-run']);
  expect(dry).toMatchObject({ dryRun: true, files: 0, skipped: 3, deleted: 1 });
  expect(namesBelow(to)).toContain('extra');
  const kept = await lastObject(['mirror', ...args, '--no-delete']);
  expect(kept).toMatchObject({ deleted: 0 });

  const { code, stdout } = await overlapped(['mirror', ...args]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^unchanged +3 files$/m);
  expect(stdout).toMatch(/^deleted +1$/m);
  expect(namesBelow(to)).toEqual(copied);
  expect(fs.readFileSync(path.join(to, 'sub', 'large')).equals(data)).toBe(true);
});

test('per-file errors are shown, and the exit code is 3', async () => {
  const source = folderWith(tree);
  const to = folderWith({ 'a.txt': 'another' });
  const args = ['copy', source, to, '--no-force', '--error-on-exist'];
  const { code, stdout, stderr } = await overlapped(args);
  expect(code).toBe(3);
  expect(stderr).toMatch(/^overlapped: .*a\.txt: file already exists \(EEXIST\)$/m);
  expect(stdout).toMatch(/^errors +1$/m);
  expect(fs.readFileSync(path.join(to, 'a.txt'), 'utf8')).toBe('another');
  expect(fs.readFileSync(path.join(to, 'c.log'), 'utf8')).toBe('c');

  const again = parseLines((await overlapped([...args, '--json'])).stdout);
  expect(again.some(({ type, code }) => type === 'error' && code === 'EEXIST')).toBe(true);
  expect(again.at(-1)).toMatchObject({ type: 'result', errors: [{ code: 'EEXIST' }] });
});

testWhere(symbolicLinks, 'this user may make no symbolic links here')(
  'where the copy of a folder stops early the exit code is 1',
  async () => {
    const source = folderWith(tree);
    const to = path.join(folderWith({ 'a.txt': 'a file' }), 'to');
    // The destination exists when the copy is planned, and is a file by then.
    fs.symlinkSync(path.join(path.dirname(to), 'none', 'to'), to);
    const { code, stdout } = await overlapped(['copy', source, to]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^stopped /m);
  },
);

test('a missing folder fails the whole command with code 1', async () => {
  const none = path.join(temporaryFolder(), 'none');
  await expectRefusal(['mirror', none, temporaryFolder()], 1, /ENOENT/);
});

test('a dry run names each file with a reason; --verbose names each action', async () => {
  const source = folderWith({ 'new file': 'n' });
  const to = folderWith({ gone: 'g' });
  const lines = /^copy +new file \(new\)\ndelete +gone \(extra\)\n/m;
  const dry = await overlapped(['mirror', source, to, '-n']);
  expect(dry.stdout).toMatch(lines);
  const names = [...dry.stdout.matchAll(/^([a-z ]+) {2,}/gm)].map(([, name]) => name?.trim());
  expect(names).toEqual(expect.arrayContaining(['would copy', 'would make', 'would delete']));
  expect(names).not.toContain('deleted');
  expect(namesBelow(to)).toEqual(['gone']);
  expect((await overlapped(['mirror', source, to, '-v'])).stdout).toMatch(lines);
  expect(namesBelow(to)).toEqual(['new file']);
});

test('a dry run of a file says what would be copied; --verbose names the copy', async () => {
  const folder = folderWith({ from: '12345', there: '' });
  const at = (name: string): string => path.join(folder, name);
  const { stdout, code } = await overlapped(['copy', at('from'), at('to'), '-n']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^copy +to \(new\)\nwould copy +5 bytes\n/);
  expect(stdout).not.toContain('copied');
  const result = await lastObject(['copy', at('from'), at('there'), '--dry-run']);
  expect(result).toMatchObject({ type: 'result', dryRun: true, bytes: 5, strategy: 'none' });
  const kept = await overlapped(['copy', at('from'), at('there'), '-n', '--no-force']);
  expect(kept.stdout).toMatch(
    /^would copy +0 bytes\nreason +the destination exists, and --no-force/,
  );
  expect(namesBelow(folder)).toEqual(['from', 'there']);
  const told = await overlapped(['copy', at('from'), at('there'), '-v']);
  expect(told.stdout).toMatch(/^copy +there \(exists\)\ncopied +5 bytes/);
});

test('errors say what the library knows beyond their code', async () => {
  const folder = folderWith({ 'from/a': 'a' });
  const at = (name: string): string => path.join(folder, name);
  const inPlace = ['mirror', at('from'), at('to'), '--manifest', at('to/a')];
  const why = /file already exists: the manifest would replace the copy of 'a' \(EEXIST\)/;
  await expectRefusal(inPlace, 1, why);
  const itself = ['copy', at('from'), at('from/sub')];
  await expectRefusal(itself, 1, /invalid argument: a folder cannot be copied into itself/);
});

test('--no-force leaves existing files alone', async () => {
  const [source, to] = [folderWith({ file: 'new' }), folderWith({ file: 'as it was' })];
  const result = await lastObject(['copy', source, to, '--no-force']);
  expect(result).toMatchObject({ kind: 'folder', files: 0, skipped: 1, errors: [] });
  expect(fs.readFileSync(path.join(to, 'file'), 'utf8')).toBe('as it was');
});

testWhere(!isWindows, 'names hold no control characters there')(
  'control characters of names are printed as escapes, each result in its line',
  async () => {
    const source = folderWith({ 'a\u001b[2Jb\nthe same': 'x' });
    const { stdout } = await overlapped(['verify', source, temporaryFolder()]);
    expect(stdout).toMatch(/^missing {2}a\\x1b\[2Jb\\nthe same\n1 difference: .*\n$/);
  },
);

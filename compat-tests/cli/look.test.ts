import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { isLinux, isWindows, sha256, temporaryFolder, testWhere } from '../helpers.js';
import {
  data,
  expectRefusal,
  folderWith,
  lastObject,
  mainModule,
  namesBelow,
  overlapped,
} from './command.js';

function changed(): Buffer {
  const other = Buffer.from(data);
  other[2_000_000] = (other[2_000_000] as number) ^ 1;
  return other;
}

test('verify distinguishes equal and different files, and shows where they differ', async () => {
  const folder = folderWith({ a: data, same: data, other: changed(), short: data.subarray(0, 9) });
  const [a, same, other, short] = ['a', 'same', 'other', 'short'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string, string];
  expect(await lastObject(['verify', a, same])).toMatchObject({
    ...{ type: 'result', equal: true, firstDifference: null },
  });
  const found = await lastObject(['verify', a, other], 3);
  expect(found).toMatchObject({ equal: false, firstDifference: 2_000_000 });
  const text = await overlapped(['verify', a, short]);
  expect(text.code).toBe(3);
  expect(text.stdout).toBe('different from byte 9 on (3,000,001 and 9 bytes)\n');
  expect(await lastObject(['verify', a, folder], 3)).toMatchObject({ equal: false });
  await expectRefusal(['verify', a, path.join(folder, 'none')], 1, /ENOENT/);
});

test('verify of folders lists every difference with its kind', async () => {
  const source = folderWith({ same: 'x', 'sub/content': 'one', size: '123', missing: 'm' });
  const other = folderWith({ same: 'x', 'sub/content': 'two', size: '1', extra: 'e' });
  const { differences, equal } = await lastObject(['verify', source, other], 3);
  expect(equal).toBe(false);
  expect(differences).toEqual([
    { path: 'extra', kind: 'extra' },
    { path: 'missing', kind: 'missing' },
    { path: 'size', kind: 'size' },
    { path: 'sub/content', kind: 'content' },
  ]);
  const text = await overlapped(['verify', source, other]);
  expect(text.stdout).toMatch(/^content +sub\/content$/m);
  expect(await lastObject(['verify', source, source])).toMatchObject({ equal: true, files: 4 });
});

test('hash prints like sha256sum, and continues after an unreadable file', async () => {
  const folder = folderWith({ a: data, b: 'hello' });
  const [a, b, none] = ['a', 'b', 'none'].map((name) => path.join(folder, name)) as string[];
  const all = await overlapped(['hash', a as string, none as string, b as string]);
  expect(all.code).toBe(3);
  expect(all.stdout).toBe(`${sha256(data)}  ${a}\n${sha256(Buffer.from('hello'))}  ${b}\n`);
  expect(all.stderr).toBe(`overlapped: ${none}: no such file or directory (ENOENT)\n`);
  await expectRefusal(['hash', none as string], 1, /ENOENT/);
  await expectRefusal(['hash', folder], 1, /EISDIR/);
  const md5 = await lastObject(['hash', '--algorithm', 'md5', b as string]);
  expect(md5).toMatchObject({ algorithm: 'md5', hash: '5d41402abc4b2a76b9719d911017c592' });
});

testWhere(isLinux, 'names have other limits elsewhere')(
  'arguments may be any bytes, and hash prints names that sha256sum reads',
  async () => {
    const folder = temporaryFolder();
    const run = `'${process.execPath}' '${mainModule}'`;
    // Node passes no arguments that are not UTF-8. The \200 is not the start of a character.
    const script = `
      f=$(printf 'a\\377\\200\\303\\251\\360\\237\\230\\200')
      g=$(printf 'tab\\t\\033[31m\\nb'); mkdir s
      echo one > "s/$f"; echo two > "s/$g"
      ${run} copy s "to$f" --manifest "list$f" --quiet > out
      ${run} copy "s/$f" "$f/" > out 2>&1 || echo "no folder $?"
      ${run} copy "s/$f" "copy$f" >> out && cmp "s/$f" "copy$f" && echo copied
      ${run} verify s "to$f" > out && ${run} verify --manifest "list$f" "to$f" >> out && echo same
      ${run} hash "s/$f" "s/$g" > sums && sha256sum --check --quiet sums && echo right
      ${run} hash "none$f" 2> error; echo "code $?"`;
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: folder });
    expect(stdout.split('\n')).toEqual(['no folder 1', 'copied', 'same', 'right', 'code 1', '']);
    expect(fs.readdirSync(folder)).toHaveLength(7);
  },
);

testWhere(!isWindows, 'there is no head(1)')(
  'a reader that leaves early ends the command quietly',
  async () => {
    const folder = folderWith({ a: 'hello' });
    const file = path.join(folder, 'a');
    const command = `'${process.execPath}' '${mainModule}' hash ${`'${file}' `.repeat(2000)}`;
    const script = `{ ${command}; echo "code $?" >&2; } | head -n 1`;
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', script]);
    expect(stdout).toBe(`${sha256(Buffer.from('hello'))}  ${file}\n`);
    expect(stderr).toBe('code 141\n');
  },
);

test('info shows sizes, attributes, alignment and engine of a file and a folder', async () => {
  const folder = folderWith({ file: data });
  const file = path.join(folder, 'file');
  const info = await lastObject(['info', file]);
  expect(info).toMatchObject({
    ...{ type: 'result', kind: 'file', path: file, size: data.byteLength, refused: null },
    ...{ engine: process.env.OVERLAPPED_ENGINE, attributes: expect.any(Array) },
    allocatedRanges: { count: 1, first: [{ position: 0, length: data.byteLength }] },
  });
  expect(info.allocatedSize).toBeGreaterThan(0);
  // Wine has no streams.
  const unnamed = { name: '', type: '$DATA', size: data.byteLength };
  expect([null, [unnamed]]).toContainEqual(info.streams);
  expect(await lastObject(['info', folder])).toMatchObject({ kind: 'folder', alignment: null });
  const { stdout } = await overlapped(['info', file]);
  expect(stdout).toMatch(/^size +3,000,001 bytes \(2\.86 MiB\)$/m);
  expect(stdout).toMatch(new RegExp(`^engine +${process.env.OVERLAPPED_ENGINE}`, 'm'));
  await expectRefusal(['info', path.join(folder, 'none')], 1, /ENOENT/);
});

testWhere(isLinux, 'the kernel of Linux tells file systems and sectors')(
  'info shows the file system, the sectors of its disk and the ranges of a sparse file',
  async () => {
    const file = path.join(temporaryFolder(), 'sparse');
    const handle = fs.openSync(file, 'w');
    for (const position of [0, 1 << 20, 4 << 20]) fs.writeSync(handle, data, 0, 4096, position);
    fs.closeSync(handle);
    const info = await lastObject(['info', file]);
    const known = fs.readFileSync('/proc/filesystems', 'utf8').split(/\s+/);
    expect(known).toContain(info.fileSystem);
    expect(info.allocatedRanges).toMatchObject({ count: 3, first: { length: 3 } });
    expect((await lastObject(['info', '/proc/version'])).fileSystem).toBe('proc');
    expect((await lastObject(['info', '/dev/null'])).kind).toBe('character device');
  },
);

test('bench measures both and removes its files', async () => {
  const folder = temporaryFolder();
  const args = ['bench', folder, '--size', '2M', '--files', '20'];
  const { measurements } = await lastObject(args);
  expect(measurements).toHaveLength(4);
  for (const { overlapped, node, ratio } of measurements as Record<string, number>[]) {
    expect(overlapped).toBeGreaterThan(0);
    expect(node).toBeGreaterThan(0);
    expect(ratio).toBeCloseTo((overlapped as number) / (node as number), 6);
  }
  expect(namesBelow(folder)).toEqual([]);
});

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { copy, copyTree } from '../../lib/index.js';
import { lastObject } from '../cli/command.js';
import { copyOfFile, isWindows, randomBytes, rejection, unbufferedFolder } from '../helpers.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes with zeros at both ends, in the middle, within a page and across pages. */
function content(size = 3 * MiB + 700): Buffer {
  const bytes = randomBytes(size, size);
  bytes.fill(0, 0, 64 * KiB);
  bytes.fill(0, MiB - 4 * KiB, 2 * MiB + 5000);
  bytes.fill(0, 2 * MiB + 500 * KiB + 100, 2 * MiB + 500 * KiB + 4000);
  bytes.fill(0, size - 200 * KiB);
  return bytes;
}

async function pathsWith(bytes: Buffer) {
  const folder = await unbufferedFolder();
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  fs.writeFileSync(source, bytes);
  return { folder, source, destination };
}

const allocated = (file: string): number => fs.statSync(file).blocks * 512;

describe.each([
  ['buffered', {}],
  ['unbuffered', { unbuffered: true }],
  ['small chunks', { chunkSize: 12 * KiB, queueDepth: 3 }],
  ['verified', { verify: true }],
  ['resumable', { resume: true }],
  ['not atomic', { atomic: false }],
])('%s', (_name, options) => {
  test("sparse: 'always' leaves holes for zeros, and the content is the same", async () => {
    const bytes = content();
    const { source, destination } = await pathsWith(bytes);
    fs.writeFileSync(destination, randomBytes(4 * MiB, 2));
    const done = await copyOfFile(source, destination, { ...options, sparse: 'always' });
    expect(done).toMatchObject({ strategy: 'engine', bytes: bytes.byteLength });
    expect(fs.readFileSync(destination).equals(bytes)).toBe(true);
    // Windows without a sparse file system fills them.
    if (!isWindows) expect(allocated(destination)).toBeLessThan(allocated(source) - MiB);
  });
});

test.each([0, 1, 4096, 100_000])('a file of %i zeros becomes one hole', async (size) => {
  const { source, destination } = await pathsWith(Buffer.alloc(size));
  await copyOfFile(source, destination, { sparse: 'always' });
  expect(fs.readFileSync(destination).equals(Buffer.alloc(size))).toBe(true);
  if (!isWindows) expect(allocated(destination)).toBe(0);
});

test('the files of a folder get holes, too, and a strategy that cannot is refused', async () => {
  const { folder, source, destination } = await pathsWith(content());
  fs.mkdirSync(path.join(folder, 'tree'));
  fs.copyFileSync(source, path.join(folder, 'tree', 'file'));
  const copied = path.join(folder, 'copied');
  await copyTree(path.join(folder, 'tree'), copied, { sparse: 'always' });
  expect(fs.readFileSync(path.join(copied, 'file')).equals(content())).toBe(true);
  if (!isWindows) expect(allocated(path.join(copied, 'file'))).toBeLessThan(2 * MiB);
  const refused = copy(source, destination, { sparse: 'always', strategy: 'offload' });
  expect(await rejection(refused)).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
});

test('an error of a callback ends the copy and leaves nothing', async () => {
  const { folder, source, destination } = await pathsWith(content());
  const error = new Error('enough');
  const copying = copy(source, destination, {
    sparse: 'always',
    onProgress: ({ bytes }) => {
      if (bytes > 0) throw error;
    },
  });
  expect(await rejection(copying)).toBe(error);
  expect(fs.readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('the command has --sparse always', async () => {
  const { source, destination } = await pathsWith(content());
  await lastObject(['copy', source, destination, '--sparse', 'always']);
  expect(fs.readFileSync(destination).equals(content())).toBe(true);
  if (!isWindows) expect(allocated(destination)).toBeLessThan(allocated(source) - MiB);
});

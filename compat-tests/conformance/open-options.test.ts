import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { open } from '../../lib/index.js';
import {
  fileWith,
  isLinux,
  isWindows,
  randomBytes,
  rejection,
  temporaryFolder,
  testWhere,
} from '../helpers.js';

/** The flags of an open descriptor, as reported by the kernel (proc(5)). */
function flagsOf(fd: number): number {
  const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  return Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] as string, 8);
}

testWhere(isLinux, 'flags are read under /proc')(
  'writeThrough opens with O_DSYNC, and nothing else does',
  async () => {
    const file = fileWith('content');
    for (const writeThrough of [true, false]) {
      const handle = await open(file, 'r+', { writeThrough });
      expect((flagsOf(handle.fd) & fs.constants.O_DSYNC) !== 0).toBe(writeThrough);
      await handle.close();
    }
  },
);

test('a handle opened with writeThrough writes and reads like any other', async () => {
  const data = randomBytes(50_000);
  const file = fileWith('');
  const handle = await open(file, 'w+', { writeThrough: true });
  await handle.write(data, 0, data.length, 0);
  expect((await handle.readFile()).equals(data)).toBe(true);
  await handle.close();
});

for (const access of ['sequential', 'random'] as const) {
  test(`access: '${access}' is a hint; reads return the same`, async () => {
    const data = randomBytes(300_000);
    const handle = await open(fileWith(data), 'r', { access });
    expect((await handle.readFile()).equals(data)).toBe(true);
    const { buffer } = await handle.read(Buffer.alloc(1000), 0, 1000, 12_345);
    expect(buffer.equals(data.subarray(12_345, 13_345))).toBe(true);
    await handle.close();
  });
}

test('deleteOnClose: the file can be used until it is closed, and is then deleted', async () => {
  const file = fileWith('content');
  const handle = await open(file, 'r+', { deleteOnClose: true });
  expect(await handle.readFile('utf8')).toBe('content');
  // On POSIX the name is removed immediately.
  expect(fs.existsSync(file)).toBe(isWindows);
  await handle.close();
  expect(fs.existsSync(file)).toBe(false);
});

test('deleteOnClose of a new file', async () => {
  const file = `${fileWith('')}.new`;
  const handle = await open(file, 'wx+', { deleteOnClose: true });
  await handle.write('temporary');
  expect((await handle.read(Buffer.alloc(9), 0, 9, 0)).buffer.toString()).toBe('temporary');
  await handle.close();
  expect(fs.existsSync(file)).toBe(false);
});

test('a new file is removed if its space cannot be reserved', async () => {
  const file = path.join(temporaryFolder(), 'new');
  for (const unbuffered of [false, 'prefer'] as const) {
    const error = await rejection(open(file, 'wx', { preallocate: 2 ** 52, unbuffered }));
    expect(['ENOSPC', 'EFBIG', 'EINVAL', 'ENOMEM']).toContain(error.code);
    expect(fs.existsSync(file)).toBe(false);
  }
  // An existing file is kept.
  fs.writeFileSync(file, 'content');
  await rejection(open(file, 'r+', { preallocate: 2 ** 52 }));
  expect((await rejection(open(file, 'wx', { preallocate: 2 ** 52 }))).code).toBe('EEXIST');
  expect(fs.readFileSync(file, 'utf8')).toBe('content');
});

test('preallocate changes neither size nor content', async () => {
  const file = fileWith('content');
  const handle = await open(file, 'r+', { preallocate: 1024 * 1024 });
  expect((await handle.stat()).size).toBe(7);
  expect(await handle.readFile('utf8')).toBe('content');
  await handle.close();
  expect(fs.readFileSync(file, 'utf8')).toBe('content');
});

testWhere(isLinux, 'blocks are counted by stat')('preallocate reserves the space', async () => {
  const file = `${fileWith('')}.new`;
  const handle = await open(file, 'w', { preallocate: 1024 * 1024 });
  expect((await handle.stat()).blocks * 512).toBeGreaterThanOrEqual(1024 * 1024);
  await handle.close();
});

test('preallocating more than the disk has rejects with ENOSPC or EFBIG', async () => {
  const opening = open(`${fileWith('')}.new`, 'w', { preallocate: 2 ** 53 - 1 });
  const { code, syscall } = await rejection(opening);
  // On Windows the error depends on the file system.
  if (!isWindows) expect(['ENOSPC', 'EFBIG']).toContain(code);
  expect(syscall).toBe('open');
});

test('mode is accepted as an option', async () => {
  const file = `${fileWith('')}.new`;
  const handle = await open(file, 'w', { mode: 0o600, writeThrough: true });
  await handle.close();
  if (!isWindows) expect(fs.statSync(file).mode & 0o777).toBe(0o600);
});

const bad: [name: string, options: unknown, code: string][] = [
  ['unbuffered', { unbuffered: 'yes' }, 'ERR_INVALID_ARG_VALUE'],
  ['unbuffered', { unbuffered: 1 }, 'ERR_INVALID_ARG_VALUE'],
  ['unbuffered', { unbuffered: null }, 'ERR_INVALID_ARG_VALUE'],
  ['writeThrough', { writeThrough: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  ['access', { access: 'backwards' }, 'ERR_INVALID_ARG_VALUE'],
  ['deleteOnClose', { deleteOnClose: 0 }, 'ERR_INVALID_ARG_TYPE'],
  ['preallocate', { preallocate: -1 }, 'ERR_OUT_OF_RANGE'],
  ['preallocate', { preallocate: 1.5 }, 'ERR_OUT_OF_RANGE'],
  ['preallocate', { preallocate: '4096' }, 'ERR_INVALID_ARG_TYPE'],
  ['signal', { signal: 'now' }, 'ERR_INVALID_ARG_TYPE'],
  ['signal', { signal: {} }, 'ERR_INVALID_ARG_TYPE'],
  ['mode', { mode: 'rw' }, 'ERR_INVALID_ARG_VALUE'],
  ['mode', { mode: -1 }, 'ERR_OUT_OF_RANGE'],
];

for (const [option, options, code] of bad) {
  test(`open with ${JSON.stringify(options)}: ${code}, nothing is created`, async () => {
    const file = `${fileWith('')}.new`;
    const error = await rejection(open(file, 'w', options as Parameters<typeof open>[2]));
    expect(error.code).toBe(code);
    expect(error.message).toContain(option);
    expect(fs.existsSync(file)).toBe(false);
  });
}

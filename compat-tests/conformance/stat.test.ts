import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { open, stat } from '../../lib/index.js';
import { fileWith, inAttempts, isLinux, makeFifo, temporaryFolder, testWhere } from '../helpers.js';
import { both } from './compare.js';

const kinds = [
  'isFile',
  'isDirectory',
  'isFIFO',
  'isSocket',
  'isSymbolicLink',
  'isBlockDevice',
  'isCharacterDevice',
] as const;

function kindsOf(stats: fs.Stats | fs.BigIntStats): boolean[] {
  return kinds.map((kind) => stats[kind]());
}

function expectSameStats(ours: fs.Stats | fs.BigIntStats, nodes: fs.Stats | fs.BigIntStats): void {
  expect(Object.keys(ours)).toEqual(Object.keys(nodes));
  expect(ours).toEqual(nodes);
  expect(Object.getPrototypeOf(ours)).toBe(Object.getPrototypeOf(nodes));
  expect(kindsOf(ours)).toEqual(kindsOf(nodes));
  for (const date of ['atime', 'mtime', 'ctime', 'birthtime'] as const) {
    expect(ours[date]).toBeInstanceOf(Date);
    expect(ours[date].getTime()).toBe(nodes[date].getTime());
  }
}

const paths: Record<string, () => string> = {
  'a file': () => fileWith('content'),
  'an empty file': () => fileWith(''),
  'a directory': () => temporaryFolder(),
  'a file with old times': () => {
    const file = fileWith('content');
    fs.utimesSync(file, 1.25, 1_234_567_890.987);
    return file;
  },
  'a file with times before 1970': () => {
    const file = fileWith('content');
    fs.utimesSync(file, -1.5, -1_000_000.25);
    return file;
  },
  'a large sparse file': () => {
    const file = fileWith('content');
    fs.truncateSync(file, 2 ** 42 + 7);
    return file;
  },
};

// Its file system does not record birth times.
if (isLinux) paths['a folder of the kernel'] = () => '/sys/kernel';

// Other programs also read that folder, and the kernel may forget its times.
for (const [name, make] of Object.entries(paths)) {
  test(`stat of ${name} equals Node's in every field, date and method`, async () => {
    const path = make();
    await inAttempts(async () => {
      const [nodes, ours] = await both((api) => api.stat(path));
      expectSameStats(ours, nodes);
      expect(ours).toBeInstanceOf(fs.Stats);
    });
  });

  test(`stat of ${name} in bigints equals Node's`, async () => {
    const path = make();
    await inAttempts(async () => {
      const ours = await stat(path, { bigint: true });
      expectSameStats(ours, await fs.promises.stat(path, { bigint: true }));
    });
  });

  test(`handle.stat of ${name} equals Node's`, async () => {
    const path = make();
    const handle = await open(path);
    const nodes = await fs.promises.open(path);
    await inAttempts(async () => {
      expectSameStats(await handle.stat(), await nodes.stat());
      expectSameStats(await handle.stat({ bigint: true }), await nodes.stat({ bigint: true }));
    });
    await handle.close();
    await nodes.close();
  });
}

const specialPaths = { 'a device': '/dev/null', 'a file of the kernel': '/proc/self/status' };

for (const [name, path] of Object.entries(specialPaths)) {
  testWhere(isLinux, 'it is a path of Linux')(`stat of ${name} equals Node's`, async () => {
    const handle = await open(path);
    const nodes = await fs.promises.open(path);
    expect(kindsOf(await handle.stat())).toEqual(kindsOf(await nodes.stat()));
    const [theirs, ours] = await both((api) => api.stat(path));
    expect({ ...ours, ino: 0, atimeMs: 0, mtimeMs: 0, ctimeMs: 0, birthtimeMs: 0 }).toMatchObject({
      dev: theirs.dev,
      mode: theirs.mode,
      rdev: theirs.rdev,
      size: theirs.size,
    });
    await handle.close();
    await nodes.close();
  });
}

testWhere(isLinux, 'mkfifo and symbolic links')(
  'stat follows links, and knows a FIFO',
  async () => {
    const fifo = makeFifo();
    const link = `${fifo}.link`;
    fs.symlinkSync(fifo, link);
    const [nodes, ours] = await both((api) => api.stat(link));
    expectSameStats(ours, nodes);
    expect(ours.isFIFO()).toBe(true);
  },
);

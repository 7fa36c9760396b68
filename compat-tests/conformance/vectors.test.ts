import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { open } from '../../lib/index.js';
import { fileWith, randomBytes } from '../helpers.js';
import { type Handle, type Result, sameOnHandle } from './compare.js';

function buffersOf(sizes: readonly number[]): Buffer[] {
  return sizes.map((size) => Buffer.alloc(size));
}

async function shown(vectors: Promise<Result>): Promise<unknown> {
  const { bytesRead, bytesWritten, buffers } = await vectors;
  return { bytesRead, bytesWritten, buffers };
}

const reads: Record<string, (handle: Handle) => Promise<Result>> = {
  'readv(buffers)': (handle) => handle.readv(buffersOf([10, 20, 30])),
  'readv(buffers, position)': (handle) => handle.readv(buffersOf([10, 20, 30]), 5),
  'readv(buffers, null)': (handle) => handle.readv(buffersOf([10, 20, 30]), null),
  'readv with empty buffers among others': (handle) => handle.readv(buffersOf([0, 5, 0, 6, 0]), 9),
  'readv of one buffer': (handle) => handle.readv(buffersOf([100]), 9),
  'readv across the end': (handle) => handle.readv(buffersOf([10, 10, 10]), 9985),
  'readv at the end': (handle) => handle.readv(buffersOf([10]), 10_000),
  'readv of 1024 buffers': (handle) => handle.readv(buffersOf(new Array(1024).fill(3)), 7),
  'readv of other views': (handle) =>
    handle.readv([new Uint16Array(5), new DataView(new ArrayBuffer(9), 2, 5)], 11),
};

for (const [name, read] of Object.entries(reads)) {
  sameOnHandle(name, 'ok', async (handle) => {
    const first = await shown(read(handle));
    return [first, await shown(handle.readv(buffersOf([7, 8])))];
  });
}

const parts = [randomBytes(10, 7), randomBytes(1, 8), randomBytes(100, 9)];

const writes: Record<string, (handle: Handle) => Promise<Result>> = {
  'writev(buffers)': (handle) => handle.writev(parts),
  'writev(buffers, position)': (handle) => handle.writev(parts, 55),
  'writev(buffers, null)': (handle) => handle.writev(parts, null),
  'writev past the end': (handle) => handle.writev(parts, 12_345),
  'writev with empty buffers among others': (handle) =>
    handle.writev([Buffer.alloc(0), ...parts, Buffer.alloc(0)], 3),
  'writev of 1024 buffers': (handle) =>
    handle.writev(
      Array.from({ length: 1024 }, (_, i) => Buffer.from([i])),
      20,
    ),
  'writev of other views': (handle) =>
    handle.writev([new Uint16Array([1, 2, 3]), new DataView(new ArrayBuffer(9), 2, 5)], 11),
};

for (const flags of ['r+', 'a']) {
  for (const [name, write] of Object.entries(writes)) {
    sameOnHandle(
      `${name} with flag ${flags}`,
      'ok',
      async (handle) => {
        const first = await shown(write(handle));
        return [first, await shown(handle.writev([Buffer.from('<then>')]))];
      },
      flags,
    );
  }
}

sameOnHandle('writev of no buffers', 'ok', (handle) => shown(handle.writev([])));

const empty: Record<string, (handle: Handle) => Promise<Result>> = {
  'readv of an empty buffer': (handle) => handle.readv(buffersOf([0])),
  'readv of empty buffers at a position': (handle) => handle.readv(buffersOf([0, 0]), 5),
  'writev of an empty buffer': (handle) => handle.writev(buffersOf([0])),
  'writev of empty buffers at a position': (handle) => handle.writev(buffersOf([0, 0]), 5),
  'write of no bytes': (handle) => handle.write(Buffer.from('x'), 0, 0),
  'write of an empty string': (handle) => handle.write(''),
};

for (const [name, move] of Object.entries(empty)) {
  const refusing = name.startsWith('readv') ? 'w' : 'r';
  for (const flags of ['r', 'w', 'r+']) {
    const expected = flags === refusing ? 'EBADF' : 'ok';
    sameOnHandle(`${name} with flag ${flags}`, expected, async (handle) => move(handle), flags);
  }
}
sameOnHandle('write of an empty buffer', 'ok', (handle) => handle.write(Buffer.alloc(0)), 'r');

// More than the system accepts per call; Node splits writes too, but not reads.
const many = 5000;

sameOnHandle('writev of 5000 buffers', 'ok', (handle) =>
  shown(
    handle.writev(
      Array.from({ length: many }, (_, i) => Buffer.from([i, i >> 8])),
      30,
    ),
  ),
);

test('-1n is the cursor, even for more buffers than the system accepts at once', async () => {
  const file = fileWith('');
  const handle = await open(file, 'w+');
  const bytes = randomBytes(2000);
  const views = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  expect((await handle.writev(views, -1n)).bytesWritten).toBe(2000);
  expect(fs.readFileSync(file).equals(bytes)).toBe(true);
  await handle.close();
});

test('a vector with a buffer that is transferred after the call moves nothing', async () => {
  const file = fileWith('hello');
  const handle = await open(file, 'r+');
  const calls = {
    writev: (views: Uint8Array[]) => handle.writev(views, 0),
    readv: (views: Uint8Array[]) => handle.readv(views, 0),
  };
  for (const call of Object.values(calls)) {
    const views = [new Uint8Array(1), new Uint8Array(2).fill(120)];
    const moving = call(views);
    const [{ buffer }] = views as [Uint8Array<ArrayBuffer>, Uint8Array];
    structuredClone(buffer, { transfer: [buffer] });
    await expect(moving).rejects.toMatchObject({ code: 'EINVAL' });
    expect(views[1]).toEqual(new Uint8Array(2).fill(120));
  }
  expect(fs.readFileSync(file, 'utf8')).toBe('hello');
  await handle.close();
});

const holes: Buffer[] = [Buffer.from('a')];
holes[2] = Buffer.from('c');
sameOnHandle('readv into a list with a hole', 'ERR_INVALID_ARG_TYPE', (h) => h.readv(holes, 0));
sameOnHandle('writev of a list with a hole', 'ERR_INVALID_ARG_TYPE', (h) => h.writev(holes, 0));

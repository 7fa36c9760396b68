import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { open } from '../../lib/index.js';
import { fileWith, randomBytes } from '../helpers.js';
import { content, type Handle, type Result, sameOnHandle } from './compare.js';

/** The bytes read, and the resulting content of the buffer. */
async function shown(read: Promise<Result>): Promise<unknown> {
  const { bytesRead, buffer } = await read;
  const { byteLength, byteOffset } = buffer;
  const type = Object.prototype.toString.call(buffer);
  const bytes = Buffer.from(new Uint8Array(buffer.buffer, byteOffset, byteLength));
  return { bytesRead, type, byteLength, bytes };
}

type Read = (handle: Handle) => Promise<Result>;

const forms: Record<string, Read> = {
  'read()': (handle) => handle.read(),
  'read(buffer)': (handle) => handle.read(Buffer.alloc(100)),
  'read(buffer, offset)': (handle) => handle.read(Buffer.alloc(100), 40),
  'read(buffer, offset, length)': (handle) => handle.read(Buffer.alloc(100), 40, 20),
  'read(buffer, offset, length, position)': (handle) => handle.read(Buffer.alloc(100), 4, 50, 99),
  'read(buffer, null, null, null)': (handle) => handle.read(Buffer.alloc(100), null, null, null),
  'read(buffer, undefined, undefined, 7)': (handle) =>
    handle.read(Buffer.alloc(100), undefined, undefined, 7),
  'read with position -1': (handle) => handle.read(Buffer.alloc(100), 0, 100, -1),
  'read with position 0': (handle) => handle.read(Buffer.alloc(100), 0, 100, 0),
  'read(options)': (handle) =>
    handle.read({ buffer: Buffer.alloc(100), offset: 10, length: 30, position: 5 }),
  'read(options) without a buffer': (handle) => handle.read({ position: 9000 }),
  'read(options) of an empty object': (handle) => handle.read({}),
  'read(options) of null': (handle) => handle.read(null),
  'read(options) with nulls': (handle) =>
    handle.read({ buffer: Buffer.alloc(100), offset: null, length: null, position: null }),
  'read(buffer, options)': (handle) =>
    handle.read(Buffer.alloc(100), { offset: 10, length: 30, position: 5 }),
  'read(buffer, {})': (handle) => handle.read(Buffer.alloc(100), {}),
  'read of length 0': (handle) => handle.read(Buffer.alloc(100), 0, 0, 0),
  'read of length 0 into an empty buffer': (handle) => handle.read(Buffer.alloc(0), 0, 0, 0),
  'read across the end': (handle) => handle.read(Buffer.alloc(100), 0, 100, content.length - 10),
  'read at the end': (handle) => handle.read(Buffer.alloc(100), 0, 100, content.length),
  'read far past the end': (handle) => handle.read(Buffer.alloc(100), 0, 100, 2 ** 40),
  'read into a DataView': (handle) =>
    handle.read(new DataView(new ArrayBuffer(100), 10, 50), 5, 20, 30),
  'read into a Uint16Array': (handle) => handle.read(new Uint16Array(50), 10, 21, 30),
  'read into a Float64Array of a part of its memory': (handle) =>
    handle.read(new Float64Array(new ArrayBuffer(800), 16, 10), 8, 64, 30),
  'read into shared memory': (handle) =>
    handle.read(new Uint8Array(new SharedArrayBuffer(100), 10, 80), 3, 70, 30),
  'read into a DataView of shared memory': (handle) =>
    handle.read(new DataView(new SharedArrayBuffer(100)), 3, 70, 30),
  'read into a BigInt64Array': (handle) => handle.read(new BigInt64Array(8), 8, 40, 1),
};

for (const [name, read] of Object.entries(forms)) {
  sameOnHandle(name, 'ok', (handle) => shown(read(handle)));

  sameOnHandle(`${name}, then at the cursor`, 'ok', async (handle) => {
    await read(handle);
    return shown(handle.read(Buffer.alloc(64)));
  });
}

// The promises of Node 20 treat a bigint position as missing; fs.read() supports it.
for (const position of [1234n, 0n, BigInt(content.length), 2n ** 40n, 2n ** 61n, -1n]) {
  test(`read at position ${position}n returns the same as fs.readSync()`, async () => {
    const file = fileWith(content);
    const wanted = Buffer.alloc(100);
    const fd = fs.openSync(file, 'r');
    const bytesWanted = fs.readSync(fd, wanted, 0, 100, position);
    fs.closeSync(fd);
    const handle = await open(file);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(100), 0, 100, position);
    expect({ bytesRead, buffer }).toEqual({ bytesRead: bytesWanted, buffer: wanted });
    const other = await handle.read({ buffer: Buffer.alloc(100), position });
    expect(other.bytesRead).toBe(position === -1n ? 100 : bytesWanted);
    await handle.close();
  });
}

// Node aborts the process here.
test('a fractional length is truncated to an integer', async () => {
  const handle = (await open(fileWith(content))) as unknown as Handle;
  for (const length of [10.7, '10']) {
    expect((await handle.read(Buffer.alloc(100), 0, length, 0)).bytesRead).toBe(10);
  }
  await handle.close();
});

sameOnHandle('the buffer of the result is the one given', 'ok', async (handle) => {
  const views = [Buffer.alloc(4), new Uint16Array(4), new DataView(new ArrayBuffer(4))];
  const results = [];
  for (const view of views) results.push((await handle.read(view)).buffer === view);
  return results;
});

sameOnHandle(
  'reads at the cursor go through the file to its end, then give 0',
  'ok',
  async (handle) => {
    const parts: Buffer[] = [];
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(777));
      parts.push(buffer.subarray(0, bytesRead));
      if (bytesRead === 0) break;
    }
    const again = await handle.read(Buffer.alloc(777));
    return { whole: Buffer.concat(parts), again: again.bytesRead };
  },
);

sameOnHandle('reads at positions leave the cursor alone', 'ok', async (handle) => {
  const first = await shown(handle.read(Buffer.alloc(10)));
  // One by one, because on Windows libuv temporarily moves the file's pointer for these.
  for (const i of [1, 2, 3]) await handle.read(Buffer.alloc(10), 0, 10, i * 1000);
  return [first, await shown(handle.read(Buffer.alloc(10)))];
});

test('many concurrent reads at positions do not move the cursor', async () => {
  const handle = await open(fileWith(content));
  await handle.read(Buffer.alloc(10));
  const positions = Array.from({ length: 100 }, (_, i) => i * 90);
  await Promise.all(positions.map((position) => handle.read(Buffer.alloc(10), 0, 10, position)));
  const { buffer } = await handle.read(Buffer.alloc(10));
  expect(buffer.equals(content.subarray(10, 20))).toBe(true);
  await handle.close();
});

test('many reads at the cursor, not awaited, are served in order', async () => {
  const whole = randomBytes(1000 * 100);
  const handle = await open(fileWith(whole));
  const order: number[] = [];
  const reads = Array.from({ length: 1001 }, (_, i) =>
    handle.read(Buffer.alloc(100)).then((result) => {
      order.push(i);
      return result;
    }),
  );
  const results = await Promise.all(reads);
  await handle.close();
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(results[1000]?.bytesRead).toBe(0);
  const parts = results.map(({ bytesRead, buffer }) => buffer.subarray(0, bytesRead));
  expect(Buffer.concat(parts).equals(whole)).toBe(true);
});

test('reads and writes at the cursor, not awaited, share it in order', async () => {
  const handle = await open(fileWith('aaaabbbbccccdddd'), 'r+');
  const results = await Promise.all([
    handle.read(Buffer.alloc(4)),
    handle.write('BBBB'),
    handle.read(Buffer.alloc(4)),
    handle.write('DDDD'),
    handle.read(Buffer.alloc(4), 0, 4, 0),
  ]);
  expect(String((results[0] as { buffer: Buffer }).buffer)).toBe('aaaa');
  expect(String((results[2] as { buffer: Buffer }).buffer)).toBe('cccc');
  const { buffer } = await handle.read(Buffer.alloc(16), 0, 16, 0);
  expect(buffer.toString()).toBe('aaaaBBBBccccDDDD');
  await handle.close();
});

test('a failed read at the cursor does not block later reads', async () => {
  const handle = await open(fileWith('content'), 'w');
  const outcomes = await Promise.allSettled([
    handle.read(Buffer.alloc(4)),
    handle.write('new'),
    handle.read(Buffer.alloc(4)),
    handle.write(' text'),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect((await handle.stat()).size).toBe('new text'.length);
  await handle.close();
});

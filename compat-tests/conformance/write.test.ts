import { expect, test } from 'vitest';
import { open } from '../../lib/index.js';
import { fileWith, isWindows, randomBytes, rejection, sha256, sha256OfFile } from '../helpers.js';
import { type Handle, type Result, sameOnHandle } from './compare.js';

const data = Buffer.from('0123456789abcdefghij');

async function shown(write: Promise<Result>): Promise<unknown> {
  const { bytesWritten, buffer } = await write;
  return { bytesWritten, buffer };
}

type Write = (handle: Handle) => Promise<Result>;

const forms: Record<string, Write> = {
  'write(buffer)': (handle) => handle.write(data),
  'write(buffer, offset)': (handle) => handle.write(data, 5),
  'write(buffer, offset, length)': (handle) => handle.write(data, 5, 10),
  'write(buffer, offset, length, position)': (handle) => handle.write(data, 5, 10, 100),
  'write(buffer, null, null, null)': (handle) => handle.write(data, null, null, null),
  'write(buffer, null, length, position)': (handle) => handle.write(data, null, 10, 100),
  'write(buffer, undefined, undefined, 8)': (handle) => handle.write(data, undefined, undefined, 8),
  'write(buffer, options)': (handle) => handle.write(data, { offset: 2, length: 7, position: 50 }),
  'write(buffer, {})': (handle) => handle.write(data, {}),
  'write with position 0': (handle) => handle.write(data, 0, 4, 0),
  'write past the end': (handle) => handle.write(data, 0, 4, 20_000),
  'write of length 0': (handle) => handle.write(data, 0, 0, 100),
  'write of an empty buffer': (handle) => handle.write(Buffer.alloc(0)),
  'write with offset at the end': (handle) => handle.write(data, data.length),
  'write of a Uint16Array': (handle) => handle.write(new Uint16Array(data.buffer, 0, 4), 1, 6, 9),
  'write of a DataView': (handle) =>
    handle.write(new DataView(new Uint8Array(data).buffer, 2, 12), 3, 5, 40),
  'write of shared memory': (handle) => {
    const shared = new Uint8Array(new SharedArrayBuffer(20));
    shared.set(data);
    return handle.write(shared, 1, 15, 7);
  },
  'write(string)': (handle) => handle.write('a string'),
  'write(string, position)': (handle) => handle.write('a string', 77),
  'write(string, null)': (handle) => handle.write('a string', null),
  'write(string, position, encoding)': (handle) => handle.write('6869', 3, 'hex'),
  'write(string, position, null)': (handle) => handle.write('ünïcödé', 3, null),
  'write of an empty string': (handle) => handle.write(''),
  'write of utf8': (handle) => handle.write('ünïcödé ☃ 𝄞'),
  'write of latin1': (handle) => handle.write('ünïcödé', 0, 'latin1'),
  'write of utf16le': (handle) => handle.write('ünïcödé', 0, 'utf16le'),
  'write of base64': (handle) => handle.write('aGVsbG8=', 0, 'base64'),
  'write of base64url': (handle) => handle.write('aGVsbG8', 0, 'base64url'),
};

for (const flags of ['r+', 'a', 'w']) {
  for (const [name, write] of Object.entries(forms)) {
    sameOnHandle(`${name} with flag ${flags}`, 'ok', (handle) => shown(write(handle)), flags);
  }
}

for (const [name, write] of Object.entries(forms)) {
  sameOnHandle(`${name}, then at the cursor`, 'ok', async (handle) => {
    await write(handle);
    return shown(handle.write('<then>'));
  });
}

// More than Node supports, which treats a bigint position of a write as missing.
test('write at a bigint position writes there', async () => {
  const file = fileWith('0123456789');
  const handle = await open(file, 'r+');
  await handle.write(Buffer.from('AB'), 0, 2, 4n);
  await handle.write('CD', 6n);
  await handle.write(Buffer.from('EF'), { position: 8n });
  const { buffer } = await handle.read(Buffer.alloc(10), 0, 10, 0n);
  expect(buffer.toString()).toBe('0123ABCDEF');
  await handle.close();
});

test('a bigint position beyond 2^53 reaches the system exactly', async () => {
  const handle = await open(fileWith('content'), 'r+');
  const position = 2n ** 62n + 1n;
  expect((await handle.read(Buffer.alloc(4), 0, 4, position)).bytesRead).toBe(0);
  const error = await rejection(handle.write(Buffer.alloc(4), 0, 4, position));
  expect(error.syscall).toBe('write');
  if (!isWindows) expect(error.code).toBe('EFBIG');
  await handle.close();
});

test('a position beyond 4 GiB is the same as a number and as a bigint', async () => {
  const file = fileWith('');
  const handle = await open(file, 'r+');
  const position = 5 * 2 ** 30 + 123;
  await handle.write(Buffer.from('far away'), 0, 8, position);
  const { buffer } = await handle.read(Buffer.alloc(8), 0, 8, BigInt(position));
  expect(buffer.toString()).toBe('far away');
  expect((await handle.stat()).size).toBe(position + 8);
  await handle.close();
});

test('many writes at the cursor, not awaited, land in the order of the calls', async () => {
  const parts = Array.from({ length: 1000 }, (_, i) => randomBytes(1 + (i % 50), i + 1));
  const file = fileWith('');
  const handle = await open(file, 'w');
  await Promise.all(parts.map((part) => handle.write(part)));
  await handle.close();
  expect(sha256OfFile(file)).toBe(sha256(Buffer.concat(parts)));
});

test('many appends, not awaited, land whole and in the order of the calls', async () => {
  const parts = Array.from({ length: 500 }, (_, i) => randomBytes(1 + (i % 50), i + 1));
  const file = fileWith('start');
  const handle = await open(file, 'a');
  await Promise.all(parts.map((part) => handle.write(part)));
  await handle.close();
  expect(sha256OfFile(file)).toBe(sha256(Buffer.concat([Buffer.from('start'), ...parts])));
});

sameOnHandle(
  'append mode puts what is written at a position at the end, as the system does',
  'ok',
  async (handle) => {
    await handle.write('one', 0);
    await handle.write(Buffer.from('two'), 0, 3, 5);
    return (await handle.read(Buffer.alloc(8), 0, 8, 10_000)).buffer;
  },
  'a+',
);

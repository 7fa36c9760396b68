import { expect } from 'vitest';
import { open, writeFile } from '../../lib/index.js';
import { isLinux, rejection, testWhere } from '../helpers.js';

const test = testWhere(isLinux, '/dev/full is a device of Linux');
const full = '/dev/full';
const shape = {
  code: 'ENOSPC',
  errno: -28,
  syscall: 'write',
  message: 'ENOSPC: no space left on device, write',
};

test('writes to a full device reject with ENOSPC, and the handle is usable after', async () => {
  const handle = await open(full, 'r+');
  expect(await rejection(handle.write('text'))).toMatchObject(shape);
  expect(await rejection(handle.write(Buffer.alloc(100_000)))).toMatchObject(shape);
  expect(await rejection(handle.writev([Buffer.alloc(10), Buffer.alloc(10)]))).toMatchObject(shape);
  expect(await rejection(handle.writeFile(['one', 'two']))).toMatchObject(shape);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(10, 1));
  expect({ bytesRead, buffer }).toEqual({ bytesRead: 10, buffer: Buffer.alloc(10) });
  await handle.close();
});

test('many concurrent writes to a full device all reject, each once', async () => {
  const handle = await open(full, 'w');
  const writes = Array.from({ length: 1000 }, () => rejection(handle.write(Buffer.alloc(100))));
  for (const error of await Promise.all(writes)) expect(error).toMatchObject(shape);
  await handle.close();
});

test('writeFile to a full device rejects with ENOSPC of the write, not of the open', async () => {
  for (const data of ['text', ['an', 'iterable'], Buffer.alloc(1_000_000)]) {
    expect(await rejection(writeFile(full, data))).toMatchObject(shape);
  }
});

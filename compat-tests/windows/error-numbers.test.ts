// Codes of errors whose numbers the versions of libuv translate differently, or not at all in the
// way that node:fs names them.
import { expect, test } from 'vitest';
import { createPipe } from '../../lib/devices/index.js';
import { open } from '../../lib/index.js';
import { fileWith, isWindows, rejection, settled } from '../helpers.js';

test('a write to a pipe without a reader is EPIPE, whenever the reader left', async () => {
  const pipe = await createPipe();
  await pipe.readable.close();
  const error = await rejection(pipe.writable.write(Buffer.from('nobody')));
  expect(error).toMatchObject({ code: 'EPIPE', syscall: 'write' });
  await pipe.writable.close();
});

test('a waiting write fails with EPIPE when the reader closes', async () => {
  const pipe = await createPipe({ bufferSize: 4096 });
  const waiting = settled(pipe.writable.write(Buffer.alloc(8 * 1024 * 1024)));
  await pipe.readable.read(Buffer.alloc(16));
  await pipe.readable.close();
  // Bytes that were moved before count as a short write; the next one meets the error.
  const first = await waiting;
  const error = first.error ?? (await rejection(pipe.writable.write(Buffer.from('more'))));
  expect(error).toMatchObject({ code: 'EPIPE' });
  await pipe.writable.close();
});

test('a transfer that the handle was not opened for is EBADF with win32Error', async () => {
  const file = fileWith('content');
  const reader = await open(file, 'r');
  const writer = await open(file, 'a');
  const number = isWindows ? { win32Error: 5 } : {};
  expect(await rejection(reader.write(Buffer.from('no'), { position: 0 }))).toMatchObject({
    code: 'EBADF',
    syscall: 'write',
    ...number,
  });
  expect(await rejection(writer.read(Buffer.alloc(4), { position: 0 }))).toMatchObject({
    code: 'EBADF',
    syscall: 'read',
    ...number,
  });
  await reader.close();
  await writer.close();
});

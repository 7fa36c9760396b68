// The cursor of a handle, also beyond the end, and aligned if unbuffered (SetFilePointerEx).
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { AlignmentError, allocAligned, engine, open } from '../../lib/index.js';
import { fileWith, randomBytes, rejection, unbufferedFolder } from '../helpers.js';
import { pendingPipe } from './pending-pipe.js';

test('seek from the start, the cursor and the end', async () => {
  const handle = await open(fileWith('0123456789'), 'r+');
  const next = async (length: number): Promise<string> => {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length));
    return buffer.toString('utf8', 0, bytesRead);
  };
  expect(await handle.seek(3)).toBe(3);
  expect(await next(2)).toBe('34');
  expect(await handle.seek(-2, 'current')).toBe(3);
  expect(await next(1)).toBe('3');
  expect(await handle.seek(-1, 'end')).toBe(9);
  expect(await next(5)).toBe('9');
  expect(await handle.seek(0n)).toBe(0);
  expect(await handle.readFile('utf8')).toBe('0123456789');
  await handle.close();
});

test('a read beyond the end returns nothing; a write there leaves zeros before it', async () => {
  const handle = await open(fileWith('abc'), 'r+');
  expect(await handle.seek(10)).toBe(10);
  expect((await handle.read(Buffer.alloc(4))).bytesRead).toBe(0);
  await handle.write('z');
  expect((await handle.stat()).size).toBe(11);
  await handle.seek(0);
  expect(await handle.readFile('utf8')).toBe(`abc${'\0'.repeat(7)}z`);
  await handle.close();
});

test('seek is ordered with the other calls at the cursor', async () => {
  const handle = await open(fileWith('0123456789'));
  const [first, at, second] = await Promise.all([
    handle.read(Buffer.alloc(2)),
    handle.seek(7),
    handle.read(Buffer.alloc(2)),
  ]);
  expect([first.buffer.toString(), at, second.buffer.toString()]).toEqual(['01', 7, '78']);
  await handle.close();
});

test('a position beyond 4 GiB', async () => {
  const handle = await open(fileWith(''), 'w+');
  const far = 2 ** 33 + 5;
  expect(await handle.seek(far)).toBe(far);
  expect(await handle.seek(-3, 'current')).toBe(far - 3);
  await handle.close();
});

test('an unbuffered handle seeks to whole sectors only', async () => {
  const folder = await unbufferedFolder();
  const file = path.join(folder, 'file');
  const handle = await open(file, 'w+', { unbuffered: true });
  const { alignment } = handle;
  if (alignment === null) throw new Error('It is buffered');
  const sector = Math.max(alignment.position, alignment.length);
  const data = allocAligned(4 * sector, { alignment: alignment.memory });
  data.set(randomBytes(4 * sector));
  await handle.write(data, { position: 0 });
  expect(await handle.seek(2 * sector)).toBe(2 * sector);
  const target = allocAligned(sector, { alignment: alignment.memory });
  await handle.read(target);
  expect(target.equals(data.subarray(2 * sector, 3 * sector))).toBe(true);
  expect(await handle.seek(sector, 'current')).toBe(4 * sector);
  expect(await handle.seek(-sector, 'end')).toBe(3 * sector);
  const { submitted } = engine.stats();
  const error = await rejection(handle.seek(sector + 1));
  expect(error).toBeInstanceOf(AlignmentError);
  expect(error).toMatchObject({ field: 'position', value: sector + 1 });
  expect(error).toMatchObject({ required: alignment.position });
  expect(engine.stats().submitted).toBe(submitted);
  expect(await rejection(handle.seek(1, 'current'))).toBeInstanceOf(AlignmentError);
  expect(await handle.seek(0, 'current')).toBe(3 * sector);
  await handle.close();
});

test('before the start: EINVAL, and the cursor does not move', async () => {
  const handle = await open(fileWith('0123456789'));
  await handle.seek(4);
  expect(await rejection(handle.seek(-5, 'current'))).toMatchObject({ code: 'EINVAL' });
  expect(await rejection(handle.seek(-11, 'end'))).toMatchObject({ code: 'EINVAL' });
  expect(await handle.seek(0, 'current')).toBe(4);
  await handle.close();
});

test('invalid arguments, and a pipe, which has no cursor', async () => {
  const handle = await open(fileWith('content'));
  const seek = handle.seek as (...args: unknown[]) => Promise<number>;
  const rejected = (...args: unknown[]): Promise<unknown> => rejection(seek.apply(handle, args));
  expect(await rejected(-1)).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  expect(await rejected(1.5)).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  expect(await rejected('1')).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect(await rejected()).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect(await rejected(0, 'middle')).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  await handle.close();
  const pipe = await pendingPipe();
  expect(await rejection(pipe.handle.seek(0))).toMatchObject({ code: 'ESPIPE', syscall: 'lseek' });
  await pipe.handle.close();
  await pipe.end();
});

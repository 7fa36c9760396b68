// handle.fd: on Windows a second handle of the file, which must behave like the first.
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { createReadStream, createWriteStream, open } from '../../lib/index.js';
import { fileWith, isWindows, testWhere } from '../helpers.js';

const testOnWindows = testWhere(isWindows, 'only Windows has it');

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

test('the descriptor has the access that the handle was opened for', async () => {
  const file = fileWith('content');
  const reader = await open(file, 'r');
  expect(codeOf(() => fs.writeSync(reader.fd, 'no', 0))).toBe('EBADF');
  expect(codeOf(() => fs.readSync(reader.fd, Buffer.alloc(4), 0, 4, 0))).toBe('ok');
  await reader.close();
  for (const unbuffered of isWindows ? ([false, 'prefer'] as const) : [false]) {
    const writer = await open(file, 'r+', { unbuffered });
    expect(codeOf(() => fs.readSync(writer.fd, Buffer.alloc(4), 0, 4, 0))).toBe('ok');
    await writer.close();
    const only = await open(fileWith('content'), 'w');
    expect(codeOf(() => fs.readSync(only.fd, Buffer.alloc(4), 0, 4, 0))).toBe('EBADF');
    await only.close();
  }
  expect(fs.readFileSync(file, 'utf8')).toBe('content');
});

test('the descriptor of a handle in append mode appends', async () => {
  const file = fileWith('head,');
  const handle = await open(file, 'a');
  fs.writeSync(handle.fd, 'one,');
  await handle.write('two,');
  fs.writeSync(handle.fd, 'three');
  await handle.close();
  expect(fs.readFileSync(file, 'utf8')).toBe('head,one,two,three');
});

test('handle and descriptor share one cursor', async () => {
  const handle = await open(fileWith('abcdefgh'), 'r');
  const buffer = Buffer.alloc(2);
  await handle.read(buffer, 0, 2, null);
  fs.readSync(handle.fd, buffer, 0, 2, null);
  expect(buffer.toString()).toBe('cd');
  await handle.read(buffer, 0, 2, null);
  expect(buffer.toString()).toBe('ef');
  fs.readSync(handle.fd, buffer, 0, 2, null);
  expect(buffer.toString()).toBe('gh');
  expect(await handle.seek(1)).toBe(1);
  fs.readSync(handle.fd, buffer, 0, 2, null);
  expect(buffer.toString()).toBe('bc');
  await handle.close();
});

test("a handle with share: 'none' supports every operation of a handle", async () => {
  const file = fileWith('one\ntwo\n');
  const handle = await open(file, 'r+', { share: 'none' });
  const lines: string[] = [];
  const input = handle.createReadStream({ start: 0, autoClose: false });
  for await (const line of createInterface({ input })) lines.push(line);
  expect(lines).toEqual(['one', 'two']);
  await handle.utimes(1, 2);
  await handle.chmod(0o666);
  expect((await handle.stat()).mtimeMs).toBe(2000);
  const buffer = Buffer.alloc(3);
  fs.readSync(handle.fd, buffer, 0, 3, 4);
  expect(buffer.toString()).toBe('two');
  await Promise.all([0, 1, 2, 3].map((at) => handle.write(Buffer.from('x'), { position: at })));
  expect((await handle.readFile('utf8')).slice(-4)).toBe('two\n');
  await handle.close();
  expect(fs.readFileSync(file, 'utf8')).toBe('xxxxtwo\n');
});

testOnWindows('a handle for attributes alone may change the times', async () => {
  const file = fileWith('content');
  const holder = await open(file, 'r+', { share: 'none' });
  const handle = await open(file, 'r', { attributesOnly: true });
  await handle.utimes(1, 2);
  expect((await handle.stat()).mtimeMs).toBe(2000);
  await handle.close();
  await holder.close();
});

/** Whether nobody has a file open. */
async function isFree(file: string): Promise<boolean> {
  try {
    await (await open(file, 'r+', { share: 'none' })).close();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'EBUSY' });
    return false;
  }
}

test('a program that closes the descriptor of an ended stream has closed its file', async () => {
  const file = fileWith('content');
  const writer = createWriteStream(file, { autoClose: false });
  const reader = createReadStream(file, { autoClose: false });
  const [early, late] = [once(writer, 'open'), once(reader, 'end')];
  reader.resume();
  const [fd] = await early;
  writer.end('written');
  await Promise.all([once(writer, 'finish'), late]);
  // The writer's descriptor was known while it wrote, the reader's is known from now on.
  expect(fs.writeSync(fd, ' more')).toBe(5);
  fs.closeSync(fd);
  fs.closeSync((reader as unknown as { fd: number }).fd);
  await expect.poll(() => isFree(file)).toBe(true);
  expect(fs.readFileSync(file, 'utf8')).toBe('written more');
});

test('a stream that has ended can still close its file', async () => {
  const file = fileWith('content');
  const reader = createReadStream(file, { autoClose: false });
  reader.resume();
  await once(reader, 'end');
  const { fd } = reader as unknown as { fd: number };
  expect(fs.readSync(fd, Buffer.alloc(4), 0, 4, 0)).toBe(4);
  reader.close();
  await once(reader, 'close');
  expect(codeOf(() => fs.fstatSync(fd))).toBe('EBADF');
  await expect.poll(() => isFree(file)).toBe(true);
});

testOnWindows('several transfers are in flight on one file', async () => {
  const file = fileWith('0123456789');
  const handle = await open(file, 'r');
  const reads = await Promise.all(
    [...'0123456789'].map((_, at) => handle.read(Buffer.alloc(1), { position: at })),
  );
  expect(reads.map(({ buffer }) => buffer.toString()).join('')).toBe('0123456789');
  await handle.close();
});

import { once } from 'node:events';
import fs from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { createReadStream, createWriteStream } from '../../lib/fs.js';
import { open } from '../../lib/index.js';
import {
  fileWith,
  isOfCutFile,
  makeFifo,
  randomBytes,
  rejection,
  sleep,
  temporaryFolder,
  testWhere,
  testWithFifo,
} from '../helpers.js';
import { bytesOf } from './adaptors.js';

const content = randomBytes(1_000_003);

const symbols = '/proc/kallsyms';

/** The microseconds of processor time that a function takes, and the size of what it reads. */
async function costOf(read: () => Buffer | Promise<Buffer>): Promise<{ us: number; size: number }> {
  const before = process.cpuUsage();
  const { byteLength } = await read();
  const { user, system } = process.cpuUsage(before);
  return { us: user + system, size: byteLength };
}

// Each read returns a page, and a read elsewhere regenerates everything before that position, which
// for the whole file takes thousands of times as long.
testWhere(fs.existsSync(symbols), 'there is no large file in /proc')(
  'a large file of /proc is streamed in about the time that it takes to make it once',
  async () => {
    const handle = await open(symbols);
    const once = await costOf(() => fs.readFileSync(symbols));
    const streamed = await costOf(() => bytesOf(createReadStream(symbols)));
    const chunks = await costOf(() => bytesOf(handle.chunks()));
    await handle.close();
    for (const { us } of [streamed, chunks]) expect(us).toBeLessThan(50 * once.us);
    // Its size changes when the kernel loads a module.
    const after = fs.readFileSync(symbols).byteLength;
    if (after === once.size) expect([streamed.size, chunks.size]).toEqual([after, after]);
  },
);

testWithFifo('a FIFO streams in order both ways, and ends when its writer does', async () => {
  const fifo = makeFifo();
  const reading = bytesOf(createReadStream(fifo));
  await pipeline(createReadStream(fileWith(content)), createWriteStream(fifo));
  expect((await reading).equals(content)).toBe(true);
});

testWithFifo(
  'the data in a FIFO is returned immediately, and no more than requested is read',
  async () => {
    const fifo = makeFifo();
    const writer = await open(fifo, 'r+');
    const stream = createReadStream(fifo, { highWaterMark: 10 });
    await writer.write('twelve bytes');
    const [first] = await once(stream, 'data');
    expect(first.toString()).toBe('twelve byt');
    stream.pause();
    stream.destroy();
    await once(stream, 'close');
    await writer.close();
  },
);

testWithFifo('destroying the stream of a silent FIFO cancels its read', async () => {
  const fifo = makeFifo();
  const handle = await open(fifo, 'r+');
  const stream = handle.createReadStream();
  stream.resume();
  await sleep(20);
  stream.destroy();
  await once(stream, 'close');
  expect(handle.fd).toBe(-1);
});

testWithFifo('destroying a stream whose FIFO is full cancels its write', async () => {
  const fifo = makeFifo();
  const handle = await open(fifo, 'r+');
  const stream = handle.createWriteStream();
  const told = new Promise((resolve) => stream.write(content, resolve));
  await sleep(20);
  stream.destroy();
  await once(stream, 'close');
  expect(await told).toMatchObject({ code: 'ERR_STREAM_DESTROYED' });
});

test('a stream of a handle continues from the cursor', async () => {
  const handle = await open(fileWith(content));
  await handle.read(Buffer.alloc(1000), 0, 1000, null);
  const stream = handle.createReadStream({ autoClose: false, end: 499 });
  expect((await bytesOf(stream)).equals(content.subarray(1000, 1500))).toBe(true);
  const { buffer } = await handle.read(Buffer.alloc(10), 0, 10, null);
  expect(buffer.equals(content.subarray(1500, 1510))).toBe(true);
  expect((await bytesOf(handle.createReadStream())).equals(content.subarray(1510))).toBe(true);
});

test('a cursor that was moved through the descriptor is respected, too', async () => {
  const handle = await open(fileWith(content));
  const { fd } = handle;
  if (process.platform !== 'win32') {
    fs.readSync(fd, Buffer.alloc(777), 0, 777, null);
    const rest = await bytesOf(handle.createReadStream());
    expect(rest.equals(content.subarray(777))).toBe(true);
  }
  await handle.close();
});

test('a write stream of a handle writes at the cursor, and moves it', async () => {
  const file = fileWith(content);
  const handle = await open(file, 'r+');
  await handle.read(Buffer.alloc(100), 0, 100, null);
  const stream = handle.createWriteStream({ autoClose: false });
  await new Promise<void>((resolve) => void stream.end('abcdef', () => resolve()));
  await handle.write('ghi', null);
  stream.destroy();
  await once(stream, 'close');
  expect(fs.readFileSync(file).subarray(100, 109).toString()).toBe('abcdefghi');
});

test('streams append, regardless of operations in flight', async () => {
  const file = fileWith('before');
  const handle = await open(file, 'a');
  await pipeline(createReadStream(fileWith(content)), handle.createWriteStream());
  await pipeline(createReadStream(fileWith('after')), createWriteStream(file, { flags: 'a' }));
  const expected = Buffer.concat([Buffer.from('before'), content, Buffer.from('after')]);
  expect(fs.readFileSync(file).equals(expected)).toBe(true);
});

test('a file that grows while it is read ends cleanly after its earlier content', async () => {
  const file = fileWith(content);
  const stream = createReadStream(file);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk) => {
    chunks.push(chunk as Buffer);
    if (chunks.length < 5) fs.appendFileSync(file, randomBytes(10_000));
  });
  await once(stream, 'close');
  const read = Buffer.concat(chunks);
  expect(read.byteLength).toBeGreaterThanOrEqual(content.byteLength);
  expect(read.equals(fs.readFileSync(file).subarray(0, read.byteLength))).toBe(true);
});

test('a file that is truncated while it is read ends at its new end', async () => {
  const file = fileWith(content);
  const stream = createReadStream(file, { highWaterMark: 1000 });
  const chunks: Buffer[] = [];
  stream.once('data', () => fs.truncateSync(file, 500_000));
  stream.on('data', (chunk) => chunks.push(chunk as Buffer));
  await once(stream, 'close');
  const read = Buffer.concat(chunks);
  expect(isOfCutFile(read, content, 500_000)).toBe(true);
});

test('a write stream of a path that is not a file fails as in Node', async () => {
  const stream = createWriteStream(temporaryFolder());
  expect(await rejection(once(stream, 'finish'))).toMatchObject({ syscall: 'open' });
});

test("a program's own final is called when all bytes are in the file", async () => {
  const file = path.join(temporaryFolder(), 'final');
  let seen: Buffer | undefined;
  const options = {
    final(done: () => void) {
      seen = fs.readFileSync(file);
      done();
    },
  };
  await pipeline(createReadStream(fileWith(content)), createWriteStream(file, options as object));
  expect(seen?.equals(content)).toBe(true);
});

test('data that a drained stream has accepted is in the file, and its memory is free', async () => {
  const file = path.join(temporaryFolder(), 'reused');
  const stream = createWriteStream(file);
  const handle = await open(fileWith(content));
  // More than the stream accepts without asking to wait.
  for await (const chunk of handle.chunks({ recycle: true, chunkSize: 100_000 })) {
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'close');
  await handle.close();
  expect(fs.readFileSync(file).equals(content)).toBe(true);
});

test('functions that a program has replaced in a handle or in node:fs are called', async () => {
  const handle = await open(fileWith(content), 'r+');
  let calls = 0;
  const { write } = handle;
  handle.write = ((...given: unknown[]) => {
    calls++;
    return Reflect.apply(write, handle, given);
  }) as typeof write;
  handle.createWriteStream().end('by hand');
  await once(handle, 'close');
  expect(calls).toBe(1);
  const { close } = fs;
  fs.close = ((fd: number, done: () => void) => {
    calls++;
    close(fd, done);
  }) as typeof close;
  const read = await bytesOf(createReadStream(fileWith(content)));
  fs.close = close;
  expect(calls).toBe(2);
  expect(read.equals(content)).toBe(true);
});

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { engine, type FileHandle, open } from '../../lib/index.js';
import {
  fileWith,
  isLinux,
  makeFifo,
  openDescriptors,
  randomBytes,
  rejection,
  temporaryFolder,
  testWhere,
  testWithFifo,
  until,
} from '../helpers.js';

const blockSize = 4096;
const blocks = 256;

test('close() resolves after every pending read and write settles', async () => {
  const content = randomBytes(blocks * blockSize);
  const file = fileWith(content);
  const handle = await open(file, 'r+');
  const settlements = new Array<number>(2 * blocks).fill(0);
  const written = randomBytes(blocks * blockSize, 2);
  const end = blocks * blockSize;
  const pending: Promise<void>[] = [];
  for (let i = 0; i < blocks; i++) {
    const position = i * blockSize;
    const buffer = Buffer.alloc(blockSize);
    const read = handle.read(buffer, 0, blockSize, position).then(({ bytesRead }) => {
      settlements[2 * i] = (settlements[2 * i] as number) + 1;
      expect(bytesRead).toBe(blockSize);
      expect(buffer.equals(content.subarray(position, position + blockSize))).toBe(true);
    });
    const write = handle
      .write(written, position, blockSize, end + position)
      .then(({ bytesWritten }) => {
        settlements[2 * i + 1] = (settlements[2 * i + 1] as number) + 1;
        expect(bytesWritten).toBe(blockSize);
      });
    pending.push(read, write);
  }
  await handle.close();
  expect(settlements).toEqual(new Array(2 * blocks).fill(1));
  await Promise.all(pending);
  expect(fs.readFileSync(file).equals(Buffer.concat([content, written]))).toBe(true);
});

test('close() waits for every kind of operation', async () => {
  const file = fileWith(randomBytes(64 * 1024));
  const handle = await open(file, 'r+');
  const settledNames: string[] = [];
  const operations: Record<string, Promise<unknown>> = {
    read: handle.read(Buffer.alloc(1024), 0, 1024, 0),
    write: handle.write(Buffer.alloc(1024), 0, 1024, 0),
    readv: handle.readv([Buffer.alloc(512), Buffer.alloc(512)], 0),
    writev: handle.writev([Buffer.alloc(512), Buffer.alloc(512)], 0),
    stat: handle.stat(),
    truncate: handle.truncate(32 * 1024),
    sync: handle.sync(),
    datasync: handle.datasync(),
    readAtCursor: handle.read(Buffer.alloc(100)),
  };
  for (const [name, operation] of Object.entries(operations)) {
    operation.then(() => settledNames.push(name));
  }
  await handle.close();
  expect(settledNames.sort()).toEqual(Object.keys(operations).sort());
});

testWithFifo('close() does not resolve while a read is in flight', async () => {
  const handle = await open(makeFifo(), 'r+');
  const buffer = Buffer.alloc(4);
  const read = handle.read(buffer);
  const writer = handle.fd;
  let closed = false;
  const closing = handle.close().then(() => {
    closed = true;
  });
  // Enough turns of the event loop for everything that the engine does meanwhile.
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBe(false);
  expect(fs.writeSync(writer, 'data')).toBe(4);
  expect((await read).bytesRead).toBe(4);
  expect(buffer.toString()).toBe('data');
  await closing;
  expect(closed).toBe(true);
});

const methods: Record<string, (handle: FileHandle) => Promise<unknown>> = {
  read: (handle) => handle.read(Buffer.alloc(1), 0, 1, 0),
  'read at the cursor': (handle) => handle.read(Buffer.alloc(1)),
  write: (handle) => handle.write(Buffer.alloc(1), 0, 1, 0),
  'write of a string': (handle) => handle.write('x'),
  readv: (handle) => handle.readv([Buffer.alloc(1)], 0),
  writev: (handle) => handle.writev([Buffer.alloc(1)], 0),
  stat: (handle) => handle.stat(),
  truncate: (handle) => handle.truncate(0),
  sync: (handle) => handle.sync(),
  datasync: (handle) => handle.datasync(),
  readFile: (handle) => handle.readFile(),
  writeFile: (handle) => handle.writeFile('x'),
  appendFile: (handle) => handle.appendFile('x'),
};

for (const [name, method] of Object.entries(methods)) {
  test(`${name} after close() rejects with EBADF and submits nothing`, async () => {
    const file = fileWith('content');
    const handle = await open(file, 'r+');
    await handle.close();
    const { submitted } = engine.stats();
    const error = await rejection(method(handle));
    expect(error.code).toBe('EBADF');
    expect(engine.stats().submitted).toBe(submitted);
    expect(fs.readFileSync(file, 'utf8')).toBe('content');
  });

  test(`${name} after close() rejects with EBADF even while the close is pending`, async () => {
    const file = fileWith('content');
    const handle = await open(file, 'r+');
    const closing = handle.close();
    expect((await rejection(method(handle))).code).toBe('EBADF');
    await closing;
    expect(fs.readFileSync(file, 'utf8')).toBe('content');
  });
}

test('calls at the cursor that wait for each other are all served before close()', async () => {
  const content = randomBytes(100 * 1000);
  const handle = await open(fileWith(content));
  const reads = Array.from({ length: 100 }, () => handle.read(Buffer.alloc(1000)));
  const closing = handle.close();
  const results = await Promise.all(reads);
  await closing;
  expect(Buffer.concat(results.map(({ buffer }) => buffer)).equals(content)).toBe(true);
});

const whole: Record<string, (handle: FileHandle) => Promise<unknown>> = {
  readFile: (handle) => handle.readFile(),
  writeFile: (handle) => handle.writeFile(Buffer.alloc(40 * 1024 * 1024)),
  'writeFile of an iterable': (handle) => handle.writeFile(['one', 'two', 'three']),
  'readv of 3000 buffers': (handle) =>
    handle.readv(Array.from({ length: 3000 }, () => Buffer.alloc(100))),
};

for (const [name, call] of Object.entries(whole)) {
  test(`close() resolves after a pending ${name} settles, and does not disturb it`, async () => {
    const handle = await open(fileWith(Buffer.alloc(40 * 1024 * 1024)), 'r+');
    let outcome = 'pending';
    const pending = call(handle).then(
      () => {
        outcome = 'done';
      },
      (error) => {
        outcome = String(error);
      },
    );
    await handle.close();
    const atClose = outcome;
    await pending;
    expect(atClose).toBe('done');
  });
}

test('close() may be called again; every call resolves once the file is closed', async () => {
  const handle = await open(fileWith('content'));
  let events = 0;
  handle.on('close', () => events++);
  await Promise.all([handle.close(), handle.close(), handle[Symbol.asyncDispose]()]);
  await handle.close();
  expect(events).toBe(1);
  expect(handle.fd).toBe(-1);
});

test("'close' is emitted after the pending operations have settled", async () => {
  const order: string[] = [];
  const handle = await open(fileWith('content'));
  handle.on('close', () => order.push('close'));
  const read = handle.read(Buffer.alloc(7), 0, 7, 0).then(() => order.push('read'));
  await handle.close();
  await read;
  expect(order).toEqual(['read', 'close']);
});

testWhere(isLinux, 'descriptors are counted under /proc')(
  'close() of many handles with pending reads releases all their descriptors',
  async () => {
    const file = fileWith(randomBytes(64 * 1024));
    const handles = await Promise.all(Array.from({ length: 200 }, () => open(file)));
    expect(openDescriptors(file)).toBe(200);
    const reads = handles.flatMap((handle) =>
      Array.from({ length: 5 }, (_, i) => handle.read(Buffer.alloc(4096), 0, 4096, i * 4096)),
    );
    await Promise.all(handles.map((handle) => handle.close()));
    await until(() => openDescriptors(file) === 0);
    for (const { bytesRead } of await Promise.all(reads)) expect(bytesRead).toBe(4096);
  },
);

test('the number of a closed file is not served by the next handle that gets it', async () => {
  const folder = temporaryFolder();
  const names = ['one', 'two', 'three'].map((name) => path.join(folder, name));
  for (const name of names) fs.writeFileSync(name, path.basename(name));
  for (let round = 0; round < 50; round++) {
    const old = await open(names[0] as string);
    const pending = old.read(Buffer.alloc(8), 0, 8, 0);
    const closing = old.close();
    const next = await open(names[1] as string);
    expect((await rejection(old.read(Buffer.alloc(8), 0, 8, 0))).code).toBe('EBADF');
    const { bytesRead, buffer } = await next.read(Buffer.alloc(8), 0, 8, 0);
    expect(buffer.toString('utf8', 0, bytesRead)).toBe('two');
    const first = await pending;
    expect(first.buffer.toString('utf8', 0, first.bytesRead)).toBe('one');
    await closing;
    await next.close();
  }
});

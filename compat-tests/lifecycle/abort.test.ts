import { getEventListeners } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { engine, open, readFile, stat, writeFile } from '../../lib/index.js';
import {
  fileWith,
  makeFifo,
  openFifo,
  randomBytes,
  rejection,
  settled,
  temporaryFolder,
  testWithFifo,
  until,
} from '../helpers.js';

function expectAbortError(error: unknown, cause: unknown): void {
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'AbortError',
    code: 'ABORT_ERR',
    message: 'The operation was aborted',
  });
  expect((error as Error).cause).toBe(cause);
}

const signalled: Record<string, (file: string, signal: AbortSignal) => Promise<unknown>> = {
  open: (file, signal) => open(file, 'r', { signal }),
  readFile: (file, signal) => readFile(file, { signal }),
  writeFile: (file, signal) => writeFile(file, 'changed', { signal }),
  stat: (file, signal) => stat(file, { signal }),
};
const signalledOnHandle: typeof signalled = {
  'handle.read': (file, signal) =>
    withHandle(file, (handle) => handle.read(Buffer.alloc(4), { signal })),
  'handle.read at a position': (file, signal) =>
    withHandle(file, (handle) => handle.read({ buffer: Buffer.alloc(4), position: 0, signal })),
  'handle.write': (file, signal) =>
    withHandle(file, (handle) => handle.write(Buffer.from('abcd'), { signal })),
  'handle.write at a position': (file, signal) =>
    withHandle(file, (handle) => handle.write(Buffer.from('abcd'), { position: 0, signal })),
  'handle.readFile': (file, signal) => withHandle(file, (handle) => handle.readFile({ signal })),
  'handle.writeFile': (file, signal) =>
    withHandle(file, (handle) => handle.writeFile('changed', { signal })),
  'handle.stat': (file, signal) => withHandle(file, (handle) => handle.stat({ signal })),
};

type Handle = Awaited<ReturnType<typeof open>>;

async function withHandle<R>(file: string, use: (handle: Handle) => Promise<R>): Promise<R> {
  const handle = await open(file, 'r+');
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

for (const [name, call] of Object.entries({ ...signalled, ...signalledOnHandle })) {
  test(`${name} with an aborted signal rejects; the file is unchanged`, async () => {
    const file = fileWith('content');
    const reason = new Error('the user has left');
    expectAbortError(await rejection(call(file, AbortSignal.abort(reason))), reason);
    expect(fs.readFileSync(file, 'utf8')).toBe('content');
  });

  test(`${name} removes its listener from the signal on success and on failure`, async () => {
    const { signal } = new AbortController();
    await call(fileWith('content'), signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await settled(call(`${fileWith('content')}.missing/x`, signal));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test(`${name} has succeeded: a later abort changes nothing`, async () => {
    const controller = new AbortController();
    const value = await call(fileWith('content'), controller.signal);
    const { cancelled } = engine.stats();
    controller.abort();
    await new Promise((resolve) => setImmediate(resolve));
    expect(engine.stats()).toMatchObject({ cancelled, inFlight: 0 });
    if (name === 'readFile') expect(value).toEqual(Buffer.from('content'));
    if (name === 'open') await (value as Handle).close();
  });
}

test('an abort before the submission submits nothing', async () => {
  const handle = await open(fileWith('content'));
  const { submitted } = engine.stats();
  const signal = AbortSignal.abort();
  await rejection(handle.read(Buffer.alloc(4), { signal }));
  await rejection(handle.read(Buffer.alloc(4), { position: 0, signal }));
  await rejection(handle.readFile({ signal }));
  expect(engine.stats().submitted).toBe(submitted);
  await handle.close();
});

test('an abort without a reason has the DOMException of the signal as its cause', async () => {
  const signal = AbortSignal.abort();
  const error = await rejection(readFile(fileWith('content'), { signal }));
  expectAbortError(error, signal.reason);
  expect((error.cause as Error).name).toBe('AbortError');
});

test('abort in the turn of the submission: each read has its data or AbortError', async () => {
  const content = randomBytes(1000 * 512);
  const handle = await open(fileWith(content));
  const controller = new AbortController();
  const { signal } = controller;
  const reads = Array.from({ length: 1000 }, (_, i) =>
    settled(handle.read(Buffer.alloc(512), { position: i * 512, signal })),
  );
  const reason = new Error('enough');
  controller.abort(reason);
  for (const [i, { value, error }] of (await Promise.all(reads)).entries()) {
    if (error) {
      expectAbortError(error, reason);
      continue;
    }
    const { bytesRead, buffer } = value as { bytesRead: number; buffer: Buffer };
    expect(bytesRead).toBe(512);
    expect(buffer.equals(content.subarray(i * 512, (i + 1) * 512))).toBe(true);
  }
  expect(engine.stats().inFlight).toBe(0);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  await handle.close();
});

test('abort of a large readFile rejects with AbortError between its parts', async () => {
  const file = fileWith(Buffer.alloc(96 * 1024 * 1024));
  const controller = new AbortController();
  const reason = new Error('enough');
  const reading = rejection(readFile(file, { signal: controller.signal }));
  setImmediate(() => controller.abort(reason));
  expectAbortError(await reading, reason);
});

test('abort of writeFile between parts keeps the written parts', async () => {
  const file = fileWith('');
  const controller = new AbortController();
  const reason = new Error('enough');
  async function* parts(): AsyncGenerator<string> {
    yield 'first part';
    controller.abort(reason);
    yield 'second part';
  }
  const writing = writeFile(file, parts(), { signal: controller.signal });
  expectAbortError(await rejection(writing), reason);
  expect(fs.readFileSync(file, 'utf8')).toBe('first part');
});

testWithFifo('a read in flight is aborted, and its handle is usable after', async () => {
  const handle = await open(makeFifo(), 'r+');
  const controller = new AbortController();
  const reason = new Error('enough');
  const reading = rejection(handle.read(Buffer.alloc(16), { signal: controller.signal }));
  await until(() => engine.stats().inFlight === 1);
  controller.abort(reason);
  expectAbortError(await reading, reason);
  await handle.write(Buffer.from('still here'));
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(16));
  expect(buffer.toString('utf8', 0, bytesRead)).toBe('still here');
  await handle.close();
});

testWithFifo('1000 reads in flight are aborted; each settles exactly once', async () => {
  const handlesMax = 500;
  const before = engine.stats();
  const handles = await openFifo(makeFifo(), handlesMax);
  const controller = new AbortController();
  const reason = new Error('enough');
  const settlements = new Array<number>(1000).fill(0);
  const reads = settlements.map((_, i) => {
    const handle = handles[i % handlesMax] as Handle;
    const read = handle.read(Buffer.alloc(16), { signal: controller.signal });
    return settled(read).finally(() => {
      settlements[i] = (settlements[i] as number) + 1;
    });
  });
  // Including those that a turn of the event loop has postponed.
  const accepted = before.submitted + handlesMax + settlements.length;
  await until(() => engine.stats().submitted === accepted);
  expect(engine.stats().inFlight).toBe(settlements.length);
  controller.abort(reason);
  for (const { error } of await Promise.all(reads)) expectAbortError(error, reason);
  expect(settlements).toEqual(new Array(1000).fill(1));
  await handles[0]?.write(Buffer.from('x'));
  expect((await handles[handlesMax - 1]?.read(Buffer.alloc(16)))?.bytesRead).toBe(1);
  await Promise.all(handles.map((handle) => handle.close()));
  const after = engine.stats();
  expect(after.inFlight).toBe(0);
  expect(after.submitted - before.submitted).toBe(after.completed - before.completed);
  expect(after.cancelled - before.cancelled).toBe(settlements.length);
});

testWithFifo('an abort reaches operations that wait for a read on the same cursor', async () => {
  const handle = await open(makeFifo(), 'r+');
  const waiting = new AbortController();
  const first = handle.read(Buffer.alloc(1));
  let firstSettled = false;
  first.finally(() => {
    firstSettled = true;
  });
  const second = rejection(handle.read(Buffer.alloc(1), { signal: waiting.signal }));
  waiting.abort();
  // If it had to wait for the operation that was not aborted, the test would not end.
  expectAbortError(await second, waiting.signal.reason);
  expect(firstSettled).toBe(false);
  fs.writeSync(handle.fd, 'x');
  expect((await first).bytesRead).toBe(1);
  await handle.close();
});

testWithFifo('opens that wait for a writer hold nothing up, and can be aborted', async () => {
  const openings = 200;
  const fifo = makeFifo();
  const file = fileWith('content');
  const { signal, abort } = abortable();
  const waiting = Array.from({ length: openings }, () => rejection(open(fifo, 'r', { signal })));
  await writeFile(file, 'changed');
  expect(await readFile(file, 'utf8')).toBe('changed');
  expect((await stat(file)).size).toBe(7);
  expect(engine.stats().inFlight).toBe(openings);
  const reason = new Error('nobody writes');
  abort(reason);
  for (const error of await Promise.all(waiting)) expectAbortError(error, reason);
  expect(engine.stats().inFlight).toBe(0);
});

function abortable(): { signal: AbortSignal; abort: (reason: Error) => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}

test('an abort reaches operations that wait for a worker; no file is half written', async () => {
  const count = 2000;
  const reason = new Error('enough');
  let aborted = 0;
  // Those that had a worker may have succeeded, and on a busy machine they may be many.
  for (let round = 0; round < 20 && aborted === 0; round++) {
    const folder = temporaryFolder();
    const files = Array.from({ length: count }, (_, i) => path.join(folder, String(i)));
    const { signal, abort } = abortable();
    const writes = files.map((file) => settled(writeFile(file, 'the content', { signal })));
    await null;
    abort(reason);
    for (const [i, { error }] of (await Promise.all(writes)).entries()) {
      if (error) expectAbortError(error, reason);
      if (error) aborted++;
      else expect(fs.readFileSync(files[i] as string, 'utf8')).toBe('the content');
    }
    expect(engine.stats().inFlight).toBe(0);
  }
  expect(aborted).toBeGreaterThan(0);
});

// Cancel one operation, all operations of a handle (CancelIoEx with NULL), or all by closing it;
// ERROR_OPERATION_ABORTED becomes AbortError; synchronous calls end by CancelSynchronousIo.
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { AbortError, engine, open } from '../../lib/index.js';
import { fileWith, isWindows, rejection, resultOfChild, settled } from '../helpers.js';
import { pendingPipe } from './pending-pipe.js';

const count = 1000;

function expectCancelled(error: unknown): void {
  expect(error).toBeInstanceOf(AbortError);
  expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
}

test('canceling 1,000 pending pipe reads settles each once; the handle stays usable', async () => {
  const { handle, feed, end } = await pendingPipe();
  const before = engine.stats();
  const settlements = new Array<number>(count).fill(0);
  const reads = settlements.map((_, i) =>
    settled(handle.read(Buffer.alloc(16))).finally(() => {
      settlements[i] = (settlements[i] as number) + 1;
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  handle.cancel();
  for (const { error } of await Promise.all(reads)) {
    expectCancelled(error);
    expect((error as Error).cause).toBeUndefined();
  }
  expect(settlements).toEqual(new Array(count).fill(1));
  const after = engine.stats();
  expect(after.inFlight).toBe(before.inFlight);
  expect(after.cancelled - before.cancelled).toBe(count);
  await feed('still here');
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(16));
  expect(buffer.toString('utf8', 0, bytesRead)).toBe('still here');
  await handle.close();
  await end();
});

test('cancel in the turn of the submission reaches operations just requested', async () => {
  const { handle, end } = await pendingPipe();
  const read = rejection(handle.read(Buffer.alloc(1)));
  handle.cancel();
  expectCancelled(await read);
  await handle.close();
  await end();
});

test('cancel() frees the buffers of the operations that it ends', async () => {
  // Runs in a child process, whose garbage can be collected.
  const script = `
    import * as net from 'node:net';
    const name = ${isWindows} ? '\\\\\\\\.\\\\pipe\\\\freed-' + process.pid : argument;
    const server = net.createServer((socket) => socket.on('error', () => {}));
    if (${isWindows}) await new Promise((resolve) => server.listen(name, resolve));
    const handle = await open(name, 'r+');
    const references = [];
    const reads = [];
    for (let i = 0; i < ${count}; i++) {
      const buffer = Buffer.allocUnsafeSlow(4096);
      references.push(new WeakRef(buffer.buffer));
      reads.push(handle.read(buffer).catch(() => {}));
    }
    await sleep(20);
    handle.cancel();
    await Promise.all(reads);
    reads.length = 0;
    let alive = references.length;
    for (let i = 0; i < 500 && alive > 0; i++) {
      await turn();
      gc();
      alive = references.filter((reference) => reference.deref()).length;
    }
    await handle.close();
    console.log(JSON.stringify({ alive, inFlight: engine.stats().inFlight }));
    process.exit(0);
  `;
  const { makeFifo } = await import('../helpers.js');
  const args = isWindows ? [] : [makeFifo()];
  const result = await resultOfChild<{ alive: number; inFlight: number }>(script, {
    flags: ['--expose-gc'],
    args,
  });
  // The last few may still be on the stack.
  expect(result.alive).toBeLessThan(10);
  expect(result.inFlight).toBe(0);
});

test('close({ cancel: true }) with 1,000 operations in flight, 100 times', async () => {
  const rounds = 100;
  const { completed } = engine.stats();
  for (let round = 0; round < rounds; round++) {
    const { handle, end } = await pendingPipe();
    let settlements = 0;
    const reads = Array.from({ length: count }, () =>
      settled(handle.read(Buffer.alloc(1))).finally(() => {
        settlements++;
      }),
    );
    // Some rounds before the submission, some while the engine takes it.
    if (round % 3 === 1) await null;
    if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
    await handle.close({ cancel: true });
    expect(settlements).toBe(count);
    for (const { error } of await Promise.all(reads)) expectCancelled(error);
    await end();
  }
  const after = engine.stats();
  expect(after.inFlight).toBe(0);
  // Including the opens and closes of the handle, and of the writer that a FIFO has.
  expect(after.completed - completed).toBe(rounds * (count + (isWindows ? 2 : 4)));
});

test('close() waits, and a second close with cancel ends the waiting', async () => {
  const { handle, end } = await pendingPipe();
  const read = rejection(handle.read(Buffer.alloc(1)));
  const closing = handle.close();
  let closed = false;
  closing.then(() => {
    closed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(closed).toBe(false);
  await handle.close({ cancel: true });
  await closing;
  expectCancelled(await read);
  await end();
});

test('cancel() of a handle does not affect other handles', async () => {
  const one = await pendingPipe();
  const other = await pendingPipe();
  const stays = other.handle.read(Buffer.alloc(1));
  const goes = rejection(one.handle.read(Buffer.alloc(1)));
  await new Promise((resolve) => setTimeout(resolve, 10));
  one.handle.cancel();
  expectCancelled(await goes);
  await other.feed('x');
  expect((await stays).bytesRead).toBe(1);
  await Promise.all([one, other].map(({ handle, end }) => handle.close().then(end)));
});

test('cancel() reaches operations that wait for the cursor of a file', async () => {
  const size = 64 * 1024 * 1024;
  const handle = await open(fileWith(Buffer.alloc(size)));
  const reads = Array.from({ length: 50 }, () => settled(handle.read(Buffer.alloc(size / 64))));
  await null;
  handle.cancel();
  const outcomes = await Promise.all(reads);
  const cancelled = outcomes.filter(({ error }) => error);
  for (const { error } of cancelled) expectCancelled(error);
  // Those after the first one had not begun.
  expect(cancelled.length).toBeGreaterThanOrEqual(49);
  expect((await handle.read(Buffer.alloc(4))).bytesRead).toBe(4);
  await handle.close();
});

test('cancel() with nothing in flight does nothing; on a closed handle it is EBADF', async () => {
  const handle = await open(fileWith('content'));
  handle.cancel();
  expect(await handle.readFile('utf8')).toBe('content');
  handle.cancel();
  await handle.close();
  expect(() => handle.cancel()).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

test('bytesMayHaveMoved is false if nothing can have moved', async () => {
  const { handle, end } = await pendingPipe();
  const before = await rejection(handle.read(Buffer.alloc(1), { signal: AbortSignal.abort() }));
  expect(before).toMatchObject({ bytesMayHaveMoved: false });
  const read = rejection(handle.read(Buffer.alloc(1)));
  await new Promise((resolve) => setTimeout(resolve, 20));
  handle.cancel();
  // On Linux an interrupted read has moved nothing; Windows does not report it.
  expect(await read).toMatchObject({ bytesMayHaveMoved: isWindows });
  await handle.close();
  await end();
});

test('bytesMayHaveMoved is true if part of a file has been written', async () => {
  const file = fileWith('');
  const handle = await open(file, 'w');
  const controller = new AbortController();
  async function* parts(): AsyncGenerator<string> {
    yield 'first part';
    controller.abort();
    yield 'second part';
  }
  const error = await rejection(handle.writeFile(parts(), { signal: controller.signal }));
  expectCancelled(error);
  expect(error).toMatchObject({ bytesMayHaveMoved: true });
  await handle.close();
  expect(fs.readFileSync(file, 'utf8')).toBe('first part');
});

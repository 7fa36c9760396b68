// Anonymous pipes: pairs of handles, used as handles and streams, canceled and closed.
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { createPipe, type PipePair } from '../../lib/devices/index.js';
import { AbortError, engine } from '../../lib/index.js';
import { randomBytes, rejection, settled, sha256, sleep, testWhere } from '../helpers.js';

const count = 1000;
const testOnLinux = testWhere(process.platform === 'linux', 'pipe sizes are known on Linux alone');

async function close({ readable, writable }: PipePair): Promise<void> {
  await Promise.all([readable.close(), writable.close()]);
}

test('a read returns written data, and 0 bytes once the other end is closed', async () => {
  const { readable, writable } = await createPipe();
  expect([readable.deviceType, writable.deviceType]).toEqual(['pipe', 'pipe']);
  expect((await writable.write('over the pipe')).bytesWritten).toBe(13);
  const { bytesRead, buffer } = await readable.read(Buffer.alloc(100));
  expect(buffer.toString('utf8', 0, bytesRead)).toBe('over the pipe');
  const last = readable.read(Buffer.alloc(1));
  await writable.close();
  expect((await last).bytesRead).toBe(0);
  await readable.close();
});

test('each end does one thing only, and a write without a reader fails', async () => {
  const pipe = await createPipe();
  expect((await rejection(pipe.readable.write('x'))).code).toBe('EBADF');
  expect((await rejection(pipe.writable.read(Buffer.alloc(1)))).code).toBe('EBADF');
  await pipe.readable.close();
  expect((await rejection(pipe.writable.write('nobody'))).code).toBe('EPIPE');
  await pipe.writable.close();
});

test('streams over a pipe carry more than its buffer, in order', async () => {
  const { readable, writable } = await createPipe();
  const content = randomBytes(3_000_001);
  const output = writable.createWriteStream();
  const chunks: Buffer[] = [];
  const reading = pipeline(readable.createReadStream(), async (input) => {
    for await (const chunk of input) chunks.push(chunk as Buffer);
  });
  for (let at = 0; at < content.length; at += 100_000) {
    const chunk = content.subarray(at, at + 100_000);
    if (!output.write(chunk)) await once(output, 'drain');
  }
  output.end();
  await reading;
  expect(sha256(Buffer.concat(chunks))).toBe(sha256(content));
});

test('a web stream and chunks() end when the other end is closed', async () => {
  const first = await createPipe();
  await first.writable.write('as web stream');
  await first.writable.close();
  expect(await text(first.readable.readableWebStream())).toBe('as web stream');
  await first.readable.close();
  const second = await createPipe();
  await second.writable.write('as chunks');
  await second.writable.close();
  const chunks: Buffer[] = [];
  for await (const chunk of second.readable.chunks()) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('as chunks');
  await second.readable.close();
});

test('cancelling 1,000 pending reads settles each once; the pipe stays usable', async () => {
  const pipe = await createPipe();
  const before = engine.stats();
  const settlements = new Array<number>(count).fill(0);
  const reads = settlements.map((_, i) =>
    settled(pipe.readable.read(Buffer.alloc(16))).finally(() => {
      settlements[i] = (settlements[i] as number) + 1;
    }),
  );
  await sleep(20);
  pipe.readable.cancel();
  for (const { error } of await Promise.all(reads)) expect(error).toBeInstanceOf(AbortError);
  expect(settlements).toEqual(new Array(count).fill(1));
  const after = engine.stats();
  expect(after.inFlight).toBe(before.inFlight);
  expect(after.cancelled - before.cancelled).toBe(count);
  await pipe.writable.write('still here');
  const { bytesRead } = await pipe.readable.read(Buffer.alloc(16));
  expect(bytesRead).toBe(10);
  await close(pipe);
});

test('one of 1,000 pending reads is canceled by its signal, and the others continue', async () => {
  const pipe = await createPipe();
  const controller = new AbortController();
  const { signal } = controller;
  const reads = Array.from({ length: count }, (_, i) =>
    settled(pipe.readable.read(Buffer.alloc(1), i === 500 ? { signal } : {})),
  );
  await sleep(20);
  controller.abort();
  expect((await (reads[500] as Promise<{ error?: unknown }>)).error).toBeInstanceOf(AbortError);
  await pipe.writable.write(Buffer.alloc(count - 1));
  const outcomes = await Promise.all(reads);
  expect(outcomes.filter(({ error }) => error === undefined)).toHaveLength(count - 1);
  await close(pipe);
});

test('close({ cancel: true }) with 1,000 operations in flight, 100 times', async () => {
  const rounds = 100;
  const { cancelled } = engine.stats();
  for (let round = 0; round < rounds; round++) {
    const { readable, writable } = await createPipe();
    let settlements = 0;
    const reads = Array.from({ length: count }, () =>
      settled(readable.read(Buffer.alloc(1))).finally(() => {
        settlements++;
      }),
    );
    // Some rounds before the submission, some while the engine takes it.
    if (round % 3 === 1) await null;
    if (round % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
    await readable.close({ cancel: true });
    expect(settlements).toBe(count);
    for (const { error } of await Promise.all(reads)) expect(error).toBeInstanceOf(AbortError);
    await writable.close();
  }
  const after = engine.stats();
  expect(after.inFlight).toBe(0);
  expect(after.cancelled - cancelled).toBe(rounds * count);
});

test('writes that wait for room are canceled, and earlier data is read', async () => {
  const pipe = await createPipe();
  const writes = Array.from({ length: 20 }, () =>
    settled(pipe.writable.write(Buffer.alloc(64 * 1024, 'w'))),
  );
  await sleep(50);
  pipe.writable.cancel();
  const outcomes = await Promise.all(writes);
  const cancelled = outcomes.filter(({ error }) => error);
  expect(cancelled.length).toBeGreaterThan(0);
  for (const { error } of cancelled) expect(error).toBeInstanceOf(AbortError);
  const { bytesRead, buffer } = await pipe.readable.read(Buffer.alloc(1024));
  expect(buffer.subarray(0, bytesRead).every((byte) => byte === 0x77)).toBe(true);
  await close(pipe);
});

testOnLinux('bufferSize is the capacity of a pipe', async () => {
  const bufferSize = 256 * 1024;
  const pipe = await createPipe({ bufferSize });
  const { bytesWritten } = await pipe.writable.write(Buffer.alloc(bufferSize));
  expect(bytesWritten).toBe(bufferSize);
  await close(pipe);
});

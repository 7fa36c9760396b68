// Devices as streams, which end, fail and are destroyed while an operation waits.
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createPipe, openSerialPort, type PipePair } from '../../lib/devices/index.js';
import { engine, type FileHandle } from '../../lib/index.js';
import { isLinux, isWindows, settled, sleep, testWhere, until } from '../helpers.js';
import { hasSerialPair, serialPair } from './serial-pair.js';

const testWithPair = testWhere(hasSerialPair, 'needs a pair of serial ports, which socat makes', {
  mustRun: true,
});
const testOnPosixWithPair = testWhere(hasSerialPair && !isWindows, 'the pair stays there', {
  mustRun: isLinux,
});

/** The events of a stream, in order; errors by their code. */
function eventsOf(stream: Readable | Writable): string[] {
  const events: string[] = [];
  for (const name of ['end', 'finish', 'error', 'close']) {
    stream.on(name, (error?: NodeJS.ErrnoException) => {
      events.push(error === undefined ? name : `${name} ${error.code ?? error.message}`);
    });
  }
  return events;
}

/** A stream whose first read waits. */
async function waitingStream(handle: FileHandle): Promise<Readable> {
  const stream = handle.createReadStream().resume();
  await until(() => engine.stats().inFlight > 0);
  return stream;
}

/** A stream whose writes wait for a reader. */
async function fullStream(handle: FileHandle): Promise<[Writable, Promise<unknown>]> {
  const stream = handle.createWriteStream();
  const written = new Promise((resolve) => {
    for (let i = 0; i < 20; i++) stream.write(Buffer.alloc(50_000), resolve);
  });
  await until(() => engine.stats().inFlight > 0);
  await sleep(30);
  return [stream, written];
}

async function closed(...ends: FileHandle[]): Promise<void> {
  await Promise.all(ends.map((end) => end.close()));
  expect(engine.stats().inFlight).toBe(0);
}

async function withPipe(run: (pipe: PipePair) => Promise<void>): Promise<void> {
  const pipe = await createPipe();
  await run(pipe);
  await closed(pipe.readable, pipe.writable);
}

test('destroy() of a stream whose read waits closes the handle, and close is last', () =>
  withPipe(async ({ readable, writable }) => {
    const stream = await waitingStream(readable);
    const events = eventsOf(stream);
    stream.destroy();
    await once(stream, 'close');
    expect(events).toEqual(['close']);
    expect(engine.stats().inFlight).toBe(0);
    expect((await settled(readable.read(Buffer.alloc(1)))).error?.code).toBe('EBADF');
    expect((await settled(writable.write('nobody'))).error?.code).toBe('EPIPE');
  }));

test('destroy(error) of a stream whose write waits for room ends it with that error', () =>
  withPipe(async ({ readable, writable }) => {
    const [stream, written] = await fullStream(writable);
    const events = eventsOf(stream);
    stream.destroy(new Error('enough'));
    await until(() => stream.closed);
    expect(events).toEqual(['error enough', 'close']);
    expect(await written).toBeDefined();
    expect(engine.stats().inFlight).toBe(0);
    // The data that is already in the pipe arrives, and then the end.
    const content = await readable.readFile();
    expect(content.byteLength).toBeLessThan(20 * 50_000);
    expect(content.every((byte) => byte === 0)).toBe(true);
  }));

test('a write stream fails with EPIPE when its reader goes while a write waits', () =>
  withPipe(async ({ readable, writable }) => {
    const [stream] = await fullStream(writable);
    const events = eventsOf(stream);
    await readable.close();
    await until(() => stream.closed);
    expect(events).toEqual(['error EPIPE', 'close']);
  }));

test('a read stream ends when its writer goes while a read waits', () =>
  withPipe(async ({ readable, writable }) => {
    const stream = await waitingStream(readable);
    const events = eventsOf(stream);
    await writable.close();
    await until(() => stream.closed);
    expect(events).toEqual(['end', 'close']);
  }));

test('a handle that is closed under its streams ends them', () =>
  withPipe(async ({ readable, writable }) => {
    const [writing, written] = await fullStream(writable);
    const events = eventsOf(writing);
    await writable.close({ cancel: true });
    await until(() => writing.closed);
    expect(events.at(-1)).toBe('close');
    expect(await written).toBeDefined();
    expect((await readable.readFile()).byteLength).toBeLessThan(20 * 50_000);
    const other = await createPipe();
    const reading = await waitingStream(other.readable);
    await other.readable.close();
    await until(() => reading.closed);
    await closed(other.readable, other.writable);
  }));

test('cancel() of a web stream whose read waits ends that read', () =>
  withPipe(async ({ readable }) => {
    const reader = readable.readableWebStream().getReader();
    const read = reader.read();
    await until(() => engine.stats().inFlight > 0);
    await reader.cancel();
    expect((await read).done).toBe(true);
    await readable.close({ cancel: true });
  }));

testWithPair(
  'destroy() of a serial port stream with a pending read; the other side continues',
  async () => {
    const pair = await serialPair();
    try {
      for (let round = 0; round < 3; round++) {
        const port = await openSerialPort(pair.one);
        const stream = await waitingStream(port);
        stream.destroy();
        await once(stream, 'close');
        await closed(port);
      }
    } finally {
      pair.end();
    }
  },
);

testOnPosixWithPair(
  'a serial port that disappears ends its stream, or fails it with EIO',
  async () => {
    const pair = await serialPair();
    const port = await openSerialPort(pair.one);
    const stream = await waitingStream(port);
    const events = eventsOf(stream);
    pair.end();
    await until(() => stream.closed);
    expect([
      ['end', 'close'],
      ['error EIO', 'close'],
    ]).toContainEqual(events);
    await closed(port);
  },
);

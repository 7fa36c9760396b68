import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Writable as NodeWritable, Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import * as streamx from 'streamx';
import { expect, test } from 'vitest';
import { allocAligned, engine, open } from '../../lib/index.js';
import * as x from '../../lib/streams/streamx.js';
import * as web from '../../lib/streams/web.js';
import { canMakeDisks, Disk } from '../alignment/loop-device.js';
import {
  distUrl,
  isLinux,
  makeFifo,
  openDescriptors,
  randomBytes,
  rejection,
  resultOfChild,
  settled,
  sleep,
  testWhere,
  testWithFifo,
  until,
} from '../helpers.js';
import { bytesOf, connect, kinds, sinkOf, sourceOf } from './adaptors.js';
import { content, descriptors, folder, holdToLaws, size, source } from './lifecycle-laws.js';

type ByobReader = ReturnType<typeof byobReader>;
type XStream = x.ReadStream | x.WriteStream;

holdToLaws(async () => {
  await bytesOf(web.createReadableStream(source));
  await connect(sourceOf('node', source), sinkOf('node', path.join(folder, 'warm')));
});

function byobReader(stream: ReadableStream<Uint8Array>) {
  return stream.getReader({ mode: 'byob' });
}

async function bytesOfByob(reader: ByobReader, viewOf: () => Uint8Array): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const { value, done } = await reader.read(viewOf());
    if (done) return Buffer.concat(parts);
    parts.push(value);
  }
}

// ---- streamx

interface Lifecycle {
  closes: number;
  errors: Error[];
  /** Events after 'close'. */
  late: string[];
  /** Operations in flight at 'close'. */
  inFlight: number;
}

/** Observes a stream until some time after its 'close'. */
async function lifecycleOf(stream: XStream): Promise<Lifecycle> {
  const seen: Lifecycle = { closes: 0, errors: [], late: [], inFlight: 0 };
  const emitter = stream as unknown as NodeJS.EventEmitter;
  for (const name of ['open', 'end', 'finish', 'drain', 'error', 'progress']) {
    emitter.on(name, (value: unknown) => {
      if (name === 'error') seen.errors.push(value as Error);
      if (seen.closes > 0) seen.late.push(name);
    });
  }
  emitter.on('close', () => {
    seen.closes++;
    seen.inFlight = engine.stats().inFlight;
  });
  await until(() => seen.closes > 0);
  await sleep(20);
  return seen;
}

const moments: Record<string, (stream: XStream, then: () => void) => void> = {
  'at once': (_stream, then) => then(),
  'in the next tick': (_stream, then) => process.nextTick(then),
  'when it is open': (stream, then) => void stream.once('open' as never, then as never),
  'a turn after it is open': (stream, then) =>
    void stream.once('open' as never, (() => setImmediate(then)) as never),
  'at the first data or drain': (stream, then) =>
    void stream.once(('bytesRead' in stream ? 'data' : 'drain') as never, then as never),
  'after a while': (_stream, then) => void setTimeout(then, 5),
  'at its end': (stream, then) =>
    void stream.once(('bytesRead' in stream ? 'end' : 'finish') as never, then as never),
};

for (const unbuffered of [false, true]) {
  const kind = unbuffered ? 'unbuffered' : 'buffered';
  for (const [moment, at] of Object.entries(moments)) {
    for (const error of [undefined, new Error('enough')]) {
      const name = `destroyed ${moment} ${error ? 'with' : 'without'} an error`;
      let wasOver = false;
      const destroy = (stream: XStream): void => {
        wasOver = stream.destroying;
        stream.destroy(error);
      };
      const expectOneEnd = (seen: Lifecycle): void => {
        const errors = error && !wasOver ? [error] : [];
        expect(seen).toEqual({ closes: 1, errors, late: [], inFlight: 0 });
      };

      test(`a ${kind} streamx read stream, ${name}, closes last and once`, async () => {
        const stream = x.createReadStream(source, { unbuffered });
        const watched = lifecycleOf(stream);
        at(stream, () => destroy(stream));
        stream.resume();
        expectOneEnd(await watched);
      });

      test(`a ${kind} streamx write stream, ${name}, closes last and once`, async () => {
        const file = path.join(folder, 'destroyed');
        const stream = x.createWriteStream(file, { unbuffered });
        const watched = lifecycleOf(stream);
        at(stream, () => destroy(stream));
        for (let start = 0; start < size && !stream.destroying; start += 100_000) {
          stream.write(content.subarray(start, start + 100_000));
        }
        if (moment === 'at its end') stream.end(undefined);
        expectOneEnd(await watched);
        const { flushedPosition } = stream;
        const written = fs.existsSync(file) ? fs.readFileSync(file) : Buffer.alloc(0);
        const complete = content.subarray(0, flushedPosition);
        expect(written.subarray(0, flushedPosition).equals(complete)).toBe(true);
        fs.rmSync(file, { force: true });
      });
    }
  }

  test(`a slow ${kind} consumer and a slow producer lose no byte`, async () => {
    for (const from of kinds) {
      const chunks: Buffer[] = [];
      const slow = new NodeWritable({
        highWaterMark: 1,
        write(chunk, _encoding, done) {
          chunks.push(chunk);
          setTimeout(done, 1);
        },
      });
      await connect(sourceOf(from, source, { unbuffered }), slow);
      expect(Buffer.concat(chunks).equals(content)).toBe(true);
      const file = path.join(folder, 'slowly');
      const pieces = async function* (): AsyncGenerator<Buffer> {
        for (let start = 0; start < 50_000; start += 777) {
          await sleep(start % 3);
          yield content.subarray(start, Math.min(start + 777, 50_000));
        }
      };
      await connect(Readable.from(pieces()), sinkOf(from, file, { unbuffered }));
      expect(fs.readFileSync(file).equals(content.subarray(0, 50_000))).toBe(true);
    }
  });

  test(`a signal ends every ${kind} stream with an AbortError`, async () => {
    for (const ms of [-1, 0, 2, 10]) {
      const controller = new AbortController();
      if (ms < 0) controller.abort();
      else setTimeout(() => controller.abort(), ms);
      const { signal } = controller;
      const file = path.join(folder, `aborted-${ms}`);
      const slowly = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
        for await (const _ of stream) await sleep(5);
      };
      const outcomes = await Promise.all([
        rejection(slowly(web.createReadableStream(source, { unbuffered, signal }))),
        rejection(slowly(x.createReadStream(source, { unbuffered, signal }) as never)),
        rejection(connect(endless(), web.createWritableStream(file, { unbuffered, signal }))),
        rejection(connect(endless(), x.createWriteStream(`${file}x`, { unbuffered, signal }))),
      ]);
      expect(outcomes.map(({ name }) => name)).toEqual(Array(4).fill('AbortError'));
      for (const name of [file, `${file}x`]) fs.rmSync(name, { force: true });
    }
  });

  test(`a ${kind} readable web stream may be cancelled at any time, and closes`, async () => {
    for (const most of [0, 1, 2, 5]) {
      for (const mode of ['default', 'byob', 'waiting']) {
        const stream = web.createReadableStream(source, { unbuffered });
        const reader = mode === 'byob' ? byobReader(stream) : stream.getReader();
        const read = (): Promise<unknown> =>
          (reader as ByobReader).read(allocAligned(100_000, { alignment: 4096 }));
        for (let i = 0; i < most; i++) await read();
        const waiting = mode === 'waiting' ? read() : undefined;
        await reader.cancel();
        expect(engine.stats().inFlight).toBe(0);
        if (isLinux) expect(openDescriptors()).toBeLessThanOrEqual(descriptors);
        await waiting;
      }
    }
  });

  test(`a ${kind} writable web stream may be aborted at any time, and closes`, async () => {
    const file = path.join(folder, 'aborted');
    for (const most of [0, 1, 5, 30]) {
      for (const isWaiting of [false, true]) {
        const stream = web.createWritableStream(file, { unbuffered });
        const writer = stream.getWriter();
        const closed = settled(writer.closed);
        for (let i = 0; i < most; i++)
          await writer.write(content.subarray(i * 100_000).subarray(0, 100_000));
        const waiting = isWaiting ? settled(writer.write(content)) : undefined;
        const reason = new Error('enough');
        await writer.abort(reason);
        expect(engine.stats().inFlight).toBe(0);
        if (isLinux) expect(openDescriptors()).toBeLessThanOrEqual(descriptors);
        await waiting;
        expect((await closed).error).toBe(reason);
        const { flushedPosition } = stream;
        const complete = content.subarray(0, Math.min(flushedPosition, most * 100_000));
        const written = fs.existsSync(file) ? fs.readFileSync(file) : Buffer.alloc(0);
        expect(written.subarray(0, complete.byteLength).equals(complete)).toBe(true);
        fs.rmSync(file, { force: true });
      }
    }
  });

  test(`views of a ${kind} BYOB reader are filled at any size and address`, async () => {
    const aligned = (length: number) => (): Uint8Array => {
      const { buffer, byteOffset } = allocAligned(length, { alignment: 4096 });
      return new Uint8Array(buffer, byteOffset, length);
    };
    const odd = (length: number) => (): Uint8Array => new Uint8Array(length + 3).subarray(3);
    for (const start of [0, 777, 4096]) {
      for (const viewOf of [
        aligned(65_536),
        aligned(4096),
        aligned(5000),
        odd(100_000),
        odd(9999),
      ]) {
        for (const end of [size - 1, 2_000_000]) {
          const stream = web.createReadableStream(source, { unbuffered, start, end });
          const bytes = await bytesOfByob(byobReader(stream), viewOf);
          expect(bytes.equals(content.subarray(start, end + 1))).toBe(true);
        }
      }
    }
  });

  test(`readers of both modes take turns on a ${kind} stream`, async () => {
    const stream = web.createReadableStream(source, { unbuffered });
    const parts: Uint8Array[] = [];
    for (let turn = 0; ; turn++) {
      const reader = turn % 3 === 0 ? stream.getReader() : byobReader(stream);
      const { value, done } = await (reader as ByobReader).read(new Uint8Array(70_000 + turn));
      reader.releaseLock();
      if (done) break;
      parts.push(value as Uint8Array);
    }
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });

  test(`aligned views of a ${kind} BYOB reader are read into without a copy`, async () => {
    const stream = web.createReadableStream(source, { unbuffered });
    const reader = byobReader(stream);
    const before = engine.stats().submitted;
    const length = 1024 * 1024;
    const { buffer, byteOffset } = allocAligned(length, { alignment: 4096 });
    const { value } = await reader.read(new Uint8Array(buffer, byteOffset, length));
    expect(value?.byteLength).toBe(length);
    // The open and the read itself: no data was read ahead, which would have to be copied.
    expect(engine.stats().submitted - before).toBeLessThanOrEqual(2);
    await reader.cancel();
  });

  test(`a missing path fails every ${kind} stream once`, async () => {
    const missing = path.join(folder, 'no', 'such', 'file');
    for (const kindOf of kinds) {
      const read = await rejection(bytesOf(sourceOf(kindOf, missing, { unbuffered })));
      expect(read).toMatchObject({ code: 'ENOENT', syscall: 'open' });
      const written = connect(Readable.from([content]), sinkOf(kindOf, missing, { unbuffered }));
      expect(await rejection(written)).toMatchObject({ code: 'ENOENT', syscall: 'open' });
    }
  });

  test(`close() of the handle ends the ${kind} streams on it, and waits for them`, async () => {
    const handle = await open(path.join(folder, 'closed'), 'w+', { unbuffered });
    await handle.writeFile(content);
    const fd = handle as never as x.ReadStreamOptions['fd'];
    const slowly = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const _ of stream) await sleep(5);
    };
    const idle = web.createReadableStream(null, { fd, start: 0 });
    const ends = [
      rejection(slowly(web.createReadableStream(null, { fd, start: 0 }))),
      rejection(slowly(x.createReadStream(null, { fd, start: 0 }) as never)),
      rejection(connect(endless(), web.createWritableStream(null, { fd, start: size }))),
      rejection(connect(endless(), x.createWriteStream(null, { fd, start: size }))),
    ];
    await sleep(20);
    await handle.close();
    expect(engine.stats().inFlight).toBe(0);
    const outcomes = await Promise.all(ends);
    expect(outcomes.map(({ code }) => code)).toEqual(Array(4).fill('EBADF'));
    expect(await rejection(idle.getReader().read() as Promise<unknown>)).toMatchObject({
      code: 'EBADF',
    });
    expect(() => handle.writableWebStream()).toThrow(/closed/);
  });
}

/** An endless stream of bytes. */
function endless(): Readable {
  return new Readable({
    highWaterMark: 100_000,
    read() {
      setImmediate(() => this.push(content.subarray(0, 100_000)));
    },
  });
}

test('invalid arguments throw immediately', async () => {
  const wrong: [object, RegExp][] = [
    [{ start: -1 }, /options.start/],
    [{ start: 1.5 }, /options.start/],
    [{ signal: {} }, /options.signal/],
    [{ fd: 5 }, /options.fd/],
    [{ autoClose: 'yes' }, /options.autoClose/],
  ];
  const makers = [
    x.createReadStream,
    x.createWriteStream,
    web.createReadableStream,
    web.createWritableStream,
  ] as ((path: unknown, options: object) => unknown)[];
  for (const make of makers) {
    for (const [options, message] of wrong) expect(() => make(source, options)).toThrow(message);
    expect(() => make(undefined, {})).toThrow(/path/);
    expect(() => make('a\0b', {})).toThrow(/null bytes/);
  }
  for (const read of [x.createReadStream, web.createReadableStream]) {
    expect(() => read(source, { start: 5, end: 4 })).toThrow(/options.end/);
    expect(() => read(source, { readAhead: { depth: 0 } })).toThrow(/options.readAhead.depth/);
  }
  for (const write of [x.createWriteStream, web.createWritableStream]) {
    expect(() => write(source, { flush: 1 as never })).toThrow(/options.flush/);
    expect(() => write(source, { writeBehind: 5 as never })).toThrow(/options.writeBehind/);
  }
  const file = path.join(folder, 'chunks');
  const stream = x.createWriteStream(file);
  expect(() => stream.write(5 as never)).toThrow(/chunk/);
  stream.destroy();
  await once(stream as never, 'close');
  const writer = web.createWritableStream(file).getWriter();
  writer.closed.catch(() => {});
  expect(await rejection(writer.write({} as never))).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
});

test('flush syncs, append appends, autoClose keeps or closes the handle', async () => {
  const file = path.join(folder, 'options');
  for (const unbuffered of [false, true]) {
    fs.writeFileSync(file, 'before');
    for (const kind of ['streamx', 'web'] as const) {
      const options = { unbuffered, flags: 'a', flush: true };
      await connect(Readable.from(['some', 'thing']), sinkOf(kind, file, options));
    }
    expect(fs.readFileSync(file, 'utf8')).toBe('beforesomethingsomething');
    const handle = await open(file, 'r', { unbuffered });
    const options = { fd: handle, start: 0, end: 5, autoClose: false };
    expect((await bytesOf(web.createReadableStream(null, options))).toString()).toBe('before');
    expect((await bytesOf(x.createReadStream(null, options))).toString()).toBe('before');
    expect(handle.fd).toBeGreaterThan(-1);
    await bytesOf(x.createReadStream(null, { fd: handle }));
    await until(() => handle.fd === -1);
  }
});

test('streamx loads with overlapped/streamx only', async () => {
  const loaded = await resultOfChild<boolean[]>(`
    import { createRequire } from 'node:module';
    import { pathToFileURL } from 'node:url';
    const { cache } = createRequire(import.meta.url);
    const has = () => Object.keys(cache).some((name) => /node_modules.streamx/.test(name));
    const { resolve } = createRequire(${JSON.stringify(import.meta.url)});
    const load = (name) => import(pathToFileURL(resolve('overlapped' + name)));
    await Promise.all(['', '/fs', '/web'].map(load));
    const before = has();
    await load('/streamx');
    console.log(JSON.stringify([before, has()]));
  `);
  expect(loaded).toEqual([false, true]);
});

// ---- Pending operations

testWithFifo('cancel() of a stream whose FIFO is silent ends its read', async () => {
  const handle = await open(makeFifo(), 'r+');
  for (const mode of ['default', 'byob']) {
    const stream = web.createReadableStream(null, { fd: handle, autoClose: false });
    const reader = mode === 'byob' ? byobReader(stream) : stream.getReader();
    const waiting = (reader as ByobReader).read(new Uint8Array(1000));
    await sleep(20);
    await reader.cancel();
    expect(engine.stats().inFlight).toBe(0);
    expect((await waiting).done).toBe(true);
  }
  const stream = x.createReadStream(null, { fd: handle });
  stream.resume();
  await sleep(20);
  stream.destroy();
  await once(stream as never, 'close');
  expect(handle.fd).toBe(-1);
});

testWithFifo(
  'a view that a closed handle reads into is held until the read has ended',
  async () => {
    for (const quiet of [false, true]) {
      const fifo = makeFifo();
      const handle = await open(fifo, 'r+');
      const stream = quiet
        ? (handle.readableWebStream({ type: 'bytes' }) as ReadableStream<Uint8Array>)
        : web.createReadableStream(null, { fd: handle });
      const reader = byobReader(stream);
      const other = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
      // A read that was still in flight when its view is returned would take these bytes.
      const waiting = settled(
        reader.read(new Uint8Array(1_000_000)).finally(() => fs.writeSync(other, 'bytes')),
      );
      await until(() => engine.stats().inFlight === 1);
      const closed = handle.close();
      const { value, error } = await waiting;
      await sleep(10);
      const left = Buffer.alloc(100);
      expect(fs.readSync(other, left)).toBe(5);
      fs.closeSync(other);
      if (quiet) expect((value as { done: boolean }).done).toBe(true);
      else expect(error).toMatchObject({ code: 'EBADF' });
      await closed;
      expect(engine.stats().inFlight).toBe(0);
    }
  },
);

testWithFifo('a lock that is released while a view waits loses no byte', async () => {
  const handle = await open(makeFifo(), 'r+');
  const stream = web.createReadableStream(null, { fd: handle });
  const first = byobReader(stream);
  const waiting = settled(first.read(new Uint8Array(100)));
  await until(() => engine.stats().inFlight === 1);
  first.releaseLock();
  expect((await waiting).error).toBeDefined();
  const { completed } = engine.stats();
  await handle.write('some bytes');
  // A reader that asks before the bytes are there receives them along with later ones, according to
  // the standard and in Node 20 to 24. So the test waits for the write and for the read.
  await until(() => engine.stats().completed >= completed + 2);
  await sleep(1);
  const reader = stream.getReader();
  const { value } = await reader.read();
  expect(Buffer.from(value as Uint8Array).toString()).toBe('some bytes');
  await reader.cancel();
});

testWithFifo('opening a FIFO without a writer can be ended', async () => {
  const fifo = makeFifo();
  const stream = x.createReadStream(fifo);
  stream.resume();
  await sleep(20);
  stream.destroy();
  await once(stream as never, 'close');
  const reader = web.createReadableStream(fifo).getReader();
  await sleep(20);
  await reader.cancel();
  const controller = new AbortController();
  const { signal } = controller;
  const writer = web.createWritableStream(fifo, { signal }).getWriter();
  writer.closed.catch(() => {});
  await sleep(20);
  controller.abort();
  expect(await rejection(writer.write('x'))).toMatchObject({ name: 'AbortError' });
});

testWithFifo('a pending write to a full FIFO is canceled', async () => {
  const handle = await open(makeFifo(), 'r+');
  const writer = web.createWritableStream(null, { fd: handle, autoClose: false }).getWriter();
  writer.closed.catch(() => {});
  const waiting = settled(writer.write(content));
  await sleep(20);
  const reason = new Error('enough');
  await writer.abort(reason);
  expect((await waiting).error).toBe(reason);
  const stream = x.createWriteStream(null, { fd: handle });
  stream.write(content);
  await sleep(20);
  stream.destroy();
  await once(stream as never, 'close');
  expect(handle.fd).toBe(-1);
});

// ---- Device errors

testWhere(isLinux, '/dev/full is a device of Linux')('a full device fails once', async () => {
  for (const length of [1, 10_000, 2_000_000]) {
    const stream = x.createWriteStream('/dev/full');
    const watched = lifecycleOf(stream);
    stream.end(content.subarray(0, length));
    const seen = await watched;
    expect(seen.errors).toMatchObject([{ code: 'ENOSPC', syscall: 'write' }]);
    expect([seen.closes, stream.flushedPosition]).toEqual([1, 0]);
    const writer = web.createWritableStream('/dev/full').getWriter();
    const closed = rejection(writer.closed);
    settled(writer.write(content.subarray(0, length)));
    await settled(writer.close());
    expect(await closed).toMatchObject({ code: 'ENOSPC', syscall: 'write' });
  }
});

testWhere(canMakeDisks, 'a disk that fills up needs root and loop devices', {
  mustRun: isLinux,
})('a disk that fills up in the middle ends every sink with ENOSPC', async () => {
  const disk = new Disk(24 * 1024 * 1024);
  try {
    const big = path.join(folder, 'big');
    const bigContent = randomBytes(40_000_000);
    fs.writeFileSync(big, bigContent);
    for (const kind of ['streamx', 'web'] as const) {
      for (const unbuffered of [false, true]) {
        const file = path.join(disk.folder, `copy-${kind}-${unbuffered}`);
        const sink = sinkOf(kind, file, { unbuffered }) as x.WriteStream;
        const error = await rejection(connect(sourceOf(kind, big), sink));
        expect(error).toMatchObject({ code: 'ENOSPC' });
        const { flushedPosition } = sink;
        const written = fs.readFileSync(file).subarray(0, flushedPosition);
        expect(written.equals(bigContent.subarray(0, flushedPosition))).toBe(true);
        fs.rmSync(file);
      }
    }
  } finally {
    disk.remove();
  }
});

test('a failure downstream closes the source', async () => {
  for (const kind of kinds) {
    for (const unbuffered of [false, true]) {
      let bytes = 0;
      const failing = new NodeWritable({
        write(chunk, _encoding, done) {
          bytes += chunk.byteLength;
          done(bytes > 500_000 ? new Error('enough') : null);
        },
      });
      const copied = connect(sourceOf(kind, source, { unbuffered }), failing);
      expect((await rejection(copied)).message).toBe('enough');
    }
  }
});

test('an exception in a listener of a streamx stream is uncaught', async () => {
  const built = distUrl('streams/streamx.js');
  const script = `
    import { createReadStream } from ${JSON.stringify(built)};
    process.on('uncaughtException', (error, origin) => {
      console.log(JSON.stringify([error.message, origin]));
    });
    createReadStream(argument).on('data', () => { throw new Error('thrown'); });
  `;
  expect(await resultOfChild(script, { args: [source] })).toEqual(['thrown', 'uncaughtException']);
});

test('a streamx pipeline that is destroyed in the middle closes both ends', async () => {
  const from = x.createReadStream(source);
  const to = x.createWriteStream(path.join(folder, 'pipeline'));
  const closes = Promise.all([lifecycleOf(from), lifecycleOf(to)]);
  const copied = streamx.pipelinePromise(from as never, to as never);
  from.once('data' as never, (() => from.destroy(new Error('enough'))) as never);
  expect((await rejection(copied as Promise<unknown>)).message).toBe('enough');
  expect((await closes).map(({ closes: count }) => count)).toEqual([1, 1]);
  expect([from.destroyed, to.destroyed]).toEqual([true, true]);
});

import type { EventEmitter } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { createReadStream, createWriteStream } from '../../lib/fs.js';
import { engine, open } from '../../lib/index.js';
import * as x from '../../lib/streams/streamx.js';
import * as web from '../../lib/streams/web.js';
import { canMakeDisks, Disk } from '../alignment/loop-device.js';
import {
  isLinux,
  makeFifo,
  randomBytes,
  rejection,
  sleep,
  testWhere,
  testWithFifo,
  until,
} from '../helpers.js';
import { content, folder, holdToLaws, size, source } from './lifecycle-laws.js';

type Stream = fs.ReadStream | fs.WriteStream;

holdToLaws(async () => {
  createReadStream(source).resume();
  await sleep(50);
});

function closed(stream: EventEmitter): Promise<void> {
  return new Promise((resolve) => void stream.once('close', () => resolve()));
}

for (const make of [createReadStream, createWriteStream]) {
  testWithFifo(`destroying a stream ends its open (${make.name})`, async () => {
    for (const error of [undefined, new Error('enough')]) {
      const stream = make(makeFifo());
      const watched = lifecycleOf(stream);
      await sleep(10);
      stream.destroy(error);
      expect(await watched).toEqual({ closes: 1, errors: error ? [error] : [], late: [] });
    }
  });

  testWithFifo(`so does a signal (${make.name})`, async () => {
    const controller = new AbortController();
    const stream = make(makeFifo(), { signal: controller.signal });
    const watched = lifecycleOf(stream);
    await sleep(10);
    controller.abort();
    const { closes, errors } = await watched;
    expect(closes).toBe(1);
    expect(errors).toMatchObject([{ code: 'ABORT_ERR' }]);
  });
}

test("close() of a handle resolves after the 'close' of its streams", async () => {
  for (const autoClose of [true, false]) {
    const handle = await open(path.join(folder, 'closed'), 'w+');
    const order: string[] = [];
    const reader = handle.createReadStream({ autoClose, start: 0 });
    const writer = handle.createWriteStream({ autoClose });
    const streams: Record<string, EventEmitter> = { reader, writer };
    for (const [name, stream] of Object.entries(streams)) {
      stream.on('error', () => order.push('error'));
      stream.on('close', () => order.push(name));
    }
    await new Promise((resolve) => writer.write('bytes', resolve));
    await handle.close();
    order.push('handle');
    expect(order).toEqual(['reader', 'writer', 'handle']);
  }
});

test('a write stream in object mode accepts bytes, and fails with anything else', async () => {
  const options = { objectMode: true } as object;
  const file = path.join(folder, 'objects');
  const stream = createWriteStream(file, options);
  const told = new Promise((resolve) => stream.write('text', resolve));
  const { errors } = await lifecycleOf(stream);
  expect(errors).toMatchObject([{ code: 'ERR_INVALID_ARG_TYPE' }]);
  expect(await told).toBe(errors[0]);
  const other = createWriteStream(file, options);
  other.end(Buffer.from('bytes'));
  await lifecycleOf(other);
  expect(fs.readFileSync(file, 'utf8')).toBe('bytes');
});

interface Lifecycle {
  closes: number;
  errors: Error[];
  /** Events after 'close'. */
  late: string[];
}

/** Observes a stream until some time after its 'close'. */
async function lifecycleOf(stream: Stream): Promise<Lifecycle> {
  const seen: Lifecycle = { closes: 0, errors: [], late: [] };
  const emitter: EventEmitter = stream;
  for (const name of ['open', 'ready', 'end', 'finish', 'drain', 'error', 'progress']) {
    emitter.on(name, (value: unknown) => {
      if (name === 'error') seen.errors.push(value as Error);
      if (seen.closes > 0) seen.late.push(name);
    });
  }
  emitter.on('close', () => seen.closes++);
  await until(() => seen.closes > 0);
  await sleep(20);
  return seen;
}

const moments: Record<string, (stream: EventEmitter, then: () => void) => void> = {
  'at once': (_stream, then) => then(),
  'in the next tick': (_stream, then) => process.nextTick(then),
  'when it is open': (stream, then) => void stream.once('open', then),
  'when it is ready': (stream, then) => void stream.once('ready', then),
  'a turn after it is ready': (stream, then) => void stream.once('ready', () => setImmediate(then)),
  'at the first data or drain': (stream, then) =>
    void stream.once('bytesRead' in stream ? 'data' : 'drain', then),
  'after a while': (_stream, then) => void setTimeout(then, 5),
  'at its end': (stream, then) => void stream.once('bytesRead' in stream ? 'end' : 'finish', then),
};

for (const unbuffered of [false, true]) {
  const kind = unbuffered ? 'unbuffered' : 'buffered';
  for (const [moment, at] of Object.entries(moments)) {
    for (const withError of [false, true]) {
      const name = `destroyed ${moment} ${withError ? 'with' : 'without'} an error`;
      const error = withError ? new Error('enough') : undefined;
      // A stream that had already ended does not report it again.
      let wasOver = false;
      const destroy = (stream: Stream): void => {
        wasOver = stream.destroyed;
        stream.destroy(error);
      };
      const expectOneEnd = (seen: Lifecycle): void => {
        expect(seen).toEqual({ closes: 1, errors: withError && !wasOver ? [error] : [], late: [] });
      };

      test(`a ${kind} read stream, ${name}, closes last and once`, async () => {
        const stream = createReadStream(source, { unbuffered });
        const watched = lifecycleOf(stream);
        at(stream, () => destroy(stream));
        stream.resume();
        expectOneEnd(await watched);
      });

      test(`a ${kind} write stream, ${name}, closes last and once`, async () => {
        const file = path.join(folder, 'destroyed');
        const stream = createWriteStream(file, { unbuffered });
        const watched = lifecycleOf(stream);
        at(stream, () => destroy(stream));
        for (let start = 0; start < size && !stream.destroyed; start += 100_000) {
          stream.write(content.subarray(start, start + 100_000));
        }
        if (moment === 'at its end') stream.end();
        expectOneEnd(await watched);
        const { flushedPosition } = stream;
        const written = fs.existsSync(file) ? fs.readFileSync(file) : Buffer.alloc(0);
        const complete = content.subarray(0, flushedPosition);
        expect(written.subarray(0, flushedPosition).equals(complete)).toBe(true);
        fs.rmSync(file, { force: true });
      });
    }
  }

  test(`a ${kind} pipeline that is aborted rejects, and both files close`, async () => {
    for (const ms of [0, 1, 2, 5, 10]) {
      const signal = AbortSignal.timeout(ms);
      const from = createReadStream(source, { unbuffered, highWaterMark: 1000 });
      const to = createWriteStream(path.join(folder, `aborted-${ms}`), { unbuffered });
      const ends = Promise.all([closed(from), closed(to)]);
      const outcome = await Promise.allSettled([pipeline(from, to, { signal })]);
      await ends;
      if (outcome[0].status === 'rejected') {
        expect(outcome[0].reason).toMatchObject({ name: 'AbortError' });
      }
    }
  });

  test(`a slow ${kind} consumer gets every byte`, async () => {
    const chunks: Buffer[] = [];
    const slow = new Writable({
      write(chunk, _encoding, done) {
        chunks.push(chunk);
        setTimeout(done, 1);
      },
    });
    await pipeline(createReadStream(source, { unbuffered }), slow);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
  });

  test(`chunks() of a ${kind} handle may be stopped at any time`, async () => {
    const handle = await open(source, 'r', { unbuffered });
    for (const most of [0, 1, 2, 5, 1000]) {
      let taken = 0;
      for await (const chunk of handle.chunks({ recycle: true, chunkSize: 100_000 })) {
        expect(chunk.byteLength).toBeGreaterThan(0);
        if (++taken > most) break;
      }
      expect(engine.stats().inFlight).toBe(0);
    }
    await handle.close();
  });

  test(`chunks() of a ${kind} handle return any part`, async () => {
    const handle = await open(source, 'r', { unbuffered });
    for (const [start, end] of [[0], [1], [4096, 4096], [511, 1_500_000], [size - 1], [size + 5]]) {
      for (const recycle of [false, true]) {
        const chunks: Buffer[] = [];
        for await (const chunk of handle.chunks({ start, end, recycle })) {
          chunks.push(recycle ? Buffer.from(chunk) : chunk);
        }
        const wanted = content.subarray(start, end === undefined ? size : end + 1);
        expect(Buffer.concat(chunks).equals(wanted)).toBe(true);
      }
    }
    await handle.close();
  });
}

test('chunks() end with an error when the handle is closed or the signal aborted', async () => {
  const handle = await open(source);
  const read = async (signal?: AbortSignal): Promise<void> => {
    for await (const _ of handle.chunks({ signal, chunkSize: 1000 })) await sleep(1);
  };
  const controller = new AbortController();
  const aborted = rejection(read(controller.signal));
  const closed = rejection(read());
  await sleep(10);
  controller.abort();
  expect(await aborted).toMatchObject({ name: 'AbortError' });
  await handle.close();
  expect(await closed).toMatchObject({ code: 'EBADF' });
});

test('close() in a loop over chunks() resolves, and the loop then fails with EBADF', async () => {
  const handle = await open(source);
  const loop = async (): Promise<void> => {
    for await (const _ of handle.chunks({ chunkSize: 1000 })) await handle.close();
  };
  expect(await rejection(loop())).toMatchObject({ code: 'EBADF' });
});

test('chunks() and adaptors of a closed handle never reach the next file', async () => {
  const [first, second] = ['first', 'second'].map((name) => path.join(folder, name)) as [
    string,
    string,
  ];
  fs.writeFileSync(first, 'first');
  fs.writeFileSync(second, 'second');
  const closed = await open(first, 'r+');
  const chunks = closed.chunks();
  await closed.close();
  const other = await open(second, 'r+');
  expect(await rejection(chunks.next())).toMatchObject({ code: 'EBADF' });
  const file = { fd: closed };
  for (const make of [
    () => web.createReadableStream(null, file),
    () => web.createWritableStream(null, file),
    () => x.createReadStream(null, file),
    () => x.createWriteStream(null, file),
  ]) {
    expect(make).toThrow(expect.objectContaining({ code: 'EBADF' }));
  }
  await other.close();
  expect(fs.readFileSync(second, 'utf8')).toBe('second');
});

test('chunks() rejects invalid arguments immediately', async () => {
  const handle = await open(source);
  const wrong = [{ start: -1 }, { end: 1.5 }, { start: 5, end: 4 }, { depth: 0 }, { chunkSize: 0 }];
  for (const options of wrong) expect(() => handle.chunks(options)).toThrow(/out of range/);
  expect(() => handle.chunks({ recycle: 'yes' as never })).toThrow(/boolean/);
  await handle.close();
  expect(() => handle.chunks()).toThrow('file closed');
});

test('windows and options of open() alone are validated', async () => {
  expect(() => createReadStream(source, { readAhead: { depth: 0 } })).toThrow(/options.readAhead/);
  expect(() => createWriteStream(source, { writeBehind: 5 as never })).toThrow(
    /options.writeBehind/,
  );
  const handle = await open(source);
  const options = { fd: handle as never, unbuffered: true };
  expect(() => createReadStream('', options)).toThrow(/options.unbuffered/);
  await handle.close();
});

testWhere(isLinux, '/dev/full is a device of Linux')(
  'a write stream to a full device fails once, with ENOSPC, and closes',
  async () => {
    for (const length of [1, 10_000, 2_000_000]) {
      const stream = createWriteStream('/dev/full');
      const watched = lifecycleOf(stream);
      const told = new Promise((resolve) => stream.write(content.subarray(0, length), resolve));
      expect(await told).toMatchObject({ code: 'ENOSPC' });
      const seen = await watched;
      expect(seen.errors).toMatchObject([{ code: 'ENOSPC', syscall: 'write' }]);
      expect(seen.closes).toBe(1);
      expect(stream.flushedPosition).toBe(0);
    }
  },
);

testWhere(canMakeDisks, 'a disk that fills up needs root and loop devices', {
  mustRun: isLinux,
})('a disk that fills up in the middle ends the pipeline with ENOSPC', async () => {
  const disk = new Disk(24 * 1024 * 1024);
  try {
    const big = path.join(folder, 'big');
    fs.writeFileSync(big, randomBytes(40_000_000));
    for (const unbuffered of [false, true]) {
      const file = path.join(disk.folder, `copy-${unbuffered}`);
      const stream = createWriteStream(file, { unbuffered });
      const error = await rejection(pipeline(createReadStream(big), stream));
      expect(error).toMatchObject({ code: 'ENOSPC' });
      const { flushedPosition } = stream;
      const handle = await fs.promises.open(big);
      const { buffer } = await handle.read(Buffer.alloc(flushedPosition), 0, flushedPosition, 0);
      await handle.close();
      expect(fs.readFileSync(file).subarray(0, flushedPosition).equals(buffer)).toBe(true);
      fs.rmSync(file);
    }
  } finally {
    disk.remove();
  }
});

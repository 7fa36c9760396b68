import { describe, expect, test } from 'vitest';
import { RecycledMemory } from '../../lib/streams/chunk-memory.js';
import { ReadAhead } from '../../lib/streams/read-ahead.js';
import { WriteBehind } from '../../lib/streams/write-behind.js';
import { randomBytes, rejection, sleep } from '../helpers.js';
import { HandleDouble, randomNumbers } from './handle-double.js';

const seeds = Array.from({ length: 25 }, (_, seed) => seed + 1);
const content = randomBytes(40_000);

async function readAll(ahead: ReadAhead): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await ahead.next(); chunk !== null; chunk = await ahead.next()) {
    chunks.push(Buffer.from(chunk));
    ahead.release(chunk);
  }
  return Buffer.concat(chunks);
}

describe('read-ahead', () => {
  for (const seed of seeds) {
    test(`gives the bytes in order, whatever comes short and when (seed ${seed})`, async () => {
      const random = randomNumbers(seed);
      const below = (count: number): number => Math.floor(random() * count);
      const double = new HandleDouble(content, (possible) =>
        random() < 0.3 ? 1 + below(possible) : possible,
      );
      const start = below(content.byteLength);
      const end = random() < 0.5 ? undefined : start + below(content.byteLength);
      const options = { start, end, depth: 1 + below(8), chunkSize: 1 + below(3000) };
      const memory = random() < 0.5 ? new RecycledMemory(1) : undefined;
      const ahead = new ReadAhead(double.handle, { ...options, expected: 1e6, memory });
      const given = await double.serve(readAll(ahead), below);
      expect(given.equals(content.subarray(start, end))).toBe(true);
      expect(double.inFlightMost).toBeLessThanOrEqual(options.depth);
      expect(double.bytesMost).toBeLessThanOrEqual(options.depth * options.chunkSize);
      await double.serve(ahead.cancel(), below);
    });
  }

  test('starts with one read, and is never far ahead of what has been taken', async () => {
    const size = 64 * 1024 * 1024;
    const double = new HandleDouble(Buffer.alloc(size));
    const ahead = new ReadAhead(double.handle);
    const first = ahead.next();
    expect(double.transfers).toBe(1);
    for (let taken = (await double.serve(first, () => 0))?.byteLength ?? 0; taken < size / 4; ) {
      const chunk = await double.serve(ahead.next(), () => 0);
      taken += chunk?.byteLength ?? 0;
      while (double.complete(() => 0));
      expect(double.bytesMost).toBeLessThanOrEqual(Math.max(65_536, 2 * taken));
    }
    expect(double.inFlightMost).toBeGreaterThan(2);
  });

  test('a file that grows gives what it has when its end is reached', async () => {
    const double = new HandleDouble(content.subarray(0, 1500));
    const ahead = new ReadAhead(double.handle, { chunkSize: 1000, depth: 4, expected: 1e6 });
    const first = await double.serve(ahead.next(), () => 0);
    const second = await double.serve(ahead.next(), () => 0);
    double.content = content.subarray(0, 1700);
    const rest = await double.serve(readAll(ahead), () => 0);
    const given = Buffer.concat([first as Buffer, second as Buffer, rest]);
    expect(given.equals(content.subarray(0, 1700))).toBe(true);
  });

  test('a file that shrinks ends where it does', async () => {
    const double = new HandleDouble(content);
    const ahead = new ReadAhead(double.handle, { chunkSize: 1000, depth: 2 });
    await double.serve(ahead.next(), () => 0);
    double.content = content.subarray(0, 500);
    const rest = await double.serve(readAll(ahead), () => 0);
    expect(rest.byteLength).toBeLessThanOrEqual(2000);
  });

  test('an error comes behind the chunks before it, and once', async () => {
    const double = new HandleDouble(content);
    double.fail = (position) => (position >= 2000 ? new Error(`at ${position}`) : undefined);
    const ahead = new ReadAhead(double.handle, { chunkSize: 1000, depth: 4, expected: 1e6 });
    const chunks: number[] = [];
    const reading = (async () => {
      for (let chunk = await ahead.next(); chunk; chunk = await ahead.next()) {
        chunks.push(chunk.byteLength);
      }
    })();
    const error = await rejection(double.serve(reading, (count) => count - 1));
    expect(error.message).toBe('at 2000');
    expect(chunks).toEqual([1000, 1000]);
    await double.serve(ahead.cancel(), () => 0);
    expect(double.pending).toEqual([]);
  });

  test('cancel() resolves after all completions, and asks for them', async () => {
    const double = new HandleDouble(content);
    const ahead = new ReadAhead(double.handle, { chunkSize: 1000, depth: 4, expected: 1e6 });
    const next = ahead.next();
    let isCancelled = false;
    const cancelled = ahead.cancel().then(() => {
      isCancelled = true;
    });
    expect(await next).toBe(null);
    expect(double.pending.map(({ signal }) => signal?.aborted)).toEqual([true, true, true, true]);
    while (double.pending.length > 0) {
      await sleep(1);
      expect(isCancelled).toBe(false);
      double.complete((count) => count - 1);
    }
    await cancelled;
  });

  test('an abort comes at once', async () => {
    const double = new HandleDouble(content);
    const controller = new AbortController();
    const ahead = new ReadAhead(double.handle, { signal: controller.signal });
    const next = ahead.next();
    controller.abort();
    expect(await rejection(next)).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    await double.serve(ahead.cancel(), () => 0);
  });
});

describe('write-behind', () => {
  for (const seed of seeds) {
    test(`writes the bytes, whatever comes short and when (seed ${seed})`, async () => {
      const random = randomNumbers(seed);
      const below = (count: number): number => Math.floor(random() * count);
      const before = randomBytes(3000, seed + 100);
      const double = new HandleDouble(before, (possible) =>
        random() < 0.3 ? 1 + below(possible) : possible,
      );
      const options = { start: below(5000), depth: 1 + below(8), chunkSize: 1 + below(30_000) };
      const flushed: number[] = [];
      let released = 0;
      const behind = new WriteBehind(double.handle, {
        ...options,
        onFlushed(position) {
          flushed.push(position);
          const given = content.subarray(0, position - options.start);
          expect(double.content.subarray(options.start, position).equals(given)).toBe(true);
        },
      });
      let writes = 0;
      const writing = (async () => {
        for (let at = 0; at < content.byteLength; writes++) {
          const length = 1 + below(random() < 0.5 ? 100 : 20_000);
          const memory = Buffer.from(content.subarray(at, at + length));
          // It may be written over as soon as it has been released.
          behind.write(memory, () => {
            released++;
            memory.fill(0);
          });
          at += length;
          if (!behind.hasRoom) await new Promise<unknown>((room) => behind.whenRoom(room));
        }
        await behind.finish();
      })();
      await double.serve(writing, below);
      const expected = Buffer.alloc(Math.max(3000, options.start + content.byteLength));
      before.copy(expected);
      content.copy(expected, options.start);
      expect(double.content.equals(expected)).toBe(true);
      expect(flushed).toEqual([...flushed].sort((a, b) => a - b));
      expect(flushed.at(-1)).toBe(options.start + content.byteLength);
      expect(released).toBe(writes);
      expect(double.inFlightMost).toBeLessThanOrEqual(options.depth);
      expect(double.bytesMost).toBeLessThanOrEqual(options.depth * options.chunkSize);
    });
  }

  test('flushedPosition is where the file is complete, not how much is written', async () => {
    const double = new HandleDouble(Buffer.alloc(0));
    const behind = new WriteBehind(double.handle, { chunkSize: 1000, depth: 4 });
    behind.write(content.subarray(0, 4000));
    await sleep(1);
    expect(double.pending.length).toBe(4);
    const expected = [0, 0, 0, 4000];
    for (const position of expected) {
      double.complete((count) => count - 1);
      await sleep(1);
      expect(behind.flushedPosition).toBe(position);
    }
  });

  test('the first error wins; nothing is submitted after it; memory is given back', async () => {
    const double = new HandleDouble(Buffer.alloc(0));
    double.fail = (position) => (position >= 1000 ? new Error(`at ${position}`) : undefined);
    const behind = new WriteBehind(double.handle, { chunkSize: 1000, depth: 3 });
    const releases: unknown[] = [];
    for (let index = 0; index < 6; index++) {
      behind.write(randomBytes(1000), (error) => releases.push((error as Error)?.message));
    }
    // Larger than what is copied, so that they are released only by their writes.
    behind.write(randomBytes(20_000), (error) => releases.push((error as Error)?.message));
    const error = await rejection(double.serve(behind.finish(), (count) => count - 1));
    expect(error.message).toBe('at 2000');
    expect(() => behind.write(content)).toThrow('at 2000');
    await double.serve(behind.cancel(), () => 0);
    expect(double.transfers).toBe(3);
    expect(releases.at(-1)).toBe('at 2000');
    expect(behind.flushedPosition).toBeLessThanOrEqual(1000);
  });

  test('small writes in one turn are one write; a lone one does not wait', async () => {
    const double = new HandleDouble(Buffer.alloc(0));
    const behind = new WriteBehind(double.handle);
    for (let index = 0; index < 100; index++) behind.write(Buffer.from('line\n'));
    await sleep(1);
    expect(double.pending.length).toBe(1);
    await double.serve(behind.flush(), () => 0);
    expect(double.content.toString()).toBe('line\n'.repeat(100));
    behind.write(Buffer.from('last'));
    await sleep(1);
    expect(double.pending.length).toBe(1);
    await double.serve(behind.finish(), () => 0);
    expect(double.transfers).toBe(2);
  });
});

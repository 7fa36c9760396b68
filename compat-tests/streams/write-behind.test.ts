import { expect, test } from 'vitest';
import { WriteBehind } from '../../lib/transfer/write-behind.js';
import { randomBytes, rejection, sleep } from '../helpers.js';
import { HandleDouble, randomNumbers } from './handle-double.js';

const seeds = Array.from({ length: 25 }, (_, seed) => seed + 1);
const content = randomBytes(40_000);

for (const seed of seeds) {
  test(`writes the bytes, despite any short writes (seed ${seed})`, async () => {
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
        // The memory may be overwritten as soon as it has been released.
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

test('memory of small writes is used again only once they are in the file', async () => {
  const random = randomNumbers(7);
  const below = (count: number): number => Math.floor(random() * count);
  const bytes = randomBytes(2_000_000);
  const double = new HandleDouble(Buffer.alloc(0), (possible) =>
    random() < 0.3 ? 1 + below(possible) : possible,
  );
  const behind = new WriteBehind(double.handle, { depth: 4, chunkSize: 100_000 });
  const writing = (async () => {
    for (let at = 0; at < bytes.byteLength; ) {
      const length = 1 + below(3000);
      behind.write(bytes.subarray(at, at + length), () => {});
      at += length;
      if (!behind.hasRoom) await new Promise<unknown>((room) => behind.whenRoom(room));
    }
    await behind.finish();
  })();
  await double.serve(writing, below);
  expect(double.content.equals(bytes)).toBe(true);
});

test('flushedPosition is how far the file is complete, not how much is written', async () => {
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

test('the first error wins; nothing is submitted after it; memory is released', async () => {
  const double = new HandleDouble(Buffer.alloc(0));
  double.fail = (position) => (position >= 1000 ? new Error(`at ${position}`) : undefined);
  const behind = new WriteBehind(double.handle, { chunkSize: 1000, depth: 3 });
  const releases: unknown[] = [];
  for (let index = 0; index < 6; index++) {
    behind.write(randomBytes(1000), (error) => releases.push((error as Error)?.message));
  }
  // Larger than the chunks that are copied, so that only their writes release them.
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

test('a write that stalls twice in a row, without progress, fails with EIO', async () => {
  // Of each three writes one writes nothing.
  const slow = new HandleDouble(Buffer.alloc(0), (possible, _, index) =>
    index % 3 === 1 ? 0 : Math.min(possible, 1000),
  );
  const first = new WriteBehind(slow.handle);
  first.write(content.subarray(0, 10_000));
  await slow.serve(first.finish(), () => 0);
  expect(slow.content.equals(content.subarray(0, 10_000))).toBe(true);
  const stuck = new HandleDouble(Buffer.alloc(0), (possible, _, index) =>
    index > 1 ? 0 : Math.min(possible, 1000),
  );
  const second = new WriteBehind(stuck.handle);
  second.write(content.subarray(0, 10_000));
  const error = await rejection(stuck.serve(second.finish(), () => 0));
  expect(error).toMatchObject({ code: 'EIO', syscall: 'write' });
});

import { expect, test } from 'vitest';
import { RecycledMemory } from '../../lib/transfer/chunk-memory.js';
import { ReadAhead } from '../../lib/transfer/read-ahead.js';
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

for (const seed of seeds) {
  test(`returns the bytes in order, despite any short reads (seed ${seed})`, async () => {
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

test('starts with one read, and is never far ahead of the consumer', async () => {
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

test('a file whose reads are all short is read one read at a time', async () => {
  const [size, most] = [4 * 1024 * 1024, 4096];
  const double = new HandleDouble(randomBytes(size), (possible) => Math.min(possible, most));
  const ahead = new ReadAhead(double.handle);
  const given = await double.serve(readAll(ahead), () => 0);
  expect(given.equals(double.content)).toBe(true);
  expect(double.inFlightMost).toBe(1);
  expect(double.transfers).toBe(size / most + 1);
});

test('after a short read the window grows again', async () => {
  const size = 8 * 1024 * 1024;
  const double = new HandleDouble(Buffer.alloc(size), (possible, position) =>
    position < 1_000_000 ? Math.min(possible, 50_000) : possible,
  );
  await double.serve(readAll(new ReadAhead(double.handle)), () => 0);
  expect(double.inFlightMost).toBeGreaterThan(2);
});

test('a file that grows is read to the end that it has when the end is reached', async () => {
  const double = new HandleDouble(content.subarray(0, 1500));
  const ahead = new ReadAhead(double.handle, { chunkSize: 1000, depth: 4, expected: 1e6 });
  const first = await double.serve(ahead.next(), () => 0);
  const second = await double.serve(ahead.next(), () => 0);
  double.content = content.subarray(0, 1700);
  const rest = await double.serve(readAll(ahead), () => 0);
  const given = Buffer.concat([first as Buffer, second as Buffer, rest]);
  expect(given.equals(content.subarray(0, 1700))).toBe(true);
});

test('a file that shrinks is read to its new end', async () => {
  const double = new HandleDouble(content);
  const ahead = new ReadAhead(double.handle, { chunkSize: 1000, depth: 2 });
  await double.serve(ahead.next(), () => 0);
  double.content = content.subarray(0, 500);
  const rest = await double.serve(readAll(ahead), () => 0);
  expect(rest.byteLength).toBeLessThanOrEqual(2000);
});

test('an error follows the chunks before it, and is reported once', async () => {
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

test('cancel() resolves after all completions, and requests their cancellation', async () => {
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

test('an abort takes effect immediately', async () => {
  const double = new HandleDouble(content);
  const controller = new AbortController();
  const ahead = new ReadAhead(double.handle, { signal: controller.signal });
  const next = ahead.next();
  controller.abort();
  expect(await rejection(next)).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
  await double.serve(ahead.cancel(), () => 0);
});

// ---- readInto()

async function readAllInto(ahead: ReadAhead, viewOf: () => Uint8Array): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const view = viewOf();
    const bytes = await ahead.readInto(view);
    if (bytes === 0) return Buffer.concat(parts);
    parts.push(view.subarray(0, bytes));
  }
}

for (const seed of seeds) {
  test(`readInto() reads the bytes in order, mixed with next() or not (seed ${seed})`, async () => {
    const random = randomNumbers(seed);
    const below = (count: number): number => Math.floor(random() * count);
    const double = new HandleDouble(content, (possible) =>
      random() < 0.3 ? 1 + below(possible) : possible,
    );
    const start = below(content.byteLength);
    const end = random() < 0.5 ? undefined : start + below(content.byteLength);
    const options = { start, end, depth: 1 + below(8), chunkSize: 1 + below(3000) };
    const ahead = new ReadAhead(double.handle, { ...options, expected: 1e6 });
    const parts: Buffer[] = [];
    const reading = (async () => {
      for (let mixed = below(5); mixed > 0; mixed--) {
        const view = Buffer.alloc(1 + below(2000));
        const bytes = await ahead.readInto(view);
        const chunk = await ahead.next();
        parts.push(view.subarray(0, bytes), chunk ?? Buffer.alloc(0));
        expect(ahead.position).toBe(start + Buffer.concat(parts).byteLength);
      }
      parts.push(await readAllInto(ahead, () => Buffer.alloc(1 + below(5000))));
    })();
    await double.serve(reading, below);
    expect(Buffer.concat(parts).equals(content.subarray(start, end))).toBe(true);
    await double.serve(ahead.cancel(), below);
  });
}

test('readInto() of a cancelled window settles only when its read has', async () => {
  const double = new HandleDouble(content);
  const ahead = new ReadAhead(double.handle);
  const events: string[] = [];
  const reading = ahead.readInto(Buffer.alloc(1000)).then((bytes) => events.push(`read ${bytes}`));
  const cancelled = ahead.cancel().then(() => events.push('cancelled'));
  await sleep(5);
  expect(events).toEqual([]);
  expect(double.pending.map(({ signal }) => signal?.aborted)).toEqual([true]);
  double.complete(() => 0);
  await Promise.all([reading, cancelled]);
  expect(events.sort()).toEqual(['cancelled', 'read 0']);
});

test('an error of readInto() is reported once, and nothing is submitted after it', async () => {
  const double = new HandleDouble(content);
  double.fail = () => new Error('broken');
  const ahead = new ReadAhead(double.handle);
  const error = await rejection(double.serve(ahead.readInto(Buffer.alloc(10)), () => 0));
  expect(error.message).toBe('broken');
  expect((await rejection(ahead.next())).message).toBe('broken');
  expect(double.transfers).toBe(1);
});

import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { beforeAll, expect, test } from 'vitest';
import { createReadStream, createWriteStream } from '../../lib/fs.js';
import { allocAligned, open } from '../../lib/index.js';
import { alignUp } from '../../lib/transfer/alignment.js';
import { randomBytes, unbufferedFolder } from '../helpers.js';
import { randomNumbers } from './handle-double.js';

// Streams at both ends of a file whose transfers must be whole sectors.

let folder: string;
const content = randomBytes(3_000_017);
const seeds = Array.from({ length: 30 }, (_, seed) => seed + 1);

beforeAll(async () => {
  folder = await unbufferedFolder();
  fs.writeFileSync(path.join(folder, 'source'), content);
});

function placesOf(seed: number): { below: (count: number) => number; random: () => number } {
  const random = randomNumbers(seed);
  return { random, below: (count) => Math.floor(random() * count) };
}

for (const seed of seeds) {
  test(`an unbuffered read stream returns any part in Node's chunks (seed ${seed})`, async () => {
    const { random, below } = placesOf(seed);
    const start = below(content.byteLength + 1000);
    const end = random() < 0.3 ? undefined : start + below(content.byteLength);
    const highWaterMark = random() < 0.3 ? undefined : 1 + below(200_000);
    const options = { start, ...(end === undefined ? {} : { end }), highWaterMark };
    const lengths: number[] = [];
    const chunks: Buffer[] = [];
    const stream = createReadStream(path.join(folder, 'source'), { ...options, unbuffered: true });
    stream.on('data', (chunk) => {
      lengths.push(chunk.length);
      chunks.push(chunk as Buffer);
    });
    await once(stream, 'close');
    const wanted = content.subarray(start, end === undefined ? undefined : end + 1);
    expect(Buffer.concat(chunks).equals(wanted)).toBe(true);
    expect(stream.bytesRead).toBe(wanted.byteLength);
    const size = highWaterMark ?? 65_536;
    expect(lengths.slice(0, -1).every((length) => length === size)).toBe(true);
  });

  test(`an unbuffered write stream accepts chunks of any size (seed ${seed})`, async () => {
    const { random, below } = placesOf(seed);
    const file = path.join(folder, `written-${seed}`);
    const before = randomBytes(below(2_000_000), seed);
    fs.writeFileSync(file, before);
    const start = below(1_000_000);
    const length = below(1_500_000);
    const sizeMax = random() < 0.5 ? 5_000 : 300_000;
    const stream = createWriteStream(file, { flags: 'r+', start, unbuffered: true });
    const told: Promise<void>[] = [];
    for (let at = 0; at < length; ) {
      const size = Math.min(1 + below(sizeMax), length - at);
      const chunk = content.subarray(at, at + size);
      at += size;
      const end = start + at;
      const isWritten = (resolve: () => void, reject: (error: unknown) => void) => {
        stream.write(chunk, (error) => {
          if (stream.flushedPosition < end) reject(new Error('told before it was in the file'));
          else if (error) reject(error);
          else resolve();
        });
      };
      if (random() < 0.1) told.push(new Promise(isWritten));
      else if (!stream.write(chunk)) await once(stream, 'drain');
    }
    await Promise.all(told);
    await new Promise<void>((resolve) => void stream.end(() => resolve()));
    if (!stream.closed) await once(stream, 'close');
    const written = length === 0 ? 0 : start + length;
    const expected = Buffer.alloc(Math.max(before.byteLength, written));
    before.copy(expected);
    content.copy(expected, start, 0, length);
    expect(fs.readFileSync(file).equals(expected)).toBe(true);
    expect(stream.bytesWritten).toBe(length);
  });
}

for (const size of [0, 1, 511, 512, 4096, 65_536, 65_537, 1_048_576, 2_999_999]) {
  test(`a pipeline between unbuffered files of ${size} bytes copies them`, async () => {
    const source = path.join(folder, `from-${size}`);
    const copy = path.join(folder, `to-${size}`);
    fs.writeFileSync(source, content.subarray(0, size));
    const options = { unbuffered: true };
    await pipeline(createReadStream(source, options), createWriteStream(copy, options));
    expect(fs.readFileSync(copy).equals(content.subarray(0, size))).toBe(true);
  });
}

test('an unbuffered stream appends', async () => {
  const file = path.join(folder, 'appended');
  fs.writeFileSync(file, content.subarray(0, 1000));
  const stream = createWriteStream(file, { flags: 'a', unbuffered: true });
  stream.write(content.subarray(1000, 3000));
  stream.end(content.subarray(3000, 100_000));
  await once(stream, 'close');
  expect(fs.readFileSync(file).equals(content.subarray(0, 100_000))).toBe(true);
});

test('streams of an unbuffered handle continue from its cursor and move it', async () => {
  const file = path.join(folder, 'cursor');
  fs.writeFileSync(file, content.subarray(0, 100_000));
  const handle = await open(file, 'r+', { unbuffered: true });
  const { start, first } = { start: 20_001, first: 9_999 };
  const takeFirst = handle.createReadStream({ autoClose: false, end: start - 1 });
  for await (const _ of takeFirst);
  const writer = handle.createWriteStream({ autoClose: false });
  await new Promise<void>((resolve) => {
    writer.end(Buffer.alloc(first, 7), () => resolve());
  });
  const rest: Buffer[] = [];
  for await (const chunk of handle.createReadStream()) rest.push(chunk);
  expect(Buffer.concat(rest).equals(content.subarray(start + first, 100_000))).toBe(true);
  const after = fs.readFileSync(file);
  expect(after.subarray(start, start + first).equals(Buffer.alloc(first, 7))).toBe(true);
  expect(after.byteLength).toBe(100_000);
});

// The positions at which concurrently written parts of the content begin, in arbitrary sectors.
const parts = [0, 700_003, 1_500_000, 2_999_999].map((start, index, all) => ({
  start,
  bytes: content.subarray(start, all[index + 1]),
}));

for (const of of ['handles', 'one handle'] as const) {
  test(`unbuffered streams of ${of} write parts of a file concurrently`, async () => {
    for (let round = 0; round < 5; round++) {
      const file = path.join(folder, 'parts');
      fs.writeFileSync(file, '');
      const shared = of === 'one handle' ? await open(file, 'r+', { unbuffered: true }) : undefined;
      const order = round % 2 === 0 ? parts : [...parts].reverse();
      const whole = order.map(async ({ start, bytes }) => {
        // Sectors shared with another part are written by that part.
        const [from, to] = [alignUp(start, 4096), alignUp(start + bytes.byteLength, 4096) - 4000];
        const some = content.subarray(from, Math.max(from, Math.min(to, content.byteLength)));
        const stream =
          shared?.createWriteStream({ start: from, autoClose: false }) ??
          createWriteStream(file, { flags: 'r+', start: from, unbuffered: true });
        for (let at = 0; at < some.byteLength; at += 100_000) {
          await new Promise((resolve) => {
            stream.write(some.subarray(at, at + 100_000), resolve);
          });
        }
        await new Promise<void>((resolve) => void stream.end(() => resolve()));
        return { from, some };
      });
      const written = await Promise.all(whole);
      await shared?.close();
      const after = fs.readFileSync(file);
      for (const { from, some } of written) {
        expect(after.subarray(from, from + some.byteLength).equals(some)).toBe(true);
      }
      const ends = written.map(({ from, some }) =>
        some.byteLength > 0 ? from + some.byteLength : 0,
      );
      expect(after.byteLength).toBe(Math.max(...ends));
    }
  });
}

test('data that others write after the end of an unbuffered stream is kept', async () => {
  const file = path.join(folder, 'beside');
  const handle = await open(file, 'w', { unbuffered: true });
  const stream = handle.createWriteStream({ start: 0, autoClose: false });
  await new Promise((resolve) => stream.write(content.subarray(0, 10_001), resolve));
  const memory = allocAligned(8192, { alignment: 4096 }).fill(7);
  await handle.write(memory, { position: 65_536 });
  await new Promise<void>((resolve) => void stream.end(() => resolve()));
  await handle.close();
  const expected = Buffer.alloc(65_536 + 8192);
  content.copy(expected, 0, 0, 10_001);
  memory.copy(expected, 65_536);
  expect(fs.readFileSync(file).equals(expected)).toBe(true);
});

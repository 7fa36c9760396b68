import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { engine, open, stat } from '../../lib/index.js';
import { fileWith, isWindows, randomBytes } from '../helpers.js';

// More than the ring, the port and the pool hold together.
const operations = isWindows ? 20_000 : 100_000;
const size = 64;

test(`${operations} simultaneous reads all settle, each once and with its own bytes`, async () => {
  const content = randomBytes(operations * size);
  const handle = await open(fileWith(content));
  const target = Buffer.alloc(content.byteLength);
  const before = engine.stats();
  const settlements = new Uint8Array(operations);
  const reads = Array.from(settlements, (_, i) =>
    handle.read(target, i * size, size, i * size).then(({ bytesRead, buffer }) => {
      settlements[i] = (settlements[i] as number) + 1;
      return bytesRead === size && buffer === target;
    }),
  );
  const results = await Promise.all(reads);
  expect(results.every((right) => right)).toBe(true);
  expect(settlements.every((count) => count === 1)).toBe(true);
  expect(target.equals(content)).toBe(true);
  const after = engine.stats();
  expect(after.submitted - before.submitted).toBe(operations);
  expect(after.completed - before.completed).toBe(operations);
  expect(after.inFlight).toBe(0);
  await handle.close();
});

test(`${operations} simultaneous writes all reach the file`, async () => {
  const content = randomBytes(operations * size, 3);
  const file = fileWith(Buffer.alloc(content.byteLength));
  const handle = await open(file, 'r+');
  const writes = Array.from({ length: operations }, (_, i) =>
    handle.write(content, i * size, size, i * size),
  );
  const results = await Promise.all(writes);
  expect(results.every(({ bytesWritten }) => bytesWritten === size)).toBe(true);
  await handle.close();
  expect(fs.readFileSync(file).equals(content)).toBe(true);
});

test('simultaneous operations of all kinds, more than ring and pool hold, all settle', async () => {
  const count = operations / 10;
  const content = randomBytes(count * size);
  const file = fileWith(content);
  const handle = await open(file, 'r+');
  const kinds: ((i: number) => Promise<boolean>)[] = [
    async (i) => (await handle.read(Buffer.alloc(size), 0, size, i * size)).bytesRead === size,
    async (i) => (await handle.write(content, i * size, size, i * size)).bytesWritten === size,
    async (i) => (await handle.readv([Buffer.alloc(size)], i * size)).bytesRead === size,
    async () => (await handle.writev([content.subarray(0, 1)], 0)).bytesWritten === 1,
    async () => (await handle.stat()).size === content.byteLength,
    async () => (await stat(file)).isFile(),
  ];
  const pending = Array.from({ length: count }, (_, i) => {
    const kind = kinds[i % kinds.length] as (i: number) => Promise<boolean>;
    return kind(i);
  });
  const results = await Promise.all(pending);
  expect(results.every((right) => right)).toBe(true);
  await handle.close();
  expect(fs.readFileSync(file).equals(content)).toBe(true);
  expect(engine.stats().inFlight).toBe(0);
});

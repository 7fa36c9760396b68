import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect } from 'vitest';
import { open, readFile, writeFile } from '../../lib/index.js';
import { temporaryFolder, testWhere } from '../helpers.js';

// Transfers larger than one system call moves (0x7ffff000 bytes on Linux) and than 31 bits. They
// use gigabytes of memory, so they are a separate project, which runs when no other test does. The
// system takes most of their time to provide memory at its first use, so they share a buffer and a
// file.

const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;
const memoryNeeded = 8 * gibibyte;
const isPossible = os.freemem() > memoryNeeded;
const testWithMemory = testWhere(isPossible, `it needs ${memoryNeeded / gibibyte} GiB of memory`, {
  mustRun: true,
});

const size = 2 * gibibyte + 5 * mebibyte + 3;
const memory = Buffer.alloc(isPossible ? size : 0);
const zeros = Buffer.alloc(64 * mebibyte);

/** The positions of markers: both ends, and around the limits of one call and of 31 bits. */
const places = [0, mebibyte, 0x7ffff000, 2 ** 31, size]
  .flatMap((limit) => [limit - 8, limit, limit + 100])
  .filter((place) => place >= 0 && place + 8 <= size);

function markerAt(place: number): Buffer {
  const marker = Buffer.alloc(8);
  marker.writeBigUInt64LE(BigInt(place) + 1n);
  return marker;
}

/** The shared memory with the content of a large file: zeros with markers. */
function largeContent(): Buffer {
  for (const place of places) markerAt(place).copy(memory, place);
  return memory;
}

/** Fails unless the content is zeros with markers, and removes the markers. */
function checkContent(content: Buffer): void {
  expect(content.byteLength).toBe(size);
  for (const place of places) {
    expect(content.subarray(place, place + 8).equals(markerAt(place)), `at ${place}`).toBe(true);
    content.fill(0, place, place + 8);
  }
  for (let start = 0; start < size; start += zeros.byteLength) {
    expectZeros(content.subarray(start, start + zeros.byteLength), start);
  }
}

function expectZeros(part: Buffer, start: number): void {
  expect(part.equals(zeros.subarray(0, part.byteLength)), `from ${start}`).toBe(true);
}

/** checkContent() for a file, which is removed. */
function checkFile(file: string): void {
  expect(fs.statSync(file).size).toBe(size);
  const part = Buffer.alloc(zeros.byteLength);
  const fd = fs.openSync(file, 'r');
  for (let start = 0; start < size; start += part.byteLength) {
    const length = fs.readSync(fd, part, 0, part.byteLength, start);
    expect(length).toBe(Math.min(part.byteLength, size - start));
    // The markers of this part; one of them may lie on its end.
    for (const place of places) {
      for (const [i, byte] of markerAt(place).entries()) {
        const at = place + i - start;
        if (at < 0 || at >= length) continue;
        expect(part[at], `at ${place + i}`).toBe(byte);
        part[at] = 0;
      }
    }
    expectZeros(part.subarray(0, length), start);
  }
  fs.closeSync(fd);
  fs.rmSync(file);
}

let sparse: string | undefined;

/** A sparse file of zeros with markers. */
function sparseFile(): string {
  if (sparse !== undefined) return sparse;
  sparse = path.join(temporaryFolder(), 'large');
  const fd = fs.openSync(sparse, 'w');
  fs.ftruncateSync(fd, size);
  for (const place of places) fs.writeSync(fd, markerAt(place), 0, 8, place);
  fs.closeSync(fd);
  return sparse;
}

testWithMemory('readFile of more than 2 GiB returns all of it', async () =>
  checkContent(await readFile(sparseFile())),
);

testWithMemory(
  'readFile of a file of 600 MiB as a string fails, since no string is so long',
  async () => {
    const file = path.join(temporaryFolder(), 'text');
    fs.writeFileSync(file, '');
    fs.truncateSync(file, 600 * mebibyte);
    await expect(readFile(file, 'utf8')).rejects.toMatchObject({ code: 'ERR_STRING_TOO_LONG' });
    fs.rmSync(file);
  },
);

testWithMemory(
  'one read of more than 2 GiB reads all of it, at a position and at the cursor',
  async () => {
    const handle = await open(sparseFile());
    const atPosition = await handle.read(memory, 0, size, 0);
    expect(atPosition.bytesRead).toBe(size);
    expect(atPosition.buffer === memory).toBe(true);
    checkContent(memory);
    const atCursor = await handle.read(memory);
    expect(atCursor.bytesRead).toBe(size);
    checkContent(memory);
    expect((await handle.read(memory)).bytesRead).toBe(0);
    await handle.close();
  },
);

testWithMemory('writeFile of more than 2 GiB writes all of it', async () => {
  const file = path.join(temporaryFolder(), 'large');
  await writeFile(file, largeContent());
  checkFile(file);
});

testWithMemory(
  'one write of more than 2 GiB writes all of it, and moves the cursor behind it',
  async () => {
    const file = path.join(temporaryFolder(), 'large');
    const handle = await open(file, 'w');
    const { bytesWritten } = await handle.write(largeContent());
    expect(bytesWritten).toBe(size);
    await handle.write('end');
    await handle.truncate(size);
    await handle.close();
    checkFile(file);
  },
);

testWithMemory('writev of more than 2 GiB in all writes all of it, as with Node', async () => {
  const file = path.join(temporaryFolder(), 'large');
  const content = largeContent();
  const first = content.subarray(0, gibibyte);
  const parts = [first, content.subarray(gibibyte, size - 100), content.subarray(size - 100)];
  const handle = await open(file, 'w');
  expect((await handle.writev(parts)).bytesWritten).toBe(size);
  await handle.close();
  checkFile(file);
});

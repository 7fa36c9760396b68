import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect } from 'vitest';
import { open, readFile, writeFile } from '../../lib/index.js';
import { temporaryFolder, testWhere } from '../helpers.js';

// Transfers larger than one system call moves (0x7ffff000 bytes on Linux) and than 31 bits. They
// use gigabytes of memory, so they are a separate project, which runs when no other test does.

const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;
const memoryNeeded = 8 * gibibyte;
const msMax = 180_000;
const testWithMemory = testWhere(
  os.freemem() > memoryNeeded,
  `it needs ${memoryNeeded / gibibyte} GiB of memory`,
  { mustRun: true },
);

/** The positions of markers: both ends, and around the limits of 31 and 32 bits. */
function markersOf(size: number): number[] {
  const limits = [0, mebibyte, 0x7ffff000, 2 ** 31, 3 * gibibyte - 4096, size];
  const places = limits.flatMap((limit) => [limit - 8, limit, limit + 100]);
  return places.filter((place) => place >= 0 && place + 8 <= size);
}

const markerAt = (place: number): Buffer => {
  const marker = Buffer.alloc(8);
  marker.writeBigUInt64LE(BigInt(place) + 1n);
  return marker;
};

/** Creates a sparse file of zeros with markers. */
function sparseFile(size: number): string {
  const file = path.join(temporaryFolder(), 'large');
  const fd = fs.openSync(file, 'w');
  fs.ftruncateSync(fd, size);
  for (const place of markersOf(size)) fs.writeSync(fd, markerAt(place), 0, 8, place);
  fs.closeSync(fd);
  return file;
}

function contentOf(size: number): Buffer {
  const content = Buffer.alloc(size);
  for (const place of markersOf(size)) markerAt(place).copy(content, place);
  return content;
}

/** Fails unless the content is zeros with the markers of a file of this size. */
function checkContent(content: Buffer, size: number): void {
  expect(content.length).toBe(size);
  for (const place of markersOf(size)) {
    expect(content.subarray(place, place + 8).equals(markerAt(place)), `at ${place}`).toBe(true);
    content.fill(0, place, place + 8);
  }
  const zeros = Buffer.alloc(64 * mebibyte);
  for (let start = 0; start < size; start += zeros.length) {
    const part = content.subarray(start, start + zeros.length);
    expect(part.equals(zeros.subarray(0, part.length)), `from ${start}`).toBe(true);
  }
}

/** checkContent() for a file. */
function checkFile(file: string, size: number): void {
  expect(fs.statSync(file).size).toBe(size);
  const content = Buffer.alloc(size);
  const fd = fs.openSync(file, 'r');
  const step = 512 * mebibyte;
  for (let start = 0; start < size; start += step) {
    fs.readSync(fd, content, start, Math.min(step, size - start), start);
  }
  fs.closeSync(fd);
  checkContent(content, size);
}

const large = 3 * gibibyte;

testWithMemory(
  'readFile of a file of 3 GiB returns all of it',
  async () => {
    const file = sparseFile(large);
    checkContent(await readFile(file), large);
    fs.rmSync(file);
  },
  msMax,
);

testWithMemory(
  'readFile of a file of 600 MiB as a string fails, since no string is so long',
  async () => {
    const file = sparseFile(600 * mebibyte);
    await expect(readFile(file, 'utf8')).rejects.toMatchObject({ code: 'ERR_STRING_TOO_LONG' });
    fs.rmSync(file);
  },
  msMax,
);

const beyond = 2 * gibibyte + 5 * mebibyte + 3;

testWithMemory(
  'one read of more than 2 GiB reads all of it, at a position and at the cursor',
  async () => {
    const file = sparseFile(beyond);
    const memory = Buffer.alloc(beyond);
    const handle = await open(file);
    const atPosition = await handle.read(memory, 0, beyond, 0);
    expect(atPosition.bytesRead).toBe(beyond);
    expect(atPosition.buffer === memory).toBe(true);
    checkContent(memory, beyond);
    const atCursor = await handle.read(memory);
    expect(atCursor.bytesRead).toBe(beyond);
    checkContent(memory, beyond);
    expect((await handle.read(memory)).bytesRead).toBe(0);
    await handle.close();
    fs.rmSync(file);
  },
  msMax,
);

testWithMemory(
  'writeFile of more than 2 GiB writes all of it',
  async () => {
    const file = path.join(temporaryFolder(), 'large');
    await writeFile(file, contentOf(beyond));
    checkFile(file, beyond);
    fs.rmSync(file);
  },
  msMax,
);

testWithMemory(
  'one write of more than 2 GiB writes all of it, and moves the cursor behind it',
  async () => {
    const file = path.join(temporaryFolder(), 'large');
    const handle = await open(file, 'w');
    const { bytesWritten } = await handle.write(contentOf(beyond));
    expect(bytesWritten).toBe(beyond);
    await handle.write('end');
    await handle.truncate(beyond);
    await handle.close();
    checkFile(file, beyond);
    fs.rmSync(file);
  },
  msMax,
);

testWithMemory(
  'writev of more than 2 GiB in all writes all of it, as with Node',
  async () => {
    const file = path.join(temporaryFolder(), 'large');
    const content = contentOf(beyond);
    const first = content.subarray(0, gibibyte);
    const parts = [first, content.subarray(gibibyte, beyond - 100), content.subarray(beyond - 100)];
    const handle = await open(file, 'w');
    expect((await handle.writev(parts)).bytesWritten).toBe(beyond);
    await handle.close();
    checkFile(file, beyond);
    fs.rmSync(file);
  },
  msMax,
);

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { allocAligned, type FileHandle, open, readFile, writeFile } from '../../lib/index.js';
import { randomBytes, sha256, sha256OfFile } from '../helpers.js';

const MiB = 1024 * 1024;

/** Lengths around the sector sizes of 512 and 4096 bytes, and around the chunks of the aligner. */
export const lengths = [
  0,
  1,
  511,
  512,
  513,
  4095,
  4096,
  4097,
  MiB - 1,
  MiB,
  MiB + 1,
  5_000_001,
] as const;

export const cursors = [0, 1, 511, 512, 4095, 4096, 4097, 100_000, MiB + 1] as const;

/** Reads from an unbuffered handle, into an aligned buffer of its own. */
export async function readAligned(
  handle: FileHandle,
  length: number,
  position: number | null,
): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(allocAligned(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** Moves a handle's cursor by reading up to a position, which may lie within a sector. */
async function moveCursor(handle: FileHandle, place: number): Promise<void> {
  if (place > 0) await handle.writeFile(Buffer.alloc(place, 'x'));
}

export function expectContent(file: string, content: Buffer): void {
  expect(fs.statSync(file).size).toBe(content.length);
  expect(sha256OfFile(file)).toBe(sha256(content));
}

function testWriting(folder: () => string): void {
  for (const length of lengths) {
    const content = randomBytes(length, length + 1);

    test(`writeFile of ${length} bytes, unbuffered: content and size are exact`, async () => {
      const file = path.join(folder(), `write-${length}`);
      for (const flags of ['w', 'w+', 'a']) {
        fs.rmSync(file, { force: true });
        const handle = await open(file, flags, { unbuffered: true });
        expect(handle.alignment).not.toBeNull();
        await handle.writeFile(content);
        expect((await handle.stat()).size).toBe(length);
        await handle.close();
        expectContent(file, content);
      }
    });

    test(`appendFile of ${length} bytes to an unbuffered handle keeps the content`, async () => {
      const before = randomBytes(1000, 5);
      const file = path.join(folder(), `append-${length}`);
      fs.writeFileSync(file, before);
      const handle = await open(file, 'a', { unbuffered: true });
      await handle.appendFile(content);
      await handle.appendFile(content.subarray(0, 777));
      await handle.close();
      expectContent(file, Buffer.concat([before, content, content.subarray(0, 777)]));
    });

    test(`overwriting ${length} bytes in the middle keeps the rest`, async () => {
      const before = randomBytes(6_000_000, 6);
      const file = path.join(folder(), `middle-${length}`);
      fs.writeFileSync(file, before);
      const handle = await open(file, 'r+', { unbuffered: true });
      await moveCursor(handle, 1234);
      await handle.writeFile(content);
      await handle.close();
      Buffer.alloc(1234, 'x').copy(before);
      content.copy(before, 1234);
      expectContent(file, before);
    });
  }
}

function testReading(folder: () => string): void {
  for (const length of lengths) {
    test(`readFile of ${length} bytes on an unbuffered handle is exact`, async () => {
      const content = randomBytes(length, length + 2);
      const file = path.join(folder(), `read-${length}`);
      fs.writeFileSync(file, content);
      const handle = await open(file, 'r', { unbuffered: true });
      const read = await handle.readFile();
      expect(read.length).toBe(length);
      expect(sha256(read)).toBe(sha256(content));
      expect((await handle.readFile()).length).toBe(0);
      await handle.close();
    });
  }

  test('reads at the cursor give the whole file, then 0 bytes', async () => {
    for (const length of lengths) {
      const content = randomBytes(length, length + 3);
      const file = path.join(folder(), `cursor-${length}`);
      fs.writeFileSync(file, content);
      const handle = await open(file, 'r', { unbuffered: true });
      const parts: Buffer[] = [];
      for (;;) {
        const part = await readAligned(handle, 65_536, null);
        if (part.length === 0) break;
        parts.push(part);
      }
      expect((await readAligned(handle, 65_536, null)).length).toBe(0);
      expect(sha256(Buffer.concat(parts))).toBe(sha256(content));
      await handle.close();
    }
  });

  test('readv at the cursor gives the file, then 0 bytes, then appended bytes', async () => {
    const content = randomBytes(10_000, 9);
    const file = path.join(folder(), 'cursor-vectors');
    fs.writeFileSync(file, content);
    const handle = await open(file, 'r', { unbuffered: true });
    const readv = async (): Promise<Buffer> => {
      const buffers = [allocAligned(4096), allocAligned(8192)];
      const { bytesRead } = await handle.readv(buffers);
      return Buffer.concat(buffers).subarray(0, bytesRead);
    };
    expect((await readv()).equals(content)).toBe(true);
    expect((await readv()).length).toBe(0);
    fs.appendFileSync(file, content);
    expect((await readv()).equals(content)).toBe(true);
    expect((await readv()).length).toBe(0);
    await handle.close();
  });

  test('reads at positions return all, a part or nothing of the request', async () => {
    const content = randomBytes(10_000, 8);
    const file = path.join(folder(), 'positions');
    fs.writeFileSync(file, content);
    const handle = await open(file, 'r', { unbuffered: true });
    for (const position of [0, 4096, 8192, 12_288, 4096 * 1000]) {
      const wanted = content.subarray(position, position + 4096);
      expect((await readAligned(handle, 4096, position)).equals(wanted)).toBe(true);
    }
    await handle.close();
  });
}

function testCursors(folder: () => string): void {
  for (const cursor of cursors) {
    test(`readFile from cursor ${cursor} returns exactly the rest`, async () => {
      const rest = randomBytes(50_001, cursor + 1);
      const file = path.join(folder(), `rest-${cursor}`);
      fs.writeFileSync(file, Buffer.concat([Buffer.alloc(cursor, 'x'), rest]));
      const handle = await open(file, 'r+', { unbuffered: true });
      await moveCursor(handle, cursor);
      const read = await handle.readFile();
      expect(read.length).toBe(rest.length);
      expect(read.equals(rest)).toBe(true);
      await handle.close();
    });

    test(`writeFile from cursor ${cursor} extends the file exactly`, async () => {
      const parts = [1, 4096, 12_345, 511].map((size) => randomBytes(size, size + cursor));
      const file = path.join(folder(), `extend-${cursor}`);
      const handle = await open(file, 'w+', { unbuffered: true });
      await moveCursor(handle, cursor);
      for (const part of parts) await handle.writeFile(part);
      await handle.close();
      expectContent(file, Buffer.concat([Buffer.alloc(cursor, 'x'), ...parts]));
    });
  }
}

function testData(folder: () => string): void {
  test('writeFile of iterables with odd parts to an unbuffered handle is exact', async () => {
    const parts = [1, 510, 1, 0, 4096, 3, 70_001, MiB + 7, 2].map((size, i) =>
      randomBytes(size, i + 1),
    );
    async function* given(): AsyncGenerator<Buffer> {
      yield* parts;
    }
    for (const data of [parts, given()]) {
      const file = path.join(folder(), 'parts');
      const handle = await open(file, 'w', { unbuffered: true });
      await handle.writeFile(data);
      await handle.close();
      expectContent(file, Buffer.concat(parts));
    }
  });

  test('strings, other views and views of part of their memory are written exactly', async () => {
    const memory = randomBytes(40_000, 4);
    const view = new DataView(memory.buffer, memory.byteOffset + 3, 20_001);
    const words = new Uint16Array(memory.buffer.slice(0, 8194));
    const file = path.join(folder(), 'views');
    const handle = await open(file, 'w', { unbuffered: true });
    await handle.writeFile('ünïcödé');
    await handle.writeFile(view);
    await handle.writeFile(words);
    await handle.close();
    const text = Buffer.from('ünïcödé');
    const bytes = [text, memory.subarray(3, 20_004), Buffer.from(words.buffer)];
    expectContent(file, Buffer.concat(bytes));
  });

  test('the functions of the module accept an unbuffered handle', async () => {
    const content = randomBytes(12_345, 12);
    const file = path.join(folder(), 'module');
    const handle = await open(file, 'w+', { unbuffered: true });
    await writeFile(handle, content);
    expect((await readFile(handle)).length).toBe(0);
    await handle.close();
    const again = await open(file, 'r', { unbuffered: true });
    expect((await readFile(again)).equals(content)).toBe(true);
    await again.close();
  });

  test('truncate of an unbuffered handle accepts any length', async () => {
    const content = randomBytes(20_000, 13);
    const file = path.join(folder(), 'truncate');
    fs.writeFileSync(file, content);
    const handle = await open(file, 'r+', { unbuffered: true });
    for (const length of [12_345, 4096, 1, 0, 7777]) {
      await handle.truncate(length);
      expect((await handle.stat()).size).toBe(length);
    }
    await handle.close();
    expectContent(file, Buffer.alloc(7777));
  });
}

/** The same laws hold on every disk, whatever its sectors are. */
export function testAnyLength(folder: () => string): void {
  testWriting(folder);
  testReading(folder);
  testCursors(folder);
  testData(folder);
}

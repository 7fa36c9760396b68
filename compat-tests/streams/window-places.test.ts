import { EventEmitter, once } from 'node:events';
import { expect, test } from 'vitest';
import { ReadAhead } from '../../lib/transfer/read-ahead.js';
import type { CursorRead, SectorFile } from '../../lib/transfer/transfer-file.js';
import { WriteBehind } from '../../lib/transfer/write-behind.js';
import { randomBytes, rejection, sleep } from '../helpers.js';
import { HandleDouble } from './handle-double.js';

const content = randomBytes(300_000);

/** A regular file that rejects positions, as those of tracefs do. */
class StreamOnlyFile extends HandleDouble {
  cursor = 0;
  refused = 0;

  async #refuse(): Promise<never> {
    this.refused++;
    throw Object.assign(new Error('ESPIPE: invalid seek'), { code: 'ESPIPE' });
  }
  override readAt(): Promise<number> {
    return this.#refuse();
  }
  override writeAt(): Promise<number> {
    return this.#refuse();
  }
  override read = async (memory: Uint8Array, { length }: CursorRead) => {
    const bytes = this.content.subarray(this.cursor, this.cursor + length);
    memory.set(bytes);
    this.cursor += bytes.byteLength;
    return { bytesRead: bytes.byteLength };
  };
  override async writeViewsAt(
    views: readonly Uint8Array[],
    length: number,
    position: number,
  ): Promise<number> {
    if (position !== -1) return this.#refuse();
    this.content = Buffer.concat([this.content, ...views]);
    return length;
  }
}

async function readAll(ahead: ReadAhead): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await ahead.next(); chunk !== null; chunk = await ahead.next()) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

test('a file without positions is read at its cursor', async () => {
  const file = new StreamOnlyFile(content);
  const ahead = new ReadAhead(file as SectorFile, { mayUseCursor: true, expected: 1e6 });
  expect((await readAll(ahead)).equals(content)).toBe(true);
  expect(file.refused).toBeGreaterThan(0);
});

test('a file without positions is written at its cursor, in order', async () => {
  const file = new StreamOnlyFile(Buffer.alloc(0));
  const behind = new WriteBehind(file, { mayUseCursor: true, chunkSize: 20_000, expected: 1e6 });
  for (let at = 0; at < content.byteLength; at += 7000) {
    behind.write(content.subarray(at, at + 7000));
  }
  await behind.finish();
  expect(file.content.equals(content)).toBe(true);
  expect(behind.flushedPosition).toBe(content.byteLength);
});

test('a requested position is rejected with ESPIPE', async () => {
  const file = new StreamOnlyFile(content);
  const error = await rejection(new ReadAhead(file, { start: 10 }).next());
  expect(error).toMatchObject({ code: 'ESPIPE' });
});

for (const size of [1, 3000, 65_535, 65_536, 65_537]) {
  test(`a single read returns a file of ${size} known bytes and detects its end`, async () => {
    const double = new HandleDouble(content.subarray(0, size));
    const ahead = new ReadAhead(double.handle, { size });
    const read = await double.serve(readAll(ahead), () => 0);
    expect(read.equals(content.subarray(0, size))).toBe(true);
    const most = Math.ceil(size / 65_536);
    expect(double.transfers).toBe(size === 65_537 ? 2 : most);
    expect(double.bytesMost).toBeLessThanOrEqual(Math.min(size, 65_536) + 1);
  });
}

test('a file that is longer or shorter than its known size is read to its real end', async () => {
  for (const size of [1, 1000, 100_000, 299_999, 300_001, 1_000_000]) {
    const double = new HandleDouble(content);
    const ahead = new ReadAhead(double.handle, { size });
    const read = await double.serve(readAll(ahead), () => 0);
    expect(read.equals(content)).toBe(true);
  }
});

test('useCursor() discards the data that was read ahead, and reads chunk by chunk', async () => {
  const double = new HandleDouble(content);
  const ahead = new ReadAhead(double.handle, { chunkSize: 1000, expected: 1e6 });
  const first = await double.serve(ahead.next(), () => 0);
  const cursor = new StreamOnlyFile(content);
  cursor.cursor = 1000;
  double.read = (memory, options) => cursor.read(memory, options);
  ahead.useCursor(1000, 500);
  expect(cursor.cursor).toBe(1000);
  const next = await double.serve(ahead.next(), () => 0);
  expect([first?.byteLength, next?.equals(content.subarray(1000, 1500))]).toEqual([1000, true]);
  expect(cursor.cursor).toBe(1500);
});

test('a failed window leaves a prefix and the earlier content of the file', async () => {
  for (const before of [0, 5000]) {
    const double = new HandleDouble(Buffer.alloc(before, 'o'));
    double.stat = (async () => ({ size: double.content.byteLength })) as typeof double.stat;
    double.truncate = async (length) => {
      double.content = double.content.subarray(0, length);
    };
    const behind = new WriteBehind(double.handle, {
      leavesPrefix: true,
      size: before,
      chunkSize: 1000,
      depth: 8,
      expected: 1e6,
    });
    double.fail = (position) => (position === 2000 ? new Error('full') : undefined);
    behind.write(content.subarray(0, 20_000));
    // The last write completes first, so that others lie beyond the one that fails.
    await rejection(double.serve(behind.finish(), (count) => count - 1));
    expect(behind.flushedPosition).toBeLessThanOrEqual(2000);
    expect(double.content.byteLength).toBe(Math.max(before, behind.flushedPosition));
  }
});

test('a file without positions is read at its cursor into memory of the caller, too', async () => {
  const file = new StreamOnlyFile(content);
  const ahead = new ReadAhead(file as SectorFile, { mayUseCursor: true });
  const target = Buffer.alloc(1000);
  for (const from of [0, 1000]) {
    expect(await ahead.readInto(target)).toBe(1000);
    expect(target.equals(content.subarray(from, from + 1000))).toBe(true);
  }
  expect(file.refused).toBe(1);
});

test('useCursor() during readInto() delivers every byte once', async () => {
  const double = new HandleDouble(content);
  const ahead = new ReadAhead(double.handle);
  const target = Buffer.alloc(1000);
  expect(await double.serve(ahead.readInto(target), () => 0)).toBe(1000);
  const reading = ahead.readInto(target);
  const file = new StreamOnlyFile(content);
  file.cursor = ahead.position;
  double.read = (memory, options) => file.read(memory, options);
  ahead.useCursor(ahead.position);
  expect(await double.serve(reading, () => 0)).toBe(1000);
  expect(target.equals(content.subarray(1000, 2000))).toBe(true);
  expect([file.cursor, ahead.position]).toEqual([2000, 2000]);
  await ahead.readInto(target);
  expect(target.equals(content.subarray(2000, 3000))).toBe(true);
});

test('a refusal of positions during the lookup of the size leads to the cursor', async () => {
  const file = new StreamOnlyFile(Buffer.alloc(0));
  const told = new EventEmitter();
  const [refusal, size] = [once(told, 'refusal'), once(told, 'size')];
  const write = file.writeViewsAt.bind(file);
  file.writeViewsAt = async (views, length, position) => {
    if (position !== -1) await refusal;
    return write(views, length, position);
  };
  file.stat = async () => {
    await size;
    return { size: 0 } as never;
  };
  const behind = new WriteBehind(file, {
    mayUseCursor: true,
    leavesPrefix: true,
    chunkSize: 10_000,
    expected: 1e6,
  });
  behind.write(content.subarray(0, 50_000));
  await sleep(1);
  told.emit('refusal');
  await sleep(1);
  told.emit('size');
  await behind.finish();
  expect(file.content.equals(content.subarray(0, 50_000))).toBe(true);
});

test('useCursor() after an abort does nothing', async () => {
  const double = new HandleDouble(Buffer.alloc(0));
  const behind = new WriteBehind(double.handle);
  for (let at = 0; at < 5000; at += 100) {
    behind.write(content.subarray(at, at + 100), () => {});
  }
  const cancelling = behind.cancel();
  behind.useCursor();
  await double.serve(cancelling, () => 0);
});

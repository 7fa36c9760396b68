import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { type ContentOptions, copyContent } from '../../lib/copy/copy-content.js';
import type { SourceChangedError } from '../../lib/copy/source-changed-error.js';
import type { CoreHandle } from '../../lib/handle/core-handle.js';
import { openCore } from '../../lib/handle/open.js';
import { engine, hashFile } from '../../lib/index.js';
import { randomBytes, rejection, sha256, sleep, unbufferedFolder } from '../helpers.js';

const chunkSize = 64 * 1024;

async function pair(data: Buffer, fromUnbuffered = true, toUnbuffered = true) {
  const folder = await unbufferedFolder();
  const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
  fs.writeFileSync(from, data);
  const source = await openCore(from, 'r', { unbuffered: fromUnbuffered });
  const destination = await openCore(to, 'w+', { unbuffered: toUnbuffered });
  return { from, to, source, destination };
}

async function failure(data: Buffer, options: (from: string) => ContentOptions) {
  const { from, source, destination } = await pair(data);
  const error = await rejection(copyContent(source, destination, data.byteLength, options(from)));
  expect(engine.stats().inFlight).toBe(0);
  await source.close();
  await destination.close();
  return error;
}

/** Runs a function at the n-th call. */
function onCall(number: number, run: () => void): () => void {
  let calls = 0;
  return () => {
    if (++calls === number) run();
  };
}

for (const [fromUnbuffered, toUnbuffered] of [
  [true, true],
  [true, false],
  [false, true],
  [false, false],
] as const) {
  const name = `${fromUnbuffered ? 'un' : ''}buffered to ${toUnbuffered ? 'un' : ''}buffered`;
  for (const size of [0, 1, 511, 4096, chunkSize, chunkSize + 1, 20 * chunkSize + 1234]) {
    test(`a copy of ${size} bytes has the source's bytes and size (${name})`, async () => {
      const data = randomBytes(size, size + 1);
      const { to, source, destination } = await pair(data, fromUnbuffered, toUnbuffered);
      // The previous content of the destination must not remain after the end of the copy.
      fs.writeFileSync(to, Buffer.alloc(30 * chunkSize, 7));
      expect(await copyContent(source, destination, size, { depth: 4, chunkSize })).toEqual({
        bytes: size,
        dataBytes: size,
      });
      expect(await hashFile(to, { depth: 4, chunkSize })).toBe(sha256(data));
      expect(fs.readFileSync(to).equals(data)).toBe(true);
      await source.close();
      await destination.close();
    });
  }
}

test('onChunk sees the bytes in the order of the file, also when it takes its time', async () => {
  const data = randomBytes(20 * chunkSize + 5);
  const { source, destination } = await pair(data);
  const seen: Buffer[] = [];
  let next = 0;
  await copyContent(source, destination, data.byteLength, {
    depth: 7,
    chunkSize,
    onChunk: async (bytes, position) => {
      expect(position).toBe(next);
      next += bytes.byteLength;
      await sleep(position % 3);
      seen.push(Buffer.from(bytes));
    },
  });
  expect(Buffer.concat(seen).equals(data)).toBe(true);
  await source.close();
  await destination.close();
});

test('progress ends at the size and never goes back', async () => {
  const { source, destination } = await pair(randomBytes(9 * chunkSize + 1));
  const seen: number[] = [];
  const onProgress = (bytes: number) => void seen.push(bytes);
  await copyContent(source, destination, 9 * chunkSize + 1, { chunkSize, onProgress });
  expect(seen.at(-1)).toBe(9 * chunkSize + 1);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  await source.close();
  await destination.close();
});

const long = randomBytes(40 * chunkSize);

test('a source that is truncated meanwhile is an error with both sizes', async () => {
  const error = (await failure(long, (from) => ({
    depth: 2,
    chunkSize,
    onProgress: onCall(3, () => fs.truncateSync(from, 20 * chunkSize + 5)),
  }))) as unknown as SourceChangedError;
  expect(error.code).toBe('ERR_SOURCE_CHANGED');
  expect(error.expectedSize).toBe(40 * chunkSize);
  expect(error.actualSize).toBe(20 * chunkSize + 5);
});

test('an abort rejects when nothing is in flight any more', async () => {
  const controller = new AbortController();
  const error = await failure(long, () => ({
    depth: 32,
    chunkSize,
    signal: controller.signal,
    onProgress: onCall(3, () => controller.abort()),
  }));
  expect(error.name).toBe('AbortError');
});

test('an error of onChunk, thrown or rejected, ends the copy and is its error', async () => {
  const thrown = await failure(long, () => ({
    chunkSize,
    onChunk: onCall(5, () => {
      throw new Error('thrown');
    }),
  }));
  expect(thrown.message).toBe('thrown');
  const rejected = await failure(long, () => ({
    chunkSize,
    onChunk: async (_, position) => {
      if (position > 5 * chunkSize) throw new Error('rejected');
    },
  }));
  expect(rejected.message).toBe('rejected');
});

test('invalid options are rejected before anything is written', async () => {
  expect((await failure(long, () => ({ depth: 0 }))).code).toBe('ERR_OUT_OF_RANGE');
  expect((await failure(long, () => ({ chunkSize: 1.5 }))).code).toBe('ERR_OUT_OF_RANGE');
});

// ---- Short transfers, which no file system here produces on demand

/** An in-memory file whose transfers stop early, as on an unbuffered handle with such blocks. */
class ShortFile {
  readonly alignment: CoreHandle['alignment'];
  size: number;

  constructor(
    readonly bytes: Buffer,
    readonly block: number,
    readonly transferMax: number,
  ) {
    this.alignment = { position: block, length: block, memory: block };
    this.size = bytes.byteLength;
  }

  async stat() {
    return { size: BigInt(this.size), mtimeNs: 0n };
  }
  async readAt(buffer: Buffer, offset: number, length: number, position: number) {
    const available = Math.max(0, this.size - this.#aligned(position));
    const bytesRead = Math.min(this.#aligned(length), this.transferMax, available);
    this.bytes.copy(buffer, this.#aligned(offset), position, position + bytesRead);
    return bytesRead;
  }
  async writeAt(buffer: Buffer, offset: number, length: number, position: number) {
    const bytesWritten = Math.min(this.#aligned(length), this.transferMax);
    const start = this.#aligned(offset);
    buffer.copy(this.bytes, this.#aligned(position), start, start + bytesWritten);
    return bytesWritten;
  }
  async truncate(size: number) {
    this.size = size;
  }
  async sync() {}

  #aligned(value: number): number {
    expect(value % this.block).toBe(0);
    return value;
  }
}

function copyShort(from: ShortFile, to: ShortFile): Promise<unknown> {
  const [source, destination] = [from, to] as unknown as [CoreHandle, CoreHandle];
  return copyContent(source, destination, from.size, { depth: 3, chunkSize });
}

test('short reads and writes continue at the start of the block in which they ended', async () => {
  const data = randomBytes(5 * chunkSize + 777);
  const to = new ShortFile(Buffer.alloc(6 * chunkSize), 4096, 4096 + 1000);
  await copyShort(new ShortFile(data, 512, 512 + 100), to);
  expect(to.bytes.subarray(0, to.size).equals(data)).toBe(true);
});

test('writes that write nothing and give no error end in EIO, not in an endless loop', async () => {
  const to = new ShortFile(Buffer.alloc(6 * chunkSize), 4096, 0);
  const error = await rejection(copyShort(new ShortFile(long, 512, chunkSize), to));
  expect(error.code).toBe('EIO');
});

// Sparse files: set, punch, allocated ranges.
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { engine, type FileHandle, type FileRange, open } from '../../lib/index.js';
import { fileWith, isLinux, randomBytes, rejection, settled, testWhere } from '../helpers.js';

const block = 65536;

async function rangesOf(
  handle: FileHandle,
  options?: Parameters<FileHandle['allocatedRanges']>[0],
): Promise<FileRange[]> {
  const ranges: FileRange[] = [];
  for await (const range of handle.allocatedRanges(options)) ranges.push(range);
  return ranges;
}

// Wine accepts FSCTL_SET_SPARSE but lacks FSCTL_SET_ZERO_DATA.
const probe = await open(fileWith(Buffer.alloc(block)), 'r+');
const canPunch =
  (await settled(probe.punchHole({ position: 0, length: block }))).error === undefined;
await probe.close();
const testWithHoles = testWhere(canPunch, 'the system punches no holes', { mustRun: isLinux });

test('setSparse changes no byte', async () => {
  const data = randomBytes(100_000);
  const file = fileWith(data);
  const handle = await open(file, 'r+');
  await handle.setSparse();
  await handle.setSparse(true);
  await handle.setSparse(false);
  await handle.close();
  expect(fs.readFileSync(file).equals(data)).toBe(true);
});

testWithHoles('a hole reads as zeros, takes no space, and the size stays', async () => {
  const data = randomBytes(8 * block);
  const file = fileWith(data);
  const handle = await open(file, 'r+');
  await handle.setSparse();
  await handle.punchHole({ position: 2 * block, length: 3 * block });
  expect(await rangesOf(handle)).toEqual([
    { position: 0, length: 2 * block },
    { position: 5 * block, length: 3 * block },
  ]);
  expect(await handle.allocatedSize()).toBe(5 * block);
  expect((await handle.getAttributes()).sparse).toBe(true);
  await handle.close();
  data.fill(0, 2 * block, 5 * block);
  expect(fs.readFileSync(file).equals(data)).toBe(true);
});

testWithHoles('a part of a block becomes zeros and keeps its space', async () => {
  const data = randomBytes(block);
  const file = fileWith(data);
  const handle = await open(file, 'r+');
  await handle.punchHole({ position: 10, length: 100 });
  await handle.close();
  data.fill(0, 10, 110);
  expect(fs.readFileSync(file).equals(data)).toBe(true);
});

testWithHoles('setSparse(false) fills the holes', async () => {
  const handle = await open(fileWith(randomBytes(4 * block)), 'r+');
  await handle.punchHole({ position: block, length: block });
  await handle.setSparse(false);
  expect(await handle.allocatedSize()).toBeGreaterThanOrEqual(4 * block);
  await handle.close();
});

testWithHoles('5,000 ranges come in order, each once, over many operations', async () => {
  const count = 5000;
  const handle = await open(fileWith(''), 'r+');
  const page = 4096;
  await handle.truncate(2 * page * count);
  const data = randomBytes(page);
  await Promise.all(
    Array.from({ length: count }, (_, i) => handle.write(data, { position: 2 * i * page })),
  );
  const expected = Array.from({ length: count }, (_, i) => ({
    position: 2 * i * page,
    length: page,
  }));
  const { submitted } = engine.stats();
  expect(await rangesOf(handle)).toEqual(expected);
  expect(engine.stats().submitted - submitted).toBe(5);
  await handle.close();
});

testWithHoles('ranges of a part are cut to it', async () => {
  const handle = await open(fileWith(randomBytes(4 * block)), 'r+');
  await handle.punchHole({ position: block, length: block });
  expect(await rangesOf(handle, { position: 100, length: block })).toEqual([
    { position: 100, length: block - 100 },
  ]);
  expect(await rangesOf(handle, { position: block + 1, length: block })).toEqual([
    { position: 2 * block, length: 1 },
  ]);
  expect(await rangesOf(handle, { position: block, length: block })).toEqual([]);
  await handle.close();
});

test('a file without holes is one range; an empty one, and beyond the end, none', async () => {
  const handle = await open(fileWith(randomBytes(100_000)), 'r+');
  expect(await rangesOf(handle)).toEqual([{ position: 0, length: 100_000 }]);
  expect(await rangesOf(handle, { position: 5, length: 10 })).toEqual([
    { position: 5, length: 10 },
  ]);
  expect(await rangesOf(handle, { position: 100_000 })).toEqual([]);
  expect(await rangesOf(handle, { position: 0, length: 0 })).toEqual([]);
  await handle.truncate(0);
  expect(await rangesOf(handle)).toEqual([]);
  await handle.close();
});

test('the ranges do not move the cursor, even during calls at the cursor', async () => {
  const data = randomBytes(100_000);
  const handle = await open(fileWith(data));
  const [first, ranges, second] = await Promise.all([
    handle.read(Buffer.alloc(1000)),
    rangesOf(handle),
    handle.read(Buffer.alloc(1000)),
  ]);
  expect(ranges).toHaveLength(1);
  expect(first.buffer.equals(data.subarray(0, 1000))).toBe(true);
  expect(second.buffer.equals(data.subarray(1000, 2000))).toBe(true);
  await handle.close();
});

test('leaving the loop early leaves nothing in flight', async () => {
  const handle = await open(fileWith(randomBytes(100_000)));
  for await (const range of handle.allocatedRanges()) {
    expect(range.position).toBe(0);
    break;
  }
  expect(engine.stats().inFlight).toBe(0);
  await handle.close();
});

test('invalid arguments, and a closed handle', async () => {
  const handle = await open(fileWith('content'), 'r+');
  const punch = handle.punchHole as (range?: unknown) => Promise<void>;
  const { submitted } = engine.stats();
  for (const [range, code] of [
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [{ position: 0 }, 'ERR_INVALID_ARG_TYPE'],
    [{ position: -1, length: 1 }, 'ERR_OUT_OF_RANGE'],
    [{ position: 0, length: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ position: 5, length: Number.MAX_SAFE_INTEGER }, 'ERR_OUT_OF_RANGE'],
  ] as const) {
    expect(await rejection(punch.call(handle, range))).toMatchObject({ code });
  }
  const sparse = handle.setSparse as (sparse: unknown) => Promise<void>;
  const error = await rejection(sparse.call(handle, 'yes'));
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  const outOfRange = expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' });
  expect(() => handle.allocatedRanges({ position: -1 })).toThrow(outOfRange);
  expect(engine.stats().submitted).toBe(submitted);
  await handle.close();
  expect(await rejection(rangesOf(handle))).toMatchObject({ code: 'EBADF' });
});

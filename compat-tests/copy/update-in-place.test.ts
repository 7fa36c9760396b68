import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type CopyOptions, copy, engine, verify } from '../../lib/index.js';
import { canMakeDisks, LoopDevice } from '../alignment/loop-device.js';
import { killWhen, lastObject, overlapped } from '../cli/command.js';
import {
  copyOfFile,
  isLinux,
  isWindows,
  randomBytes,
  rejection,
  testWhere,
  unbufferedFolder,
} from '../helpers.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const size = 2 * MiB + 1234;
const inPlace: CopyOptions = { update: 'inplace' };

/** A file and an older version of it that differs in a few places. */
async function images(change: (old: Buffer) => Buffer = changeSome) {
  const folder = await unbufferedFolder();
  fs.rmSync(path.join(folder, 'probe'), { force: true });
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  const content = randomBytes(size, 5);
  const old = Buffer.from(content);
  fs.writeFileSync(source, content);
  fs.writeFileSync(destination, change(old));
  const left = (): string[] => fs.readdirSync(folder).filter((name) => name.startsWith('.'));
  return { folder, source, destination, content, left };
}

const places = [0, 5000, MiB + 17, MiB + 300 * KiB - 1, size - 1];

function changeSome(old: Buffer): Buffer {
  for (const place of places) old[place] = (old[place] as number) ^ 1;
  return old;
}

describe.each<[string, CopyOptions]>([
  ['buffered', {}],
  ['unbuffered', { unbuffered: true }],
  ['verified', { verify: true }],
  ['small chunks', { chunkSize: 60 * KiB, queueDepth: 2 }],
  ['times kept', { metadata: { times: true } }],
])('%s', (_name, options) => {
  test('only the blocks that differ are written', async () => {
    const { source, destination, content, left } = await images();
    const { ino } = fs.statSync(destination);
    const done = await copyOfFile(source, destination, { ...inPlace, ...options });
    expect(done).toMatchObject({ strategy: 'engine', bytes: size });
    expect(done.reason).toBe("options.update is 'inplace'");
    // The last block is not whole.
    expect(done.dataBytes).toBe(4 * 4096 + (size % 4096));
    expect(done.interrupted).toBeUndefined();
    expect(fs.readFileSync(destination).equals(content)).toBe(true);
    expect(fs.statSync(destination).ino).toBe(ino);
    expect(left()).toEqual([]);
  });

  test.each<[string, (old: Buffer) => Buffer]>([
    ['shorter', (old) => old.subarray(0, MiB + 77)],
    ['longer', (old) => Buffer.concat([old, randomBytes(MiB + 5)])],
    ['empty', () => Buffer.alloc(0)],
    ['wholly different', (old) => Buffer.alloc(old.byteLength, 1)],
  ])('a destination that is %s gets the size and the content', async (_kind, change) => {
    const { source, destination, content } = await images(change);
    await copyOfFile(source, destination, { ...inPlace, ...options });
    expect(fs.readFileSync(destination).equals(content)).toBe(true);
  });
});

test('an equal destination is not touched', async () => {
  const { source, destination, left } = await images((old) => old);
  fs.utimesSync(destination, 1000, 1000);
  const done = await copyOfFile(source, destination, { ...inPlace, verify: true });
  expect(done).toMatchObject({ dataBytes: 0, verified: true });
  expect(fs.statSync(destination).mtimeMs).toBe(1_000_000);
  expect(left()).toEqual([]);
});

test('a destination that does not exist is made whole before it has its name', async () => {
  const { source, destination, content } = await images();
  fs.rmSync(destination);
  const done = await copyOfFile(source, destination, inPlace);
  expect(done.reason).not.toContain('inplace');
  expect(fs.readFileSync(destination).equals(content)).toBe(true);
});

test('holes of the source become holes, and holes of both are not read', async () => {
  const { source, destination } = await images();
  fs.truncateSync(source, 0);
  fs.truncateSync(source, 16 * MiB);
  const handle = fs.openSync(source, 'r+');
  fs.writeSync(handle, 'end', 10 * MiB);
  fs.closeSync(handle);
  const done = await copyOfFile(source, destination, { ...inPlace, verify: true });
  expect(fs.readFileSync(destination).equals(fs.readFileSync(source))).toBe(true);
  if (isWindows) return;
  expect(fs.statSync(destination).blocks * 512).toBeLessThan(MiB);
  expect(done.dataBytes).toBe(4096);
});

test("sparse: 'always' makes holes of zeros", async () => {
  const { source, destination } = await images();
  fs.writeFileSync(source, Buffer.alloc(size));
  await copyOfFile(source, destination, { ...inPlace, sparse: 'always' });
  expect(fs.readFileSync(destination).equals(Buffer.alloc(size))).toBe(true);
  if (!isWindows) expect(fs.statSync(destination).blocks * 512).toBeLessThan(64 * KiB);
});

test('a file with other names, and a link, are refused', async () => {
  const { folder, source, destination, content } = await images();
  const before = fs.readFileSync(destination);
  const other = path.join(folder, 'other');
  fs.linkSync(destination, other);
  const refused = await rejection(copyOfFile(source, destination, inPlace));
  expect(refused).toMatchObject({ name: 'CopyError', code: 'ERR_COPY_LINK', dest: destination });
  expect(refused.message).toContain('has 2 names');
  if (!isWindows) {
    const link = path.join(folder, 'link');
    fs.symlinkSync(destination, link);
    const error = await rejection(copyOfFile(source, link, { ...inPlace, writeHardLinks: true }));
    expect(error).toMatchObject({ code: 'ERR_COPY_LINK' });
  }
  expect(fs.readFileSync(destination).equals(before)).toBe(true);
  await copyOfFile(source, destination, { ...inPlace, writeHardLinks: true });
  expect(fs.readFileSync(other).equals(content)).toBe(true);
});

test('folders, and strategies that do not compare, are refused', async () => {
  const { folder, source, destination } = await images();
  for (const refused of [
    () => copy(folder, `${folder}-copy`, inPlace),
    () => copy(source, destination, { ...inPlace, strategy: 'offload' }),
    () => copy(source, destination, { update: 'patch' as 'inplace' }),
  ]) {
    expect(await rejection(refused())).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  }
});

test('an aborted update says where it ended, and the next one finishes it', async () => {
  const { source, destination, content, left } = await images();
  const controller = new AbortController();
  const error = await rejection(
    copyOfFile(source, destination, {
      ...inPlace,
      ...{ signal: controller.signal, chunkSize: 256 * KiB, queueDepth: 1 },
      onProgress: ({ bytes }) => {
        if (bytes > MiB) controller.abort();
      },
    }),
  );
  expect(error.name).toBe('AbortError');
  expect(engine.stats().inFlight).toBe(0);
  expect(left()).toHaveLength(1);
  const done = await copyOfFile(source, destination, inPlace);
  expect(done.interrupted).toMatchObject({ sameSource: true });
  expect(fs.readFileSync(destination).equals(content)).toBe(true);
  expect(left()).toEqual([]);
  expect((await copyOfFile(source, destination, inPlace)).interrupted).toBeUndefined();
});

test('a copy that replaces the file forgets an update that was interrupted', async () => {
  const { source, destination, left } = await images();
  const controller = new AbortController();
  const aborted = copyOfFile(source, destination, {
    ...{ ...inPlace, chunkSize: 256 * KiB, queueDepth: 1, signal: controller.signal },
    onProgress: ({ bytes }) => {
      if (bytes > 0) controller.abort();
    },
  });
  expect((await rejection(aborted)).name).toBe('AbortError');
  expect(left()).toHaveLength(1);
  await copyOfFile(source, destination);
  expect(left()).toEqual([]);
});

test('a second update of a file waits for none: it is refused', async () => {
  const { source, destination } = await images();
  const controller = new AbortController();
  let second: Promise<Error> | undefined;
  const first = copyOfFile(source, destination, {
    ...{ ...inPlace, rateLimit: 256 * KiB, signal: controller.signal },
    onProgress: ({ bytes }) => {
      if (bytes > 0) second ??= rejection(copyOfFile(source, destination, inPlace));
    },
  });
  const ended = rejection(first);
  while (second === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await second).toMatchObject({ code: 'EBUSY' });
  controller.abort();
  await ended;
});

test('the command finishes an update that was killed, and says so', async () => {
  const { folder, source, destination, left } = await images();
  const args = ['copy', source, destination, '--update', 'inplace'];
  const killed = await overlapped([...args, '--rate-limit', '256K'], {
    before: killWhen(folder, /update$/, /flushed/),
  });
  expect(killed.code).not.toBe(0);
  expect(left()).toHaveLength(1);
  const done = await lastObject([...args, '--verify']);
  expect(done.interrupted).toMatchObject({ sameSource: true });
  expect(await verify(source, destination)).toMatchObject({ equal: true });
  expect(left()).toEqual([]);
});

const devices: LoopDevice[] = [];
afterEach(() => {
  for (const device of devices.splice(0)) device.remove();
});
const testWithDisk = testWhere(canMakeDisks, 'disks need root and loop devices', {
  mustRun: isLinux,
});

for (const way of [inPlace, { resume: true }] satisfies CopyOptions[]) {
  testWithDisk(`a device gets only the blocks that differ: ${Object.keys(way)}`, async () => {
    const { source, content } = await images();
    fs.truncateSync(source, 2 * MiB);
    const device = new LoopDevice(3 * MiB);
    devices.push(device);
    const old = Buffer.concat([content.subarray(0, 2 * MiB), Buffer.alloc(MiB, 3)]);
    fs.writeFileSync(device.path, old);
    const changed = fs.openSync(device.path, 'r+');
    fs.writeSync(changed, 'changed', MiB + 100);
    fs.closeSync(changed);
    for (const unbuffered of [false, true]) {
      const done = await copyOfFile(source, device.path, { ...way, unbuffered, verify: true });
      expect(done.dataBytes).toBe(unbuffered ? 0 : 4096);
      expect(fs.readFileSync(device.path).equals(old)).toBe(true);
    }
  });
}

// Logical and physical drives on Windows (sector aligned); block devices on Linux.
import * as fs from 'node:fs';
import { finished, pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deviceSize, openDrive, openVolume } from '../../lib/devices/index.js';
import {
  AlignmentError,
  allocAligned,
  createWriteStream,
  type FileHandle,
} from '../../lib/index.js';
import { canMakeDisks, LoopDevice } from '../alignment/loop-device.js';
import {
  fileWith,
  isLinux,
  isWindows,
  randomBytes,
  rejection,
  settled,
  sha256,
  testWhere,
} from '../helpers.js';

const size = 16 * 1024 * 1024;
const sector = 4096;
const testOnDisk = testWhere(canMakeDisks, 'a disk of its own needs root and loop devices', {
  mustRun: isLinux,
});
const testOnWindows = testWhere(isWindows, 'volumes have letters on Windows alone');
const testOnPosix = testWhere(!isWindows, 'Windows numbers its drives');

let disk: LoopDevice | undefined;

beforeAll(() => {
  if (canMakeDisks) disk = new LoopDevice(size);
});
afterAll(() => disk?.remove());

function devicePath(): string {
  return (disk as LoopDevice).path;
}

testOnDisk('whole sectors are written and read past the cache', async () => {
  const drive = await openDrive(devicePath(), { flags: 'r+' });
  expect(drive.deviceType).toBe('block');
  expect(drive.alignment).toMatchObject({ position: sector, length: sector });
  expect(await deviceSize(drive)).toBe(size);
  const memory = drive.alignment?.memory as number;
  const written = allocAligned(4 * sector, { alignment: memory });
  randomBytes(4 * sector).copy(written);
  await drive.write(written, { position: 8 * sector });
  await drive.sync();
  const read = allocAligned(4 * sector, { alignment: memory });
  expect((await drive.read(read, { position: 8 * sector })).bytesRead).toBe(4 * sector);
  expect(sha256(read)).toBe(sha256(written));
  await drive.close();
});

testOnDisk('an unaligned transfer is rejected before submission', async () => {
  const volume = await openVolume(devicePath());
  const error = await rejection(volume.read(allocAligned(sector), { position: 512 }));
  expect(error).toBeInstanceOf(AlignmentError);
  expect(error).toMatchObject({ code: 'ERR_UNALIGNED', field: 'position', required: sector });
  await volume.close();
});

testOnDisk('buffered reads take any place, and reading alone does not write', async () => {
  const volume = await openVolume(devicePath(), { unbuffered: false });
  expect(volume.alignment).toBe(null);
  expect((await volume.read(Buffer.alloc(100), 0, 100, 4097)).bytesRead).toBe(100);
  expect((await rejection(volume.write('x', 0))).code).toBe('EBADF');
  await volume.close();
});

testOnDisk('streams of a drive give any part of it', async () => {
  const drive = await openDrive(devicePath(), { flags: 'r+' });
  const content = randomBytes(3 * sector, 7);
  const aligned = allocAligned(3 * sector, { alignment: drive.alignment?.memory as number });
  content.copy(aligned);
  await drive.write(aligned, { position: 0 });
  const chunks: Buffer[] = [];
  const input = drive.createReadStream({ start: 100, end: 9999 });
  for await (const chunk of input) chunks.push(chunk as Buffer);
  expect(sha256(Buffer.concat(chunks))).toBe(sha256(content.subarray(100, 10_000)));
});

function fill(byte: number): Buffer {
  const content = Buffer.alloc(size, byte);
  const descriptor = fs.openSync(devicePath(), 'r+');
  fs.writeSync(descriptor, content, 0, size, 0);
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
  return content;
}

for (const [start, length] of [
  [100, 5],
  [sector - 1, 2 * sector + 2],
  [0, 3],
  [size - 10, 10],
] as const) {
  testOnDisk(`${length} bytes written at ${start} keep the surrounding bytes`, async () => {
    const expected = fill(0x55).fill(0xaa, start, start + length);
    const data = Buffer.alloc(length, 0xaa);
    const stream = createWriteStream(devicePath(), { flags: 'r+', start, unbuffered: true });
    await finished(stream.end(data));
    expect(fs.readFileSync(devicePath()).equals(expected)).toBe(true);
  });
}

testOnDisk('a write past the end of a drive is refused, and its content stays', async () => {
  const kept = fill(0x55).subarray(0, size - 10);
  const start = size - 10;
  const beyond = createWriteStream(devicePath(), { flags: 'r+', start, unbuffered: true });
  expect(await rejection(finished(beyond.end(Buffer.alloc(20))))).toMatchObject({ code: 'ENOSPC' });
  const appended = createWriteStream(devicePath(), { flags: 'a', unbuffered: true });
  expect(await rejection(finished(appended.end('x')))).toMatchObject({ code: 'ENOSPC' });
  expect(fs.readFileSync(devicePath()).subarray(0, start).equals(kept)).toBe(true);
});

/** The whole content of the disk. */
async function contentOfDisk(): Promise<Buffer> {
  const drive = await openDrive(devicePath());
  const content = allocAligned(size, { alignment: drive.alignment?.memory as number });
  expect((await drive.read(content, { position: 0 })).bytesRead).toBe(size);
  await drive.close();
  return content;
}

for (const unbuffered of [true, false]) {
  const how = unbuffered ? 'past the cache' : 'through the cache';

  testOnDisk(`streams and writeFile() ${how} change no byte beside their own`, async () => {
    const expected = await contentOfDisk();
    const data = randomBytes(5000, 9);
    const first = await openDrive(devicePath(), { flags: 'r+', unbuffered });
    await pipeline([data], first.createWriteStream({ start: 100 }));
    data.copy(expected, 100);
    const second = await openDrive(devicePath(), { flags: 'r+', unbuffered });
    await second.writeFile(data.subarray(0, 10));
    await second.sync();
    await second.close();
    data.copy(expected, 0, 0, 10);
    expect((await contentOfDisk()).equals(expected)).toBe(true);
  });

  testOnDisk(`the end of a drive is known ${how}`, async () => {
    const expected = await contentOfDisk();
    const drive = await openDrive(devicePath(), { flags: 'r+', unbuffered });
    expect((await drive.readFile()).equals(expected)).toBe(true);
    expect(await drive.seek(0, 'end')).toBe(size);
    const ranges: unknown[] = [];
    for await (const range of drive.allocatedRanges()) ranges.push(range);
    expect(ranges).toEqual([{ position: 0, length: size }]);
    const tail = drive.createWriteStream({ start: size - 100 });
    const error = await rejection(pipeline([Buffer.alloc(2 * sector)], tail));
    expect(error.code).toBe('ENOSPC');
  });
}

testOnDisk('1,000 reads in flight are cancelled or done, each once, 10 times', async () => {
  for (let round = 0; round < 10; round++) {
    const drive = await openDrive(devicePath());
    let settlements = 0;
    const buffer = allocAligned(1000 * sector, { alignment: drive.alignment?.memory as number });
    const reads = Array.from({ length: 1000 }, (_, i) =>
      settled(
        drive.read(buffer, { offset: i * sector, length: sector, position: i * sector }),
      ).finally(() => {
        settlements++;
      }),
    );
    await null;
    await drive.close({ cancel: true });
    expect(settlements).toBe(1000);
    for (const { error, value } of await Promise.all(reads)) {
      if (error) expect(error.code).toBe('ABORT_ERR');
      else expect(value).toMatchObject({ bytesRead: sector });
    }
  }
});

// Wine has the device of a volume if its folder is on a device that it may open.
async function volumeOfWindows(): Promise<FileHandle | undefined> {
  const { value, error } = await settled(openVolume('C:'));
  if (error === undefined) return value as FileHandle;
  expect(error).toMatchObject({ syscall: 'open', path: '\\\\.\\C:' });
  expect(['EACCES', 'EPERM', 'ENOENT', 'ENXIO']).toContain(error.code);
  return undefined;
}

testOnWindows('a volume is opened, and read by sectors where the system gives it', async () => {
  const volume = await volumeOfWindows();
  if (volume === undefined) return;
  expect(volume.deviceType).toBe('block');
  const length = volume.alignment?.length as number;
  expect(length).toBeGreaterThanOrEqual(512);
  const buffer = allocAligned(length, { alignment: length });
  const { value, error } = await settled(volume.read(buffer, { position: 0 }));
  if (error === undefined) expect(value).toMatchObject({ bytesRead: length });
  else expect(error.syscall).toBe('read');
  expect(await rejection(volume.read(buffer, { position: 1 }))).toBeInstanceOf(AlignmentError);
  await volume.close();
});

testOnWindows('a drive that is not there says so', async () => {
  const error = await rejection(openDrive(99));
  expect(error).toMatchObject({ code: 'ENOENT', path: '\\\\.\\PHYSICALDRIVE99' });
});

testOnPosix('a drive by its number, and what is no drive', async () => {
  expect((await rejection(openDrive(0))).code).toBe('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
  const file = fileWith('no drive');
  expect((await rejection(openDrive(file, { unbuffered: false }))).code).toBe('ENXIO');
  expect((await rejection(openVolume('/dev/null', { unbuffered: false }))).code).toBe('ENXIO');
});

test('arguments are checked before anything is submitted', async () => {
  const drive = openDrive as (...args: unknown[]) => Promise<unknown>;
  const cases: [Promise<unknown>, string][] = [
    [drive(-1), 'ERR_OUT_OF_RANGE'],
    [drive(1.5), 'ERR_OUT_OF_RANGE'],
    [drive(null), 'ERR_INVALID_ARG_TYPE'],
    [drive('x', { flags: 'w' }), 'ERR_INVALID_ARG_VALUE'],
    [drive('x', { unbuffered: 1 }), 'ERR_INVALID_ARG_VALUE'],
    [drive('x', 5), 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [promise, code] of cases) expect((await rejection(promise)).code).toBe(code);
});

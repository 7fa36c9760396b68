import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, describe, expect } from 'vitest';
import { compareFiles, copy, hashFile, verify } from '../../lib/index.js';
import { canMakeDisks, LoopDevice } from '../alignment/loop-device.js';
import { killWhen, lastObject, overlapped } from '../cli/command.js';
import {
  copyOfFile,
  isLinux,
  randomBytes,
  rejection,
  sha256,
  temporaryFolder,
  testWhere,
  unmount,
} from '../helpers.js';

const MiB = 1024 * 1024;
const test = testWhere(canMakeDisks, 'disks need root and loop devices', { mustRun: isLinux });
const devices: LoopDevice[] = [];

afterEach(() => {
  for (const device of devices.splice(0)) device.remove();
});

function deviceWith(content: Buffer, sectorSize = 512): LoopDevice {
  const device = new LoopDevice(content.byteLength, sectorSize);
  devices.push(device);
  fs.writeFileSync(device.path, content);
  return device;
}

const file = (name: string): string => path.join(temporaryFolder(), name);

function areEqual(a: string, b: string): void {
  execFileSync('cmp', [a, b]);
}

describe.each([512, 4096])('sectors of %i bytes', (sectorSize) => {
  // The last chunk ends within a megabyte.
  const content = randomBytes(2 * MiB + 3 * sectorSize, sectorSize);

  for (const unbuffered of [false, true]) {
    const name = `a device is saved and restored, unbuffered: ${unbuffered}`;
    test(name, async () => {
      const [device, image] = [deviceWith(content, sectorSize), file('image')];
      const totals = new Set<number>();
      const saved = await copyOfFile(device.path, image, {
        ...{ unbuffered, verify: true },
        onProgress: ({ total }) => totals.add(total),
      });
      expect(saved.bytes).toBe(content.byteLength);
      expect([...totals]).toEqual([content.byteLength]);
      areEqual(device.path, image);
      const other = deviceWith(Buffer.alloc(content.byteLength, 1), sectorSize);
      const restored = await copyOfFile(image, other.path, { unbuffered, verify: true });
      expect(restored).toMatchObject({ strategy: 'engine', verified: true });
      areEqual(image, other.path);
      expect(fs.statSync(other.path).isBlockDevice()).toBe(true);
    });
  }

  test('an image that ends within a sector leaves the bytes after it', async () => {
    const [device, image] = [deviceWith(content, sectorSize), file('image')];
    const short = Buffer.alloc(MiB + 100, 7);
    fs.writeFileSync(image, short);
    for (const unbuffered of [false, true]) {
      fs.writeFileSync(device.path, content);
      const { bytes } = await copyOfFile(image, device.path, { unbuffered });
      expect(bytes).toBe(short.byteLength);
      const expected = Buffer.concat([short, content.subarray(short.byteLength)]);
      expect(sha256(fs.readFileSync(device.path))).toBe(sha256(expected));
    }
  });
});

test('holes of an image become zeros on a device', async () => {
  const [device, image] = [deviceWith(Buffer.alloc(2 * MiB, 5)), file('image')];
  fs.writeFileSync(image, '');
  fs.truncateSync(image, 2 * MiB);
  await copyOfFile(image, device.path, { preallocate: true });
  areEqual(image, device.path);
});

test('a device that is mounted, too small or holds a file system is refused', async () => {
  const [device, image] = [deviceWith(Buffer.alloc(8 * MiB)), file('image')];
  fs.writeFileSync(image, randomBytes(8 * MiB));
  execFileSync('mkfs.ext4', ['-q', '-F', device.path]);
  const before = sha256(fs.readFileSync(device.path));
  for (const dryRun of [true, false]) {
    const recognized = await rejection(copy(image, device.path, { dryRun }));
    expect(recognized).toMatchObject({ name: 'CopyError', code: 'ERR_COPY_DEVICE' });
    expect(recognized.message).toContain('holds an ext file system; options.overwriteDevice');
  }

  const folder = temporaryFolder();
  execFileSync('mount', ['-o', 'ro', device.path, folder]);
  try {
    const mounted = await rejection(copyOfFile(image, device.path, { overwriteDevice: true }));
    expect(mounted.message).toBe(`'${device.path}' is mounted, or something else uses it`);
  } finally {
    await unmount(folder);
  }
  fs.truncateSync(image, 8 * MiB + 1);
  const large = await rejection(copyOfFile(image, device.path, { overwriteDevice: true }));
  expect(large).toMatchObject({ code: 'ENOSPC', dest: device.path });
  expect(sha256(fs.readFileSync(device.path))).toBe(before);

  fs.truncateSync(image, 8 * MiB);
  await copy(image, device.path, { overwriteDevice: true, dryRun: true });
  expect(sha256(fs.readFileSync(device.path))).toBe(before);
  const { metadataRefused } = await copyOfFile(image, device.path, {
    ...{ overwriteDevice: true, metadata: true },
  });
  expect(metadataRefused).toContain('mode');
  areEqual(image, device.path);
});

test('metadata that must be kept is refused by a device', async () => {
  const [device, image] = [deviceWith(Buffer.alloc(MiB)), file('image')];
  fs.writeFileSync(image, 'data');
  const { mode } = fs.statSync(device.path);
  const error = await rejection(copyOfFile(image, device.path, { metadata: { mode: true } }));
  expect(error).toMatchObject({ code: 'ERR_COPY_DEVICE' });
  expect(fs.statSync(device.path).mode).toBe(mode);
});

test('a tree copy never writes to a device in its destination', async () => {
  const device = deviceWith(Buffer.alloc(MiB));
  const [source, destination] = [temporaryFolder(), temporaryFolder()];
  fs.writeFileSync(path.join(source, 'disk'), 'data');
  const { rdev } = fs.statSync(device.path);
  const numbers = [String((rdev >> 8) & 0xfff), String(rdev & 0xff)];
  execFileSync('mknod', [path.join(destination, 'disk'), 'b', ...numbers]);
  await overlapped(['copy', source, destination]);
  expect(fs.readFileSync(device.path).equals(Buffer.alloc(MiB))).toBe(true);
});

test('a device is hashed and compared to its end', async () => {
  const content = randomBytes(3 * MiB + 512);
  const [device, image] = [deviceWith(content), file('image')];
  fs.writeFileSync(image, content);
  expect(await hashFile(device.path)).toBe(sha256(content));
  expect(await verify(device.path, image)).toMatchObject({ equal: true });
  fs.truncateSync(image, 3 * MiB);
  expect(await compareFiles(image, device.path)).toEqual({
    ...{ equal: false, firstDifference: 3 * MiB, sizes: [3 * MiB, 3 * MiB + 512] },
  });
});

test('the command saves a device, continues after a kill, and restores it', async () => {
  const content = randomBytes(3 * MiB);
  const [device, image] = [deviceWith(content), file('image')];
  const paths = [device.path, image];
  const slow = await overlapped(['copy', ...paths, '--resume', '--rate-limit', '300K'], {
    before: killWhen(path.dirname(image), /json$/, /"flushed":"[1-9]/),
  });
  expect(slow.code).not.toBe(0);
  expect(fs.existsSync(image)).toBe(false);
  const done = await lastObject(['copy', ...paths, '--resume']);
  expect(done.bytes).toBe(content.byteLength);
  expect(done.dataBytes).toBeLessThan(content.byteLength);
  areEqual(device.path, image);
  fs.writeFileSync(device.path, Buffer.alloc(content.byteLength));
  expect((await lastObject(['copy', image, device.path])).bytes).toBe(content.byteLength);
  areEqual(image, device.path);
});

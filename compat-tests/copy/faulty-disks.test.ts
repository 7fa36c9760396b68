import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach, expect } from 'vitest';
import { type CopyOptions, copy, engine } from '../../lib/index.js';
import { canMakeDisks, Disk } from '../alignment/loop-device.js';
import { randomBytes, rejection, temporaryFolder, testWhere } from '../helpers.js';

const MiB = 1024 * 1024;
const test = testWhere(canMakeDisks, "disks of one's own need root and loop devices", {
  mustRun: process.platform === 'linux',
});

let disk: Disk | undefined;
afterEach(() => {
  disk?.remove();
  disk = undefined;
});

const ways: readonly (readonly [string, CopyOptions])[] = [
  ['auto', {}],
  ['engine', { strategy: 'engine' }],
  ['unbuffered', { unbuffered: true }],
  ['resume', { resume: true, strategy: 'engine' }],
];

/** Creates a file on another file system that supports direct I/O. */
function outside(data: Buffer): { folder: string; file: string } {
  const folder = temporaryFolder();
  const file = path.join(folder, 'file');
  fs.writeFileSync(file, data);
  return { folder, file };
}

for (const [name, options] of ways) {
  test(`a disk that becomes full is ENOSPC, the destination is unchanged: ${name}`, async () => {
    disk = new Disk(24 * MiB);
    const { file } = outside(randomBytes(40 * MiB));
    const to = path.join(disk.folder, 'to');
    fs.writeFileSync(to, 'as it was');
    const error = await rejection(copy(file, to, options));
    expect(error).toMatchObject({ code: 'ENOSPC', path: file, dest: to });
    expect(error.message).not.toContain('.tmp');
    expect(fs.readFileSync(to, 'utf8')).toBe('as it was');
    const left = fs.readdirSync(disk.folder).filter((entry) => entry.startsWith('.overlapped'));
    expect(left.length).toBe(options.resume ? 2 : 0);
    expect(engine.stats().inFlight).toBe(0);
  });

  test(`an unreadable sector is EIO, and nothing is left over: ${name}`, async () => {
    disk = new Disk(64 * MiB);
    const from = path.join(disk.folder, 'from');
    fs.writeFileSync(from, randomBytes(40 * MiB));
    await disk.remount('ro');
    // Reads of the missing part fail on the loop device.
    fs.truncateSync(disk.image, 30 * MiB);
    const { folder, file } = outside(Buffer.from('as it was'));
    const error = await rejection(copy(from, file, options));
    expect(error).toMatchObject({ code: 'EIO', path: from, dest: file });
    expect(fs.readFileSync(file, 'utf8')).toBe('as it was');
    const left = fs.readdirSync(folder).filter((entry) => entry.startsWith('.overlapped'));
    expect(left.length).toBe(options.resume ? 2 : 0);
    expect(engine.stats().inFlight).toBe(0);
  });
}

for (const options of [{}, { unbuffered: true }, { atomic: false }, { resume: true }]) {
  test(`the disk is verified, not the cache: ${JSON.stringify(options)}`, async () => {
    disk = new Disk(64 * MiB);
    const { image } = disk;
    const data = randomBytes(4 * MiB);
    const { file } = outside(data);
    const to = path.join(disk.folder, 'to');
    const error = await rejection(
      copy(file, to, {
        ...options,
        verify: true,
        onProgress: ({ phase, bytes }) => {
          if (phase !== 'verify' || bytes > 0) return;
          // Imitates a disk that loses a write: the file system does not notice.
          const content = fs.readFileSync(image);
          const place = content.indexOf(data.subarray(3 * MiB, 3 * MiB + 512));
          expect(place).toBeGreaterThan(0);
          const fd = fs.openSync(image, 'r+');
          fs.writeSync(fd, Buffer.alloc(4096), 0, 4096, place);
          fs.closeSync(fd);
        },
      }),
    );
    expect(error).toMatchObject({ code: 'ERR_VERIFY_FAILED', path: file, dest: to });
    expect(fs.readdirSync(disk.folder).filter((name) => name !== 'lost+found')).toEqual([]);
  });
}

test('a disk that is too small is ENOSPC before any copying: preallocate, unbuffered', async () => {
  disk = new Disk(24 * MiB);
  const { file } = outside(randomBytes(40 * MiB));
  const to = path.join(disk.folder, 'to');
  let bytes = 0;
  const preallocate = true;
  for (const options of [
    { preallocate },
    { preallocate, strategy: 'engine' },
    { unbuffered: true },
  ] as const) {
    const onProgress = (progress: { bytes: number }): void => {
      bytes = Math.max(bytes, progress.bytes);
    };
    const error = await rejection(copy(file, to, { ...options, onProgress }));
    expect(error).toMatchObject({ code: 'ENOSPC', dest: to });
  }
  expect(bytes).toBe(0);
  expect(fs.readdirSync(disk.folder)).toEqual(['lost+found']);
});

test('a read-only file system is EROFS, for an existing and for a new file', async () => {
  disk = new Disk(24 * MiB);
  const there = path.join(disk.folder, 'there');
  fs.writeFileSync(there, 'as it was');
  await disk.remount('ro');
  const { file } = outside(randomBytes(MiB));
  for (const to of [there, path.join(disk.folder, 'new')]) {
    const error = await rejection(copy(file, to));
    expect(error).toMatchObject({ code: 'EROFS', path: file, dest: to });
  }
  expect(fs.readFileSync(there, 'utf8')).toBe('as it was');
  expect(fs.readdirSync(disk.folder).sort()).toEqual(['lost+found', 'there']);
});

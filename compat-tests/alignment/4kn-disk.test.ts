import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { AlignmentError, allocAligned, engine, open, writeFile } from '../../lib/index.js';
import { randomBytes, rejection, testWhere } from '../helpers.js';
import { canMakeDisks, Disk } from './loop-device.js';
import { testAnyLength } from './unaligned-cases.js';

const MiB = 1024 * 1024;
const test = testWhere(canMakeDisks, 'a disk with 4 KiB sectors needs root and loop devices', {
  mustRun: process.platform === 'linux',
});

let disk: Disk;
let fullDisk: Disk;

beforeAll(() => {
  if (!canMakeDisks) return;
  disk = new Disk(512 * MiB);
  fullDisk = new Disk(24 * MiB);
});

afterAll(() => {
  disk?.remove();
  fullDisk?.remove();
});

test('handle.alignment reports sectors of 4096 bytes', async () => {
  const handle = await open(path.join(disk.folder, 'sectors'), 'w+', { unbuffered: true });
  expect(handle.alignment?.position).toBe(4096);
  expect(handle.alignment?.length).toBe(4096);
  await handle.close();
});

test('a transfer aligned to only 512 bytes is rejected there before submission', async () => {
  const file = path.join(disk.folder, 'refused');
  fs.writeFileSync(file, randomBytes(16_384));
  const handle = await open(file, 'r+', { unbuffered: true });
  const { submitted } = engine.stats();
  const buffer = allocAligned(4096);
  const calls = [
    handle.read(buffer, 0, 4096, 512),
    handle.read(buffer, 0, 512, 0),
    handle.write(buffer, 0, 4096, 512),
    handle.write(buffer, 0, 512, 0),
  ];
  for (const call of calls) {
    const error = await rejection(call);
    expect(error).toBeInstanceOf(AlignmentError);
    expect(error).toMatchObject({ required: 4096 });
  }
  expect(engine.stats().submitted).toBe(submitted);
  await handle.close();
  expect(fs.readFileSync(file).equals(randomBytes(16_384))).toBe(true);
});

describe.runIf(canMakeDisks)('on a disk with sectors of 4096 bytes', () => {
  testAnyLength(() => disk.folder);
});

async function fill(write: (i: number) => Promise<number>): Promise<number> {
  let written = 0;
  for (let i = 0; ; i++) {
    const bytes = await write(i);
    if (bytes === 0) return written;
    written += bytes;
  }
}

for (const unbuffered of [false, true]) {
  const kind = unbuffered ? 'unbuffered' : 'buffered';

  test(`${kind}: a full disk is ENOSPC, and earlier data is readable`, async () => {
    const file = path.join(fullDisk.folder, `full-${kind}`);
    const handle = await open(file, 'w+', { unbuffered });
    const block = (i: number): Buffer => allocAligned(256 * 1024).fill(1 + (i % 250));
    let error: NodeJS.ErrnoException | undefined;
    const written = await fill(async (i) => {
      try {
        const data = block(i);
        return (await handle.write(data, 0, data.length, i * data.length)).bytesWritten;
      } catch (thrown) {
        error = thrown as NodeJS.ErrnoException;
        return 0;
      }
    });
    expect(error).toMatchObject({ code: 'ENOSPC', syscall: 'write' });
    expect(error?.message).toBe('ENOSPC: no space left on device, write');
    const whole = Math.floor(written / (256 * 1024));
    expect(whole).toBeGreaterThan(10);
    for (let i = 0; i < whole; i++) {
      const target = allocAligned(256 * 1024);
      await handle.read(target, 0, target.length, i * target.length);
      expect(target.equals(block(i))).toBe(true);
    }
    await handle.close();
    fs.rmSync(file);
  });

  test(`${kind}: a large writeFile to a full disk rejects with ENOSPC`, async () => {
    const file = path.join(fullDisk.folder, `large-${kind}`);
    const handle = await open(file, 'w', { unbuffered });
    const error = await rejection(handle.writeFile(Buffer.alloc(40 * MiB, 1)));
    expect(error).toMatchObject({ code: 'ENOSPC', syscall: 'write' });
    await handle.close();
    fs.rmSync(file);
  });
}

test('writeFile of a path on a full disk rejects with ENOSPC', async () => {
  const folder = fs.mkdtempSync(path.join(fullDisk.folder, 'many-'));
  const data = randomBytes(400 * 1024);
  let error: NodeJS.ErrnoException | undefined;
  const files: string[] = [];
  await fill(async (i) => {
    const file = path.join(folder, String(i));
    try {
      await writeFile(file, data);
    } catch (thrown) {
      error = thrown as NodeJS.ErrnoException;
      return 0;
    }
    files.push(file);
    return data.length;
  });
  expect(error).toMatchObject({ code: 'ENOSPC' });
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) expect(fs.readFileSync(file).equals(data)).toBe(true);
  fs.rmSync(folder, { recursive: true });
});

test('preallocating more than the disk has rejects with ENOSPC at once', async () => {
  const file = path.join(fullDisk.folder, 'preallocated');
  const error = await rejection(open(file, 'w', { preallocate: 40 * MiB }));
  expect(error).toMatchObject({ code: 'ENOSPC', syscall: 'open', path: file });
});

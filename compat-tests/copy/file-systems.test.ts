import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type CopyOptions, engine, type FileRange, open } from '../../lib/index.js';
import { canMake, Disk, type FileSystem } from '../alignment/loop-device.js';
import { copyOfFile, randomBytes, rejection, sha256OfFile, testWhere } from '../helpers.js';

const MiB = 1024 * 1024;
const sizes: Readonly<Record<FileSystem, number>> = {
  ext4: 256 * MiB,
  xfs: 384 * MiB,
  btrfs: 256 * MiB,
};
const block = 4096;

/** Creates a file of 4 GiB with some data at its start, in the middle, and in its last sector. */
async function makeSparse(file: string): Promise<void> {
  const handle = await open(file, 'w');
  // Otherwise XFS would allocate more than is written.
  await handle.truncate(4 * 1024 * MiB);
  await handle.write(randomBytes(300_000, 1), { position: 0 });
  await handle.write(randomBytes(MiB, 2), { position: 700 * MiB });
  await handle.write(randomBytes(5 * block, 3), { position: 3 * 1024 * MiB + block });
  await handle.write(randomBytes(10, 4), { position: 4 * 1024 * MiB - 10 });
  await handle.sync();
  await handle.close();
}

async function rangesOf(file: string) {
  const handle = await open(file);
  const ranges: FileRange[] = [];
  for await (const range of handle.allocatedRanges()) ranges.push(range);
  await handle.close();
  return ranges;
}

function allocated(file: string): number {
  return fs.statSync(file).blocks * 512;
}

function areEqual(a: string, b: string): boolean {
  execFileSync('cmp', [a, b]);
  return true;
}

const ways: readonly (readonly [string, CopyOptions])[] = [
  ['auto', {}],
  ['offload', { strategy: 'offload' }],
  ['engine', { strategy: 'engine' }],
  ['unbuffered', { unbuffered: true }],
  ['preallocate', { strategy: 'engine', preallocate: true }],
];

/** The values that the tests of one file system share. */
interface Place {
  type: FileSystem;
  test: ReturnType<typeof testWhere>;
  file: (name: string) => string;
}

/** Whether the allocated ranges of two files contain the same bytes. */
function haveSameData(a: string, b: string, ranges: readonly FileRange[]): boolean {
  const read = (name: string, { position, length }: FileRange): Buffer => {
    const bytes = Buffer.alloc(length);
    const fd = fs.openSync(name, 'r');
    fs.readSync(fd, bytes, 0, length, position);
    fs.closeSync(fd);
    return bytes;
  };
  return ranges.every((range) => read(a, range).equals(read(b, range)));
}

function testHoles({ test, file }: Place): void {
  for (const [name, options] of ways) {
    test(`holes are kept: 4 GiB, ${name}`, async () => {
      const to = file('sparse-copy');
      const report = await copyOfFile(file('sparse'), to, options);
      expect(report.bytes).toBe(4 * 1024 * MiB);
      expect(report.dataBytes).toBeLessThan(2 * MiB);
      expect(fs.statSync(to).size).toBe(report.bytes);
      expect(await rangesOf(to)).toEqual(await rangesOf(file('sparse')));
      expect(Math.abs(allocated(to) - allocated(file('sparse')))).toBeLessThanOrEqual(block);
      expect(haveSameData(to, file('sparse'), await rangesOf(to))).toBe(true);
      fs.rmSync(to);
    });
  }
}

function testFilledHoles({ test, file }: Place): void {
  test("sparse: 'never' writes the zeros", async () => {
    const holes = file('holes');
    fs.writeFileSync(holes, '');
    fs.truncateSync(holes, 3 * MiB + 5);
    for (const strategy of ['auto', 'engine'] as const) {
      const to = file('filled');
      const report = await copyOfFile(holes, to, { sparse: 'never', strategy });
      expect(report.dataBytes).toBe(3 * MiB + 5);
      expect(allocated(to)).toBeGreaterThanOrEqual(3 * MiB);
      expect(areEqual(holes, to)).toBe(true);
      fs.rmSync(to);
    }
  });

  test('the digest of a file with holes is that of its bytes, with every strategy', async () => {
    const holes = file('holes-to-hash');
    fs.writeFileSync(holes, randomBytes(100_000));
    fs.truncateSync(holes, 40 * MiB + 5);
    fs.appendFileSync(holes, 'end');
    for (const strategy of ['auto', 'offload', 'engine'] as const) {
      const report = await copyOfFile(holes, file('hashed'), { verify: true, strategy });
      expect(report.hash).toBe(sha256OfFile(holes));
      expect(report.verified).toBe(true);
      expect(report.dataBytes).toBeLessThan(MiB);
    }
    fs.rmSync(file('hashed'));
  });
}

function testStrategies({ type, test, file }: Place): void {
  test('strategy auto reports its choice and the reason', async () => {
    const clones = type !== 'ext4';
    const report = await copyOfFile(file('plain'), file('by-auto'));
    expect(report.strategy).toBe(clones ? 'clone' : 'offload');
    expect(report.reason).toMatch(
      clones ? /^the clone succeeded$/ : /^no clone: the system says EOPNOTSUPP; the offload/,
    );
    expect(report.dataBytes).toBe(clones ? 0 : 20 * MiB + 77);
    expect(areEqual(file('plain'), file('by-auto'))).toBe(true);
    const hashed = await copyOfFile(file('plain'), file('by-auto'), { hash: 'sha256' });
    expect(hashed.strategy).toBe('engine');
    expect(hashed.reason).toBe('the bytes are hashed on their way');
    fs.rmSync(file('by-auto'));
  });

  test('a requested clone is made, or fails with the error of the system', async () => {
    const cloning = copyOfFile(file('plain'), file('clone'), { strategy: 'clone', hash: 'sha256' });
    if (type === 'ext4') {
      const error = await rejection(cloning);
      expect(error).toMatchObject({ syscall: 'clone', path: file('plain'), dest: file('clone') });
      expect(error.code).toMatch(/^(EOPNOTSUPP|ENOTSUP)$/);
      expect(fs.existsSync(file('clone'))).toBe(false);
      return;
    }
    expect(await cloning).toMatchObject({
      strategy: 'clone',
      dataBytes: 0,
      hash: sha256OfFile(file('plain')),
    });
    expect(areEqual(file('plain'), file('clone'))).toBe(true);
    fs.rmSync(file('clone'));
  });
}

function testOffload({ test, file }: Place): void {
  test('a copy to another file system succeeds, and the report says how', async () => {
    const other = path.join(fs.mkdtempSync('/tmp/overlapped-other-'), 'copy');
    const report = await copyOfFile(file('plain'), other);
    expect(report.strategy).not.toBe('clone');
    expect(report.reason).toContain('no clone: the system says EXDEV');
    expect(areEqual(file('plain'), other)).toBe(true);
    fs.rmSync(path.dirname(other), { recursive: true });
  });

  test('an offload keeps its rate limit, reports progress, and can be aborted', async () => {
    const size = 20 * MiB + 77;
    const seen: number[] = [];
    const options = { strategy: 'offload', rateLimit: 2 * size } as const;
    const onProgress = ({ bytes }: { bytes: number }): void => void seen.push(bytes);
    const report = await copyOfFile(file('plain'), file('slow'), { ...options, onProgress });
    expect(report.durationMs).toBeGreaterThan(400);
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.at(-1)).toBe(size);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    fs.rmSync(file('slow'));
    const slower = { strategy: 'offload', rateLimit: Math.ceil(size / 10) } as const;
    const signal = AbortSignal.timeout(100);
    const error = await rejection(copyOfFile(file('plain'), file('slow'), { ...slower, signal }));
    expect(error.name).toBe('AbortError');
    expect(engine.stats().inFlight).toBe(0);
    expect(fs.readdirSync(file('.')).filter((name) => /slow|\.tmp/.test(name))).toEqual([]);
  });
}

describe.each(['ext4', 'xfs', 'btrfs'] as const)('on %s', (type) => {
  const possible = canMake(type);
  const test = testWhere(possible, `${type} needs root, loop devices and mkfs.${type}`, {
    mustRun: process.platform === 'linux',
  });
  let disk: Disk;
  const file = (name: string): string => path.join(disk.folder, name);

  beforeAll(async () => {
    if (!possible) return;
    disk = new Disk(sizes[type], type);
    await makeSparse(file('sparse'));
    fs.writeFileSync(file('plain'), randomBytes(20 * MiB + 77));
  });
  afterAll(() => disk?.remove());

  for (const tests of [testHoles, testFilledHoles, testStrategies, testOffload]) {
    tests({ type, test, file });
  }
});

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, expect, test as plainTest } from 'vitest';
import { dropsByDefault } from '../../lib/copy/disk-options.js';
import {
  copy,
  createReadStream,
  createWriteStream,
  hashFile,
  mirror,
  open,
  verify,
} from '../../lib/index.js';
import { canMakeDisks, LoopDevice } from '../alignment/loop-device.js';
import { overlapped } from '../cli/command.js';
import {
  copyOfFile,
  inAttempts,
  isLinux,
  isWindows,
  makeFifo,
  randomBytes,
  rejection,
  resultOfChild,
  sha256,
  temporaryFolder,
  testWhere,
  unbufferedFolder,
} from '../helpers.js';

const MiB = 1024 * 1024;
const content = randomBytes(4 * MiB + 333);
const fincore = '/usr/bin/fincore';
const test = testWhere(isLinux && fs.existsSync(fincore), 'fincore shows what Linux has cached');

/** Bytes of files in the page cache. */
function cached(...files: string[]): number {
  const shown = execFileSync(fincore, ['-b', '-n', '-o', 'RES', ...files]).toString();
  return shown.split('\n').reduce((sum, bytes) => sum + Number(bytes), 0);
}

function dropCache(...files: string[]): void {
  for (const file of files) {
    execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
  }
}

async function paths() {
  const folder = await unbufferedFolder();
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  fs.writeFileSync(source, content);
  const handle = fs.openSync(source, 'r+');
  fs.fsyncSync(handle);
  fs.closeSync(handle);
  return { folder, source, destination };
}

// Not all pages leave at once: the system may still be writing some back, and a chunk of 1 MiB
// stays if something else holds its pages.
const fewBytes = content.byteLength / 2;

/** A test of what the cache holds, which other programs can change at any time. */
function cacheTest(name: string, run: () => Promise<void>): void {
  test(name, () => inAttempts(run));
}

for (const way of ['copy', 'sparse', 'inplace', 'atomic: false'] as const) {
  cacheTest(`a copy leaves nothing in the cache with dontCache: ${way}`, async () => {
    const { source, destination } = await paths();
    if (way === 'inplace') fs.writeFileSync(destination, content.subarray(0, MiB));
    dropCache(source);
    const { reason } = await copyOfFile(source, destination, {
      dontCache: true,
      ...(way === 'sparse' ? { sparse: 'always' as const } : {}),
      ...(way === 'inplace' ? { update: 'inplace' as const } : {}),
      ...(way === 'atomic: false' ? { atomic: false } : {}),
    });
    if (way === 'copy') expect(reason).toContain('no offload: it would fill the cache');
    execFileSync('sync', [destination]);
    expect(cached(source)).toBeLessThan(fewBytes);
    // Pages that the cache had before the copy may stay.
    if (way !== 'inplace') expect(cached(destination)).toBeLessThan(fewBytes);
    expect(fs.readFileSync(destination).equals(content)).toBe(true);
  });
}

cacheTest(
  'what was cached before stays, and a copy without the option fills the cache',
  async () => {
    const { source, destination } = await paths();
    fs.readFileSync(source);
    await copyOfFile(source, destination, { dontCache: true });
    expect(cached(source)).toBeGreaterThan(content.byteLength - MiB);
    await copyOfFile(source, destination, { dontCache: false });
    expect(cached(destination)).toBeGreaterThan(content.byteLength - MiB);
  },
);

cacheTest('hashes, comparisons, streams and handles have the option', async () => {
  const { folder, source, destination } = await paths();
  fs.copyFileSync(source, destination);
  execFileSync('sync', [destination]);
  for (const file of [source, destination]) dropCache(file);
  expect(await hashFile(source, { dontCache: true })).toBe(sha256(content));
  expect(await verify(source, destination, { dontCache: true })).toMatchObject({ equal: true });
  for await (const _chunk of createReadStream(source, { dontCache: true }));
  const handle = await open(source, 'r', { dontCache: true });
  expect((await handle.readFile()).equals(content)).toBe(true);
  await handle.close();
  for (const file of [source, destination]) expect(cached(file)).toBeLessThan(fewBytes);

  const written = path.join(folder, 'written');
  const stream = createWriteStream(written, { dontCache: true });
  stream.end(content);
  await once(stream, 'close');
  execFileSync('sync', [written]);
  expect(cached(written)).toBeLessThan(fewBytes);
  expect(fs.readFileSync(written).equals(content)).toBe(true);
});

/** Makes a tree of small and larger files. @returns their names in it, and their size together */
function makeTree(folder: string) {
  const names = ['small', 'other', 'folder/one', 'folder/two'];
  const smallBytes = 300_000;
  fs.mkdirSync(path.join(folder, 'folder'), { recursive: true });
  const files = names.map((name) => path.join(folder, name));
  for (const file of files) fs.writeFileSync(file, content.subarray(0, smallBytes));
  const large = path.join(folder, 'folder', 'large');
  fs.writeFileSync(large, content);
  execFileSync('sync', [...files, large]);
  const bytes = names.length * smallBytes + content.byteLength;
  return { names: [...names, 'folder/large'], bytes };
}

for (const options of [{}, { manifest: 'sums' }, { dontCache: 'prefer' as const }]) {
  const given = JSON.stringify(options);
  cacheTest(`the cache is after a copy of a tree as it was before: ${given}`, async () => {
    const { folder } = await paths();
    const [source, copied] = [path.join(folder, 'tree'), path.join(folder, 'copied')];
    const { names, bytes } = makeTree(source);
    const filesIn = (top: string): string[] => names.map((name) => path.join(top, name));
    const isDefault = options.dontCache === undefined;
    const drops = !isDefault || (await dropsByDefault(64 * MiB, folder));
    const most = drops ? bytes / 2 : Number.POSITIVE_INFINITY;
    dropCache(...filesIn(source));
    const more = options.manifest ? { manifest: path.join(folder, 'sums') } : options;
    await mirror(source, copied, more);
    expect(cached(...filesIn(source))).toBeLessThan(most);
    expect(cached(...filesIn(copied))).toBeLessThan(most);
    for (const name of names) {
      const isSame = fs
        .readFileSync(path.join(copied, name))
        .equals(fs.readFileSync(path.join(source, name)));
      expect(isSame).toBe(true);
    }
    // All files have been read by now.
    await mirror(source, path.join(folder, 'again'), more);
    expect(cached(...filesIn(source))).toBeGreaterThan(bytes / 2);
    expect(cached(...filesIn(path.join(folder, 'again')))).toBeLessThan(most);
  });
}

cacheTest('with dontCache: false a copy of a tree fills the cache', async () => {
  const { folder } = await paths();
  const [source, copied] = [path.join(folder, 'tree'), path.join(folder, 'copied')];
  const { names, bytes } = makeTree(source);
  await mirror(source, copied, { dontCache: false });
  expect(cached(...names.map((name) => path.join(copied, name)))).toBeGreaterThan(bytes / 2);
});

cacheTest('the files of a folder leave the cache', async () => {
  const { folder, source } = await paths();
  const tree = path.join(folder, 'tree');
  fs.mkdirSync(tree);
  fs.renameSync(source, path.join(tree, 'file'));
  dropCache(path.join(tree, 'file'));
  await mirror(tree, path.join(folder, 'copied'), { dontCache: true });
  expect(cached(path.join(tree, 'file'))).toBeLessThan(fewBytes);
});

cacheTest('manifests and streams of large files leave the cache by default', async () => {
  const { folder } = await paths();
  const at = (name: string): string => path.join(folder, name);
  fs.mkdirSync(at('large'));
  const large = at('large/file');
  fs.writeFileSync(large, '');
  fs.truncateSync(large, 64 * MiB);
  const drops = await dropsByDefault(64 * MiB, folder);
  const most = drops ? 8 * MiB : Number.POSITIVE_INFINITY;
  await copy(large, new Writable({ write: (_chunk, _encoding, done) => done() }));
  expect(cached(large)).toBeLessThan(most);
  const manifest = at('sums');
  fs.writeFileSync(manifest, `${await hashFile(large)}  file\n`);
  expect(await verify(at('large'), { manifest })).toMatchObject({ equal: true });
  expect(cached(large)).toBeLessThan(most);
  await verify(at('large'), { manifest, dontCache: false });
  expect(cached(large)).toBeGreaterThan(32 * MiB);
});

test('tmpfs, which has nothing but the cache, is refused unless it is preferred', async () => {
  const file = path.join(temporaryFolder('/dev/shm'), 'file');
  fs.writeFileSync(file, content);
  const refused = await rejection(open(file, 'r', { dontCache: true }));
  expect(refused).toMatchObject({ code: 'ENOTSUP', syscall: 'open', path: file });
  expect(await hashFile(file, { dontCache: 'prefer' })).toBe(sha256(content));
});

const devices: LoopDevice[] = [];
afterEach(() => {
  for (const device of devices.splice(0)) device.remove();
});

// The files of block devices do not take RWF_DONTCACHE.
testWhere(canMakeDisks, 'disks need root and loop devices', { mustRun: isLinux })(
  'a file without RWF_DONTCACHE leaves the cache by advice',
  async () => {
    const { source, destination } = await paths();
    fs.truncateSync(source, 4 * MiB);
    const device = new LoopDevice(4 * MiB, 512);
    devices.push(device);
    await copyOfFile(source, device.path, { dontCache: true, verify: true });
    await copyOfFile(device.path, destination, { dontCache: true });
    expect(fs.readFileSync(destination).equals(content.subarray(0, 4 * MiB))).toBe(true);
  },
);

testWhere(canMakeDisks, 'disks need root and loop devices', { mustRun: isLinux })(
  'a write that is lost before it leaves the cache is an error',
  async () => {
    const { source } = await paths();
    fs.truncateSync(source, 4 * MiB);
    // The device takes more than the memory behind it.
    const store = temporaryFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', store]);
    try {
      const device = new LoopDevice(4 * MiB, 512, store);
      devices.push(device);
      const handle = await open(device.path, 'r+', { dontCache: true });
      const written = handle.write(content, 0, 4 * MiB, 0);
      expect(await rejection(written)).toMatchObject({ code: 'EIO', syscall: 'write' });
      await handle.close();
      const copied = copyOfFile(source, device.path, { dontCache: true });
      expect(await rejection(copied)).toMatchObject({ code: 'EIO' });
    } finally {
      execFileSync('umount', ['--lazy', store]);
    }
  },
);

plainTest('wrong values, and what a system lacks, are refused', async () => {
  const { source, destination } = await paths();
  for (const options of [{ dontCache: 'always' }, { ioPriority: 'high' }]) {
    const wrong = options as unknown as { dontCache: true };
    for (const refused of [
      () => open(source, 'r', wrong),
      () => copy(source, destination, wrong),
      () => hashFile(source, wrong),
      () => verify(source, source, wrong),
    ]) {
      expect(await rejection(refused())).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    }
  }
  const offload = copy(source, destination, { dontCache: true, strategy: 'offload' });
  const code = isWindows ? 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' : 'ERR_INVALID_ARG_VALUE';
  expect(await rejection(offload)).toMatchObject({ code });
  if (!isWindows) return;
  expect(await rejection(open(source, 'r', { dontCache: true }))).toMatchObject({ code });
  expect(await hashFile(source, { dontCache: 'prefer' })).toBe(sha256(content));
});

const ionice = '/usr/bin/ionice';
const testWithIonice = testWhere(isLinux && fs.existsSync(ionice), 'ionice shows priorities');

for (const [ioPriority, shown] of [
  ['idle', 'idle'],
  ['low', 'best-effort: prio 7'],
] as const) {
  testWithIonice(`a worker has the priority of its file: ${ioPriority}`, async () => {
    const fifo = makeFifo();
    const script = `
      import { execFileSync } from 'node:child_process';
      import { readdirSync, writeFileSync } from 'node:fs';
      const found = () => readdirSync('/proc/self/task').map((thread) => {
        try {
          return execFileSync('${ionice}', ['-p', thread]).toString().trim();
        } catch {
          return 'ended';
        }
      });
      const handle = await open(argument, 'r+', { ioPriority: '${ioPriority}' });
      const reading = handle.read(Buffer.alloc(4));
      let during = found();
      while (!during.includes('${shown}')) { await turn(); during = found(); }
      await handle.write('data');
      await reading;
      console.log(JSON.stringify(found().includes('${shown}')));
      await handle.close();`;
    const env = { OVERLAPPED_ENGINE: 'threadpool' };
    expect(await resultOfChild(script, { args: [fifo], env })).toBe(false);
  });

  testWithIonice(`files are read and written with ioPriority: ${ioPriority}`, async () => {
    const { source, destination } = await paths();
    for (const unbuffered of [false, true]) {
      const done = await copyOfFile(source, destination, { ioPriority, unbuffered, verify: true });
      expect(done.hash).toBe(sha256(content));
    }
  });

  testWithIonice(`the command runs as a whole with --io-priority ${ioPriority}`, async () => {
    const { source, destination } = await paths();
    const before = `
      import { execFileSync } from 'node:child_process';
      process.on('exit', () => {
        console.error(execFileSync('${ionice}', ['-p', String(process.pid)]).toString());
      });`;
    const args = ['copy', source, destination, '--io-priority', ioPriority, '--dont-cache', '-q'];
    const { code, stderr } = await overlapped(args, { before });
    expect(code).toBe(0);
    expect(stderr.trim()).toBe(shown);
    expect(fs.readFileSync(destination).equals(content)).toBe(true);
  });
}

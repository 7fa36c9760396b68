import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test as plainTest } from 'vitest';
import { canMakeFaults, faultsNeed, faultyFolders } from '../faults/fault-fs.js';
import {
  copyOfFile,
  isLinux,
  randomBytes,
  rejection,
  temporaryFolder,
  testWhere,
  unmount,
} from '../helpers.js';

// Copies on file systems that reject some steps: a fallback is used, and the report names it.

const test = testWhere(canMakeFaults, faultsNeed, { mustRun: isLinux });
const data = randomBytes(2_000_000);

const faulty = faultyFolders();

function source(): string {
  const file = path.join(temporaryFolder(), 'source');
  fs.writeFileSync(file, data);
  return file;
}

function expectCopied(file: string): void {
  expect(fs.readFileSync(file).equals(data)).toBe(true);
  const left = fs.readdirSync(path.dirname(file)).filter((name) => name.startsWith('.overlapped'));
  expect(left).toEqual([]);
}

describe('copy_file_range that fails leaves the copy to the engine', () => {
  // EPERM, ENOENT, EIO, EBADF, EACCES, EOVERFLOW.
  for (const error of [1, 2, 5, 9, 13, 75]) {
    test(`with errno ${error}`, async () => {
      const folder = faulty(`copy=${error}`);
      fs.writeFileSync(path.join(folder.root, 'from'), data);
      const report = await copyOfFile(folder.at('from'), folder.at('to'));
      expect(report).toMatchObject({ strategy: 'engine', bytes: data.byteLength });
      expect(report.reason).toContain('no offload: the system says E');
      expectCopied(folder.at('to'));
    });
  }

  test('failing in the middle of the file', async () => {
    const folder = faulty('copy=5,copyafter=1000000');
    fs.writeFileSync(path.join(folder.root, 'from'), data);
    const report = await copyOfFile(folder.at('from'), folder.at('to'), { rateLimit: 8_000_000 });
    expect(report).toMatchObject({ strategy: 'engine', bytes: data.byteLength });
    expectCopied(folder.at('to'));
  });

  test('copying nothing without an error', async () => {
    const folder = faulty('copynone=1');
    fs.writeFileSync(path.join(folder.root, 'from'), data);
    expect(await copyOfFile(folder.at('from'), folder.at('to'))).toMatchObject({
      strategy: 'engine',
    });
    expectCopied(folder.at('to'));
  });
});

for (const [name, faults, step] of [
  ['fsync of files', 'fsync=22', 'sync'],
  ['fsync of files and folders', 'fsync=95,fsyncdir=95', 'sync'],
  ['ftruncate', 'truncate=1', 'size'],
] as const) {
  test(`a file system without ${name} accepts the copy, and the report says so`, async () => {
    const folder = faulty(faults);
    const report = await copyOfFile(source(), folder.at('to'), { strategy: 'engine' });
    expect(report.fallbacks.map((fallback) => fallback.step)).toContain(step);
    expectCopied(folder.at('to'));
  });
}

test('a source whose holes are unknown is read completely', async () => {
  const folder = faulty('lseek=5');
  fs.writeFileSync(path.join(folder.root, 'from'), data);
  const to = path.join(temporaryFolder(), 'to');
  const report = await copyOfFile(folder.at('from'), to, { strategy: 'engine' });
  expect(report.fallbacks).toMatchObject([{ step: 'holes', code: 'EIO' }]);
  expectCopied(to);
});

test('a read-only file is copied even if its mode cannot be set', async () => {
  const folder = faulty('chmod=1');
  const from = source();
  fs.chmodSync(from, 0o444);
  const report = await copyOfFile(from, folder.at('to'));
  expect(report.fallbacks).toMatchObject([{ step: 'mode', code: 'EPERM' }]);
  expectCopied(folder.at('to'));
});

test('resume works without locks, and if file numbers change', async () => {
  for (const faults of ['lock=37', 'numbers=1']) {
    const folder = faulty(faults);
    const ending = new AbortController();
    const from = source();
    const options = { resume: true, strategy: 'engine', chunkSize: 65_536 } as const;
    const onProgress = ({ bytes }: { bytes: number }): void => {
      if (bytes > 500_000) ending.abort();
    };
    const { signal } = ending;
    const error = await rejection(
      copyOfFile(from, folder.at('to'), { ...options, signal, onProgress }),
    );
    expect(error.name).toBe('AbortError');
    expect(await copyOfFile(from, folder.at('to'), options)).toMatchObject({ kind: 'file' });
    expectCopied(folder.at('to'));
  }
});

test('an error that libuv does not name keeps its number', async () => {
  const folder = faulty('fsync=122');
  const error = await rejection(copyOfFile(source(), folder.at('to')));
  expect(error).toMatchObject({ errno: -122, code: 'Unknown system error -122' });
  expect(fs.readdirSync(folder.root)).toEqual([]);
});

testWhere(isLinux && process.geteuid?.() === 0, 'only root on Linux mounts')(
  'a file with another one mounted over it is written to in place',
  async () => {
    const folder = temporaryFolder();
    const [below, to] = [path.join(folder, 'below'), path.join(folder, 'to')];
    for (const file of [below, to]) fs.writeFileSync(file, 'old');
    execFileSync('mount', ['--bind', below, to]);
    try {
      const report = await copyOfFile(source(), to);
      expect(report.fallbacks).toMatchObject([{ step: 'rename', code: 'EBUSY' }]);
      expectCopied(to);
      expect(fs.readFileSync(below).equals(data)).toBe(true);
    } finally {
      await unmount(to);
    }
  },
);

plainTest('in place, a file with other names is replaced instead', async () => {
  const folder = temporaryFolder();
  const [to, other] = [path.join(folder, 'to'), path.join(folder, 'other')];
  fs.writeFileSync(to, 'old');
  fs.linkSync(to, other);
  await copyOfFile(source(), to, { atomic: false });
  expect(fs.readFileSync(other, 'utf8')).toBe('old');
  expectCopied(to);
});

plainTest('a source that changes is accepted, or copied again', async () => {
  const from = source();
  const to = path.join(temporaryFolder(), 'to');
  // The file changes this many times.
  const changing = (times: number, change: (file: string) => void) => {
    let left = times;
    return ({ phase, bytes }: { phase: string; bytes: number }): void => {
      if (phase === 'copy' && bytes > 0 && bytes < data.byteLength && left-- > 0) change(from);
    };
  };
  const options = { strategy: 'engine', chunkSize: 65_536, queueDepth: 1 } as const;
  const touch = (file: string): void => fs.utimesSync(file, 1, Math.random() * 1e9);
  const grow = (file: string): void => fs.appendFileSync(file, 'x');
  const retried = await copyOfFile(from, to, {
    ...{ ...options, changed: 'retry', onProgress: changing(1, touch) },
  });
  expect(retried).toMatchObject({ changed: false, bytes: data.byteLength });
  const failed = copyOfFile(from, to, {
    ...{ ...options, changed: 'retry', onProgress: changing(99, touch) },
  });
  expect((await rejection(failed)).code).toBe('ERR_SOURCE_CHANGED');
  const accepted = await copyOfFile(from, to, {
    ...{ ...options, changed: 'accept', onProgress: changing(1, touch), metadata: { times: true } },
  });
  expect(accepted).toMatchObject({ changed: true, bytes: data.byteLength });
  // So that the next copy of a tree includes it again.
  expect(fs.statSync(to).mtimeMs).not.toBe(fs.statSync(from).mtimeMs);
  const grown = await copyOfFile(from, to, {
    ...{ ...options, changed: 'retry', onProgress: changing(99, grow) },
  });
  expect(grown).toMatchObject({ changed: true, bytes: data.byteLength });
});

import * as fs from 'node:fs';
import * as path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { compareFiles, engine, type HashFileOptions, hashFile, open } from '../../lib/index.js';
import {
  makeFifo,
  openDescriptors,
  randomBytes,
  rejection,
  sha256,
  temporaryFolder,
  testWhere,
  testWithFifo,
  unbufferedFolder,
} from '../helpers.js';

const chunkSize = 64 * 1024;
const data = randomBytes(20 * chunkSize + 1234);

async function files(a: Buffer, b: Buffer): Promise<[string, string]> {
  const folder = await unbufferedFolder();
  const paths: [string, string] = [path.join(folder, 'a'), path.join(folder, 'b')];
  fs.writeFileSync(paths[0], a);
  fs.writeFileSync(paths[1], b);
  return paths;
}

for (const unbuffered of [false, true]) {
  const options = { unbuffered, depth: 3, chunkSize };
  const name = unbuffered ? 'unbuffered' : 'buffered';

  test(`compareFiles finds the first byte that differs, ${name}`, async () => {
    const size = data.byteLength;
    for (const at of [0, 1, chunkSize - 1, chunkSize, 7 * chunkSize + 77, size - 1]) {
      const other = Buffer.from(data);
      other[at] = (data[at] as number) ^ 1;
      other[size - 1] = (data[size - 1] as number) ^ 1;
      const result = await compareFiles(...(await files(data, other)), options);
      expect(result).toEqual({ equal: false, firstDifference: at, sizes: [size, size] });
    }
  });

  test(`compareFiles reports equal files, ${name}`, async () => {
    for (const size of [0, 1, chunkSize, 5 * chunkSize + 1]) {
      const part = data.subarray(0, size);
      const result = await compareFiles(...(await files(part, part)), options);
      expect(result).toEqual({ equal: true, firstDifference: null, sizes: [size, size] });
    }
  });

  test(`a file that ends earlier differs where it ends, ${name}`, async () => {
    for (const size of [0, 1, chunkSize, 5 * chunkSize + 1]) {
      const paths = await files(data, data.subarray(0, size));
      const sizes = [data.byteLength, size];
      const result = await compareFiles(...paths, options);
      expect(result).toEqual({ equal: false, firstDifference: size, sizes });
      const [a, b] = paths;
      expect((await compareFiles(b, a, options)).firstDifference).toBe(size);
    }
  });

  test(`hashFile hashes a path and a handle, ${name}`, async () => {
    const [file] = await files(data, data);
    expect(await hashFile(file, options)).toBe(sha256(data));
    const handle = await open(file, 'r', { unbuffered });
    expect(await hashFile(handle)).toBe(sha256(data));
    expect((await handle.readFile()).equals(data)).toBe(true);
    await handle.close();
  });
}

test('hashFile hashes a stream, and leaves one that is aborted destroyed', async () => {
  const progress: number[] = [];
  const options = { onProgress: ({ bytes }: { bytes: number }) => progress.push(bytes) };
  const parts = [data.subarray(0, 1000), new Uint8Array(data.subarray(1000))];
  expect(await hashFile(Readable.from(parts), options)).toBe(sha256(data));
  expect(progress).toEqual([1000, data.byteLength]);
  expect(await hashFile(Readable.from(['é']))).toBe(sha256(Buffer.from('é')));
  const silent = new PassThrough();
  const aborted = hashFile(silent, { signal: AbortSignal.timeout(20) });
  expect((await rejection(aborted)).name).toBe('AbortError');
  expect(silent.destroyed).toBe(true);
  const wrong = Readable.from([{}]) as AsyncIterable<Uint8Array>;
  expect(await rejection(hashFile(wrong))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
});

test('hashFile accepts an algorithm and an encoding', async () => {
  const [file] = await files(Buffer.from('abc'), data);
  // RFC 1321, appendix A.5, and FIPS 180-2, appendix A.
  expect(await hashFile(file, { algorithm: 'md5' })).toBe('900150983cd24fb0d6963f7d28e17f72');
  const base64 = await hashFile(file, { algorithm: 'sha1', encoding: 'base64' });
  expect(base64).toBe('qZk+NkcGgWq6PiVxeFDCbJzQ2J0=');
});

test.each([
  [{ algorithm: 'no such' }, 'ERR_INVALID_ARG_VALUE'],
  [{ algorithm: 7 }, 'ERR_INVALID_ARG_TYPE'],
  [{ encoding: 'no such' }, 'ERR_INVALID_ARG_VALUE'],
  [{ depth: 0 }, 'ERR_OUT_OF_RANGE'],
])('hashFile refuses %o', async (options, code) => {
  const [file] = await files(Buffer.from('abc'), data);
  const error = await rejection(hashFile(file, options as HashFileOptions));
  expect(error).toMatchObject({ code });
});

test('progress of both ends at the size', async () => {
  const [a, b] = await files(data, data);
  for (const run of [hashFile, compareFiles] as const) {
    const seen: number[] = [];
    const onProgress = ({ bytes, total }: { bytes: number; total: number }): void => {
      expect(total).toBe(data.byteLength);
      seen.push(bytes);
    };
    await (run === hashFile
      ? hashFile(a, { chunkSize, onProgress })
      : compareFiles(a, b, { chunkSize, onProgress }));
    expect(seen.at(-1)).toBe(data.byteLength);
    expect(seen).toEqual(seen.toSorted((x, y) => x - y));
  }
});

test('an abort ends both, with nothing in flight', async () => {
  const [a, b] = await files(data, data);
  for (const start of [hashFile, compareFiles] as const) {
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = (): void => controller.abort();
    const options = { chunkSize, depth: 4, signal, onProgress };
    const call = start === hashFile ? hashFile(a, options) : compareFiles(a, b, options);
    expect((await rejection(call)).name).toBe('AbortError');
    expect(engine.stats().inFlight).toBe(0);
  }
});

test('errors are those of the files', async () => {
  const [a] = await files(data, data);
  const none = `${a}-none`;
  expect(await rejection(hashFile(none))).toMatchObject({ code: 'ENOENT', path: none });
  expect(await rejection(compareFiles(a, none))).toMatchObject({ code: 'ENOENT', path: none });
  const folder = path.dirname(a);
  expect((await rejection(hashFile(folder))).code).toMatch(/^(EISDIR|EPERM|EACCES)$/);
  expect((await rejection(compareFiles(a, a, { depth: 0 }))).code).toBe('ERR_OUT_OF_RANGE');
});

testWithFifo('hashFile reads a FIFO to its end', async () => {
  const fifo = makeFifo();
  const hashing = hashFile(fifo);
  await fs.promises.writeFile(fifo, data);
  expect(await hashing).toBe(sha256(data));
});

testWhere(process.platform === 'linux', '/proc is of Linux')(
  'files that do not say their size are read to their end, and nothing stays open',
  async () => {
    const version = fs.readFileSync('/proc/version');
    expect(await hashFile('/proc/version')).toBe(sha256(version));
    const result = await compareFiles('/proc/version', '/proc/version');
    const size = version.byteLength;
    expect(result).toEqual({ equal: true, firstDifference: null, sizes: [size, size] });
    expect(openDescriptors('/proc/version')).toBe(0);
  },
);

testWhere(process.platform === 'linux', 'files are sparse without being asked on Linux only')(
  'holes of both files are not read',
  async () => {
    const folder = temporaryFolder();
    // Reading a tebibyte would take minutes.
    const size = 2 ** 40;
    const [a, b] = ['a', 'b'].map((name) => {
      const file = path.join(folder, name);
      fs.writeFileSync(file, 'at the start');
      fs.truncateSync(file, size);
      const descriptor = fs.openSync(file, 'r+');
      fs.writeSync(descriptor, 'in the middle', size / 2);
      fs.closeSync(descriptor);
      return file;
    }) as [string, string];
    let last = 0;
    const onProgress = ({ bytes }: { bytes: number }): void => {
      last = bytes;
    };
    const options = { onProgress };
    expect(await compareFiles(a, b, options)).toMatchObject({ equal: true, sizes: [size, size] });
    expect(last).toBe(size);
    const descriptor = fs.openSync(b, 'r+');
    fs.writeSync(descriptor, 'x', size / 4 + 7);
    expect(await compareFiles(a, b)).toMatchObject({ equal: false, firstDifference: size / 4 + 7 });
    fs.closeSync(descriptor);
  },
);

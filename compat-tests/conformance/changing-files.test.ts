import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { open, readFile } from '../../lib/index.js';
import { fileWith, isOfCutFile, isWindows, randomBytes } from '../helpers.js';

// Reading a file that grows or shrinks meanwhile: all returned data was in the file, and no read
// fails, hangs or returns more than the file contained.

const mebibyte = 2 ** 20;
const large = randomBytes((isWindows ? 40 : 64) * mebibyte + 7, 3);
const small = randomBytes(300_000, 4);

const reads: Record<string, (file: string) => Promise<Buffer>> = {
  readFile: (file) => readFile(file),
  'handle.readFile': async (file) => {
    const handle = await open(file);
    return handle.readFile().finally(handle.close);
  },
};

function isBeginningOf(whole: Buffer, part: Buffer): boolean {
  return part.length <= whole.length && part.equals(whole.subarray(0, part.length));
}

for (const [name, read] of Object.entries(reads)) {
  test(`${name} of a large file that grows meanwhile returns its earlier content`, async () => {
    const file = fileWith(large);
    const reading = read(file);
    let isDone = false;
    const growing = (async () => {
      while (!isDone) await fs.promises.appendFile(file, Buffer.alloc(mebibyte, 'new'));
    })();
    const content = await reading;
    isDone = true;
    await growing;
    expect(fs.statSync(file).size).toBeGreaterThan(large.length);
    // Data that was added before the size was queried is included, too.
    expect(content.length).toBeGreaterThanOrEqual(large.length);
    expect(content.subarray(0, large.length).equals(large)).toBe(true);
  });

  test(`${name} of a large file that shrinks meanwhile returns its beginning`, async () => {
    for (const kept of [0, mebibyte, 20 * mebibyte]) {
      const file = fileWith(large);
      const reading = read(file);
      await new Promise((resolve) => setImmediate(resolve));
      fs.truncateSync(file, kept);
      const content = await reading;
      expect(isOfCutFile(content, large, kept)).toBe(true);
    }
  });

  test(`${name} of a small file that is cut and refilled returns one of its states`, async () => {
    const file = fileWith(small);
    let isDone = false;
    const changing = (async () => {
      const handle = await fs.promises.open(file, 'r+');
      while (!isDone) {
        await handle.truncate(1000);
        await handle.write(small.subarray(1000), 0, small.length - 1000, 1000);
      }
      await handle.close();
    })();
    for (let i = 0; i < 200; i++) {
      const content = await read(file);
      expect(isOfCutFile(content, small, 1000)).toBe(true);
    }
    isDone = true;
    await changing;
  });
}

test('a read of a truncated part returns the rest of it', async () => {
  const file = fileWith(small);
  const handle = await open(file);
  fs.truncateSync(file, 1000);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(small.length), 0, null, 0);
  expect(bytesRead).toBe(1000);
  expect(isBeginningOf(small, buffer.subarray(0, bytesRead))).toBe(true);
  expect((await handle.read(Buffer.alloc(10), 0, 10, 2000)).bytesRead).toBe(0);
  await handle.close();
});

test('readFile of a file that was empty when opened returns data written since', async () => {
  const file = fileWith('');
  const handle = await open(file);
  fs.writeFileSync(file, 'came later');
  expect(await handle.readFile('utf8')).toBe('came later');
  await handle.close();
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const filesPerFolder = 200;
const sizeMin = 2000;
const sizeSpread = 3000;

/** Length in bytes of the file with this number: 2 to 5 KB. */
export function sizeOfFile(number) {
  return sizeMin + ((number * 37) % sizeSpread);
}

/** The path of a file in a tree of folders with 200 files each. */
export function pathOfFile(folder, number) {
  return join(folder, `d${Math.floor(number / filesPerFolder)}`, `f${number}`);
}

/** The folders that hold `count` files. */
export async function makeFolders(folder, count) {
  for (let number = 0; number < count; number += filesPerFolder) {
    await mkdir(join(pathOfFile(folder, number), '..'), { recursive: true });
  }
}

/**
 * Makes a tree of small files.
 * @returns {Promise<{ path: string, size: number, remove: () => Promise<void> }>} `size` is their
 * number
 */
export async function makeSmallFiles(count, parent = tmpdir()) {
  const folder = await mkdtemp(join(parent, 'overlapped-bench-'));
  const path = join(folder, 'tree');
  await makeFolders(path, count);
  const content = Buffer.alloc(sizeMin + sizeSpread, 0xa5);
  for (let number = 0; number < count; number++) {
    await writeFile(pathOfFile(path, number), content.subarray(0, sizeOfFile(number)));
  }
  return { path, size: count, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Calls a function for each file, `depth` at a time.
 * @param {(path: string, number: number) => Promise<unknown>} work
 */
export async function forEachFile(folder, count, depth, work) {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const number = next++;
      await work(pathOfFile(folder, number), number);
    }
  };
  await Promise.all(Array.from({ length: depth }, lane));
}

import { constants } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const blockSize = 4096;
const chunkSize = 1024 * 1024;

/**
 * Creates a file whose blocks of 4 KiB begin with their own numbers, so that four bytes check a
 * read. The file has been written through the cache and is in it.
 * @param {number} size bytes, a multiple of 1 MiB
 * @param {string} parent folder
 */
export async function makeBenchFile(size, parent = tmpdir()) {
  const folder = await mkdtemp(join(parent, 'overlapped-bench-'));
  const path = join(folder, 'blocks.bin');
  const file = await open(path, 'w');
  const chunk = Buffer.alloc(chunkSize, 0xa5);
  for (let position = 0; position < size; position += chunkSize) {
    for (let offset = 0; offset < chunkSize; offset += blockSize) {
      chunk.writeUInt32LE((position + offset) / blockSize, offset);
    }
    await file.write(chunk, 0, chunkSize, position);
  }
  // Direct reads would write dirty pages back first.
  await file.sync();
  await file.close();
  return { path, size, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Whether node:fs can open this file past the cache; it cannot on Windows and macOS. */
export async function nodeOpensUnbuffered(path) {
  if (constants.O_DIRECT === undefined) return false;
  try {
    await (await open(path, constants.O_RDONLY | constants.O_DIRECT)).close();
    return true;
  } catch (error) {
    if (error.code === 'EINVAL') return false;
    throw error;
  }
}

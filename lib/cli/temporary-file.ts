import { randomBytes } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from './failure.js';

/** A name beside a path, on the same file system, that a rename can turn into that path. */
export function temporaryNameBeside(path: string): string {
  return join(dirname(path), `.overlapped-${randomBytes(6).toString('hex')}.tmp`);
}

/** Removes a file if it is there. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

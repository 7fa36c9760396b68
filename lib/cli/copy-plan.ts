import { type BigIntStats, constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stat } from '../promises.js';
import { codeOf, Failure, reasonOf } from './failure.js';

/** What is copied where, after everything that can be said before it begins. */
export interface CopyPlan {
  source: string;
  /** Of a symbolic link, what it leads to: a rename would replace the link. */
  destination: string;
  /** Bytes. */
  size: number;
  /** Permission bits of the copy. */
  mode: number;
}

/** @throws Failure when the two paths cannot be copied from and to */
export async function planCopy(source: string, destination: string): Promise<CopyPlan> {
  const from = await statOrFail(source, 'source');
  if (from === undefined) {
    throw new Failure(`the source '${source}' does not exist (ENOENT)`);
  }
  checkRegular(from, 'source', source);
  const to = await statOrFail(destination, 'destination');
  if (to === undefined) {
    await checkFolder(destination);
  } else {
    checkRegular(to, 'destination', destination);
    if (to.dev === from.dev && to.ino === from.ino) {
      throw new Failure(`'${source}' and '${destination}' are the same file`);
    }
    await checkWritable(destination);
  }
  return {
    source,
    destination: to === undefined ? destination : await realpath(destination),
    size: Number(from.size),
    mode: Number(from.mode & 0o777n),
  };
}

async function statOrFail(path: string, role: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new Failure(`cannot use the ${role} '${path}': ${reasonOf(error)}`, { cause: error });
  }
}

function checkRegular(status: BigIntStats, role: string, path: string): void {
  if (status.isDirectory()) {
    throw new Failure(`the ${role} '${path}' is a directory (EISDIR); name a file`);
  }
  if (!status.isFile()) throw new Failure(`the ${role} '${path}' is not a regular file`);
}

// The rename would replace it all the same, but whoever made it read-only does not want that.
async function checkWritable(destination: string): Promise<void> {
  try {
    await access(destination, constants.W_OK);
  } catch (error) {
    throw new Failure(`cannot replace '${destination}': ${reasonOf(error)}`, { cause: error });
  }
}

async function checkFolder(destination: string): Promise<void> {
  const folder = dirname(destination);
  const status = await statOrFail(folder, 'folder of the destination');
  if (status === undefined) {
    throw new Failure(`the folder of the destination, '${folder}', does not exist (ENOENT)`);
  }
}

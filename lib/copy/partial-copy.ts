import { constants } from 'node:fs';
import type { DirectoryHandle } from '../file-handle/directory-handle.js';
import type { CoreHandle } from '../handle/core-handle.js';
import type { SystemError } from '../node/errors.js';
import { ownerLock } from './own-file.js';
import { isPartialName, noteNameOf } from './temporary-name.js';
import { hasNoLocks, isForeign, type LeftOverState, unlinkIfThere } from './unfinished.js';

const { O_RDWR, O_NONBLOCK = 0 } = constants;

/**
 * Removes a copy that was kept for resuming, along with its note, if no process works on it.
 * @param name name of the copy, or of the marker of an update in place, which has no note
 * @param removes false only examines it. Default true.
 */
export async function removePartialCopy(
  directory: DirectoryHandle,
  name: string,
  { removes = true } = {},
): Promise<LeftOverState> {
  const noteName = noteNameOf(name);
  let isThere = false;
  for (const each of [name, noteName]) {
    const status = await statusIfThere(directory, each);
    if (status === undefined) continue;
    if (isForeign(status.uid)) return 'owner';
    if (!status.isFile()) return 'type';
    isThere = true;
  }
  if (!isThere) return 'gone';
  const note = await openIfThere(directory, isPartialName(name) ? noteName : name);
  try {
    await note?.lock({ ...ownerLock, wait: false });
    if (removes) {
      await unlinkIfThere(directory, name);
      await unlinkIfThere(directory, noteName);
    }
    return 'left';
  } catch (error) {
    if ((error as SystemError).code === 'EBUSY') return 'running';
    if (hasNoLocks(error)) return 'locks';
    throw error;
  } finally {
    await note?.close();
  }
}

async function statusIfThere(directory: DirectoryHandle, name: string) {
  return directory.lstat(name).catch((error: SystemError) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function openIfThere(
  directory: DirectoryHandle,
  name: string,
): Promise<CoreHandle | undefined> {
  try {
    return await directory.openCore(name, O_RDWR | O_NONBLOCK);
  } catch (error) {
    if ((error as SystemError).code === 'ENOENT') return undefined;
    throw error;
  }
}

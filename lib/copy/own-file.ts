import { constants } from 'node:fs';
import process from 'node:process';
import type { CoreHandle } from '../handle/core-handle.js';
import type { OpenOptions } from '../handle/open-options.js';
import { systemErrorOf } from '../node/errors.js';
import { showPath } from '../node/paths.js';
import { statusIfThere } from './destination.js';
import { type FallbackLog, isSystemError } from './fallbacks.js';
import type { Spot } from './spot.js';
import { hasNoLocks } from './unfinished.js';

// Files with predictable names beside a destination, which only their maker may read.

/** The mode of a file that only its owner may read and write. */
export const ownerAlone = 0o600;

/**
 * The byte of such a file that is locked while a process works on the copy. It lies beyond the end
 * of every file, so the lock keeps other copies out without affecting reads or writes.
 */
export const ownerLock = { position: Number.MAX_SAFE_INTEGER - 1, length: 1 } as const;

const { O_CREAT, O_RDWR, O_NONBLOCK = 0 } = constants;
// The names are predictable, so any file may be there. O_NONBLOCK keeps a FIFO from blocking.
const toOwnFile = O_RDWR | O_CREAT | O_NONBLOCK;

/**
 * Whether the last holder of the lock has removed the file that was opened. Inode numbers do not
 * tell, since some file systems change them.
 */
async function isRemoved(handle: CoreHandle, spot: Spot): Promise<boolean> {
  if ((await handle.stat()).nlink > 0) return false;
  // Some file systems do not count links.
  return (await statusIfThere(spot))?.nlink !== 0n;
}

/** Whether a file belongs to the user of this process. */
export function isOwn(uid: number): boolean {
  const user = process.geteuid?.();
  return user === undefined || uid === user;
}

/**
 * Refuses a file that somebody else may have put there: one of another user, a hard link to another
 * file, or a file that is not regular.
 * @throws EEXIST
 */
async function checkOwn(handle: CoreHandle, name: string): Promise<void> {
  const status = await handle.stat();
  if (status.isFile() && status.nlink <= 1 && isOwn(status.uid)) return;
  throw systemErrorOf(
    'EEXIST',
    { syscall: 'open', path: name },
    'the name of the unfinished copy, or of its note, is taken by a file of another user, by a ' +
      'link, or by something other than a regular file',
  );
}

/** Opens or creates a file that belongs to this user alone. @throws EEXIST */
export async function openOwn(
  { directory }: Spot,
  name: string,
  options: Omit<OpenOptions, 'mode'>,
): Promise<CoreHandle> {
  const handle = await directory.openCore(name, toOwnFile, { ...options, mode: ownerAlone });
  try {
    await checkOwn(handle, name);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Opens the note once this process holds its lock. The note is locked rather than the copy, since
 * it exists for as long as a process works on the copy. @throws EBUSY; EEXIST
 */
export async function openLocked(
  spot: Spot,
  name: string,
  signal: AbortSignal | undefined,
  fallbacks: FallbackLog,
): Promise<CoreHandle> {
  for (;;) {
    const handle = await openOwn(spot, name, { signal });
    try {
      const lock = (): Promise<void> => handle.lock({ ...ownerLock, wait: false });
      await fallbacks.attempt('lock', hasNoLocks, lock);
      if (!(await isRemoved(handle, { ...spot, name }))) return handle;
    } catch (error) {
      await handle.close();
      if (!isSystemError(error) || error.code !== 'EBUSY') throw error;
      const subject = { syscall: 'lock', path: showPath(String(spot.path)) };
      throw systemErrorOf('EBUSY', subject, 'another copy to it is at work');
    }
    await handle.close();
  }
}

import { constants as fileConstants } from 'node:fs';
import { constants } from 'node:os';
import process from 'node:process';
import type { DirectoryHandle } from '../file-handle/directory-handle.js';
import type { CoreHandle } from '../handle/core-handle.js';
import type { EntryName } from '../handle/entry-name.js';
import type { OpenOptions } from '../handle/open-options.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { type FallbackLog, isMissing } from './fallbacks.js';
import { temporaryName } from './temporary-name.js';

/**
 * Files under temporary names. The process that makes such a file locks it until it has its final
 * name, and the system releases the lock when the process dies. Another process can so tell
 * leftovers from files in use, even if it cannot see their maker in another container or on another
 * machine.
 */

const isWindows = process.platform === 'win32';
const ownerAlone = 0o600;
const { O_RDONLY, O_NONBLOCK = 0 } = fileConstants;
const triesMax = 8;

function codeOf(error: unknown): string | undefined {
  return (error as SystemError | undefined)?.code;
}

// libuv has no name for this error.
const noLocks = -(constants.errno.ENOLCK ?? Number.NaN);

/** Whether an error says that a file system or kernel has no locks. */
export function hasNoLocks(error: unknown): boolean {
  return isMissing(error) || (error as SystemError).errno === noLocks;
}

/** Whether this process alone holds the file, and the file still has its name. */
async function claim(handle: CoreHandle, fallbacks: FallbackLog): Promise<boolean> {
  try {
    const lock = (): Promise<void> => handle.lock({ exclusive: true, wait: false });
    // On file systems without locks, no process removes unlocked files.
    if (!(await fallbacks.attempt('lock', hasNoLocks, lock))) return true;
  } catch (error) {
    if (codeOf(error) === 'EBUSY') return false;
    throw error;
  }
  return (await handle.stat()).nlink > 0;
}

/** Makes a file under a new temporary name that only its owner may read. */
export async function makeUnfinished(
  directory: DirectoryHandle,
  opening: Omit<OpenOptions, 'mode'>,
  fallbacks: FallbackLog,
): Promise<{ handle: CoreHandle; name: string }> {
  for (let tries = 1; ; tries++) {
    const name = temporaryName();
    // The file is readable, since a lock requires that.
    const handle = await directory.openCore(name, 'wx+', { ...opening, mode: ownerAlone });
    try {
      // On Windows no process can open a file exclusively while another has it open.
      if (isWindows || (await claim(handle, fallbacks))) return { handle, name };
    } catch (error) {
      await handle.close().catch(() => {});
      await unlinkIfThere(directory, name).catch(() => {});
      throw error;
    }
    // Another process mistook the file for a leftover, and is about to remove it.
    await handle.close();
    if (tries === triesMax) throw systemErrorOf('EBUSY', { syscall: 'lock' });
  }
}

const ageMsMin = 10 * 60_000;

/**
 * What a file under a temporary name is. 'left': a leftover, which has been removed if that was
 * asked for. All others stay: 'running': its maker holds it; 'recent': a link or a device of the
 * last ten minutes; 'owner': it belongs to another user; 'type': no copy makes such an entry;
 * 'locks': its file system has no locks, so nobody can tell; 'gone': it no longer has this name.
 */
export type LeftOverState = 'left' | 'running' | 'recent' | 'owner' | 'type' | 'locks' | 'gone';

/** Whether a file belongs to another user, whose leftovers are not this one's to remove. */
export function isForeign(uid: number): boolean {
  const user = process.geteuid?.();
  // Root may have given an unfinished file to its later owner.
  return user !== undefined && user !== 0 && uid !== user;
}

/**
 * Removes a file under a temporary name if its maker has died. Links and the like, which take no
 * lock, are removed when they are ten minutes old.
 * @param removes false only examines the file. Default true.
 * @param isFree whether no process may have files that wait in the directory. If false, files are
 *   running until they are ten minutes old. Default true.
 */
export async function removeLeftOver(
  directory: DirectoryHandle,
  name: EntryName,
  { removes = true, isFree = true } = {},
): Promise<LeftOverState> {
  try {
    const status = await directory.lstat(name);
    if (isForeign(status.uid)) return 'owner';
    if (status.isDirectory()) return 'type';
    const isRecent = Date.now() - status.ctimeMs < ageMsMin;
    if (status.isFile() && !isFree && isRecent) return 'running';
    if (!status.isFile()) {
      if (isRecent) return 'recent';
      if (removes) await directory.unlink(name);
      return 'left';
    }
    const remove = isWindows ? removeUnused : removeUnlocked;
    return await remove(directory, name, removes);
  } catch (error) {
    // The file has its final name by now, or another process has removed it.
    if (codeOf(error) === 'ENOENT') return 'gone';
    throw error;
  }
}

async function removeUnlocked(
  directory: DirectoryHandle,
  name: EntryName,
  removes: boolean,
): Promise<LeftOverState> {
  let handle: CoreHandle;
  try {
    // The owner of the folder may have exchanged the file for a FIFO.
    handle = await directory.openCore(name, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    // The file belongs to another user.
    if (codeOf(error) === 'EACCES') return 'owner';
    throw error;
  }
  try {
    await handle.lock({ exclusive: false, wait: false });
    const [ours, there] = await Promise.all([
      handle.stat({ bigint: true }),
      directory.lstat(name, { bigint: true }),
    ]);
    if (ours.ino !== there.ino || ours.dev !== there.dev) return 'gone';
    if (removes) await directory.unlink(name);
    return 'left';
  } catch (error) {
    if (codeOf(error) === 'EBUSY') return 'running';
    if (hasNoLocks(error)) return 'locks';
    throw error;
  } finally {
    await handle.close();
  }
}

async function removeUnused(
  directory: DirectoryHandle,
  name: EntryName,
  removes: boolean,
): Promise<LeftOverState> {
  try {
    const handle = await directory.openCore(name, 'r', { share: 'none' });
    await handle.close();
    if (removes) await directory.unlink(name);
    return 'left';
  } catch (error) {
    if (codeOf(error) === 'EBUSY') return 'running';
    throw error;
  }
}

/** Removes a name if it exists. */
export async function unlinkIfThere(directory: DirectoryHandle, name: EntryName): Promise<void> {
  try {
    await directory.unlink(name);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

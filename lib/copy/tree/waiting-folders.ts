import process from 'node:process';
import { lockDirectory, unlockDirectory } from '../../engine/directory-requests.js';
import { decodeNothing } from '../../engine/operation.js';
import type { Encoded } from '../../engine/requests.js';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import { sleep } from '../../node/globals.js';
import { nodeFs } from '../../node/node-fs.js';
import { isSystemError } from '../fallbacks.js';
import type { Place } from './tree-place.js';
import type { TreeRoot } from './tree-root.js';

/** Maximum number of folders that are kept open, each of which takes a descriptor. */
const foldersMost = 512;
const shareOfDescriptors = 1 / 4;
// Another process that looks for leftovers has the exclusive lock only for two operations.
const triesMax = 10;
const waitMs = 10;

/** Keeps a folder open and locked. */
export class FolderHold {
  readonly #end: () => void;
  #files = 0;

  constructor(end: () => void) {
    this.#end = end;
  }

  add(files: number): void {
    this.#files += files;
  }

  /** Called when files have their names or are gone. */
  release(files = 1): void {
    this.#files -= files;
    if (this.#files === 0) this.#end();
  }
}

interface Held {
  hold: FolderHold;
  /** Whether the folder is locked. */
  locked: Promise<boolean>;
}

/** Returns how many folders a process may keep open, considering its limit of descriptors. */
export function foldersMax(): number {
  try {
    const limits = nodeFs.readFileSync('/proc/self/limits', 'latin1');
    const descriptors = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    if (descriptors === undefined) return foldersMost;
    return Math.min(foldersMost, Math.ceil(Number(descriptors) * shareOfDescriptors));
  } catch {
    return foldersMost;
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function lock(directory: DirectoryHandle, request: Encoded): Promise<void> {
  return directory.core.operate({
    ...request,
    subject: { syscall: 'lock' },
    decode: decodeNothing,
  });
}

/** Whether a directory could be locked, after a few attempts. */
async function lockShared(directory: DirectoryHandle): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      await lock(directory, lockDirectory({ exclusive: false }));
      return true;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.code !== 'EBUSY' || tries === triesMax) return false;
    }
    await sleep(waitMs);
  }
}

/** Whether no process has files that wait in a directory; true on systems that cannot tell. */
async function isFree(directory: DirectoryHandle): Promise<boolean> {
  try {
    await lock(directory, lockDirectory({ exclusive: true }));
    await lock(directory, unlockDirectory());
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return error.code !== 'EBUSY';
  }
}

/**
 * Folders of a destination with complete files that wait for their names. A shared lock of each
 * such folder tells other processes that the temporary files in it are no leftovers (Linux).
 */
export class WaitingFolders {
  /** Called when files can wait in a further folder only after others have got their names. */
  onFull = (): void => {};
  readonly #root: TreeRoot;
  readonly #foldersMax = foldersMax();
  #nextEnd = deferred();
  readonly #held = new Map<Place, Held>();
  // A lock lasts as long as its handle is open.
  readonly #locks = new WeakMap<DirectoryHandle, Promise<boolean>>();
  readonly #free = new WeakMap<DirectoryHandle, Promise<boolean>>();

  constructor(root: TreeRoot) {
    this.#root = root;
  }

  /**
   * Keeps a folder open and locked until these files have been released.
   * @returns undefined if the folder cannot be locked, so that no file may wait in it
   */
  async hold(folder: Place, files = 1): Promise<FolderHold | undefined> {
    while (this.#held.size >= this.#foldersMax && !this.#held.has(folder)) {
      const { promise } = this.#nextEnd;
      this.onFull();
      await promise;
    }
    const { hold, locked } = this.#held.get(folder) ?? this.#begin(folder);
    hold.add(files);
    if (await locked) return hold;
    hold.release(files);
    return undefined;
  }

  /** Whether older temporary files in a directory are leftovers unless somebody locks them. */
  async isFree(directory: DirectoryHandle): Promise<boolean> {
    if (process.platform !== 'linux') return true;
    const known = this.#free.get(directory) ?? isFree(directory);
    this.#free.set(directory, known);
    return known;
  }

  #begin(folder: Place): Held {
    const ended = deferred();
    const hold = new FolderHold(() => {
      this.#held.delete(folder);
      ended.resolve();
      this.#nextEnd.resolve();
      this.#nextEnd = deferred();
    });
    const locked = new Promise<boolean>((resolve) => {
      const keepOpen = async (directory: DirectoryHandle): Promise<void> => {
        const locking = this.#locks.get(directory) ?? lockShared(directory);
        this.#locks.set(directory, locking);
        resolve(await locking);
        await ended.promise;
      };
      // A folder that cannot be opened fails the copy of each file in it.
      this.#root.within(folder, keepOpen).catch(() => resolve(false));
    });
    const held = { hold, locked };
    this.#held.set(folder, held);
    return held;
  }
}

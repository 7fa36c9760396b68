import { release } from 'node:os';
import process from 'node:process';
import { decodeNothing } from '../../engine/operation.js';
import { syncFileSystemOfFile } from '../../engine/requests.js';
import type { Place } from './tree-place.js';
import type { TreeRoot } from './tree-root.js';

// File systems kept by a server, which syncfs(2) does not ask: FUSE, CIFS, SMB2, 9p, VirtualBox.
// The numbers are those of statfs(2).
const remoteTypes: ReadonlySet<number> = new Set([
  0x65735546, 0xff534d42, 0xfe534d42, 0x01021997, 0x786f4256,
]);

const overlayType = 0x794c7630;
// The first version of Linux whose syncfs(2) reports lost writes.
const [majorMin, minorMin] = [5, 8] as const;

/**
 * Whether syncfs() of a file system reports lost writes.
 * @param type the type from statfs(2). An overlay has no errors of its own: those of the file
 *   system below it, which has the files, do not reach its syncfs()
 * @param version the release of the kernel, such as '6.1.0-18-amd64'
 */
export function tellsLostWrites(type: number, version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const isKnown = major > majorMin || (major === majorMin && minor >= minorMin);
  return isKnown && type !== overlayType;
}

const subject = { syscall: 'syncfs' };

/** Makes the whole file system of a tree durable at once, and reports errors of any write to it. */
export class FileSystemSync {
  readonly #root: TreeRoot;
  /** Whether run() reports lost writes. Otherwise each file needs a sync of its own. */
  readonly tells: boolean;

  private constructor(root: TreeRoot, tells: boolean) {
    this.#root = root;
    this.tells = tells;
  }

  /**
   * Prepares the sync of a tree whose top is open, and stays open: the system reports errors since
   * the descriptor was opened.
   * @returns undefined if the system has no sync that covers the whole file system
   */
  static async of(root: TreeRoot): Promise<FileSystemSync | undefined> {
    if (process.platform !== 'linux') return undefined;
    const type = await root.fileSystemType();
    if (remoteTypes.has(type)) return undefined;
    return new FileSystemSync(root, tellsLostWrites(type, release()));
  }

  /**
   * Syncs the file system of a folder.
   * @param folder default: the top
   * @throws EIO, ENOSPC, EDQUOT if written bytes were lost, if the system tells
   */
  run(folder: Place = ''): Promise<void> {
    return this.#root.within(folder, ({ core }) =>
      core.operate<void>({ ...syncFileSystemOfFile(), subject, decode: decodeNothing }),
    );
  }
}

import { release } from 'node:os';
import process from 'node:process';
import { decodeNothing } from '../../engine/operation.js';
import { syncFileSystemOfFile } from '../../engine/requests.js';
import type { CoreHandle } from '../../handle/core-handle.js';
import { openCore } from '../../handle/open.js';
import { nodePromises } from '../../node/node-fs.js';
import type { SystemPath } from '../spot.js';

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

/** Makes a whole file system durable at once, and reports errors of any write to it. */
export class FileSystemSync {
  readonly #folder: CoreHandle;
  /** Whether run() reports lost writes. Otherwise each file needs a sync of its own. */
  readonly tells: boolean;

  private constructor(folder: CoreHandle, tells: boolean) {
    this.#folder = folder;
    this.tells = tells;
  }

  /**
   * Opens a file system. Must be called before anything is written, to report later errors.
   * @returns undefined if the system has no sync that covers the whole file system
   */
  static async open(path: SystemPath): Promise<FileSystemSync | undefined> {
    if (process.platform !== 'linux') return undefined;
    const { type } = await nodePromises.statfs(path);
    if (remoteTypes.has(type)) return undefined;
    return new FileSystemSync(await openCore(path, 'r'), tellsLostWrites(type, release()));
  }

  /** @throws EIO, ENOSPC, EDQUOT if written bytes were lost, if the system tells */
  run(): Promise<void> {
    return this.#folder.file.operate<void>({
      ...syncFileSystemOfFile(),
      subject,
      decode: decodeNothing,
    });
  }

  close(): Promise<void> {
    return this.#folder.close();
  }
}

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

const subject = { syscall: 'syncfs' };

/** Makes a whole file system durable at once, and reports errors of any write to it. */
export class FileSystemSync {
  readonly #folder: CoreHandle;

  private constructor(folder: CoreHandle) {
    this.#folder = folder;
  }

  /**
   * Opens a file system. Must be called before anything is written, to report later errors.
   * @returns undefined if the system cannot tell whether written bytes are durable
   */
  static async open(path: SystemPath): Promise<FileSystemSync | undefined> {
    if (process.platform !== 'linux') return undefined;
    const { type } = await nodePromises.statfs(path);
    if (remoteTypes.has(type)) return undefined;
    return new FileSystemSync(await openCore(path, 'r'));
  }

  /** @throws EIO, ENOSPC, EDQUOT if written bytes were lost */
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

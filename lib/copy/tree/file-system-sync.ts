import { decodeNothing } from '../../engine/operation.js';
import { syncFileSystemOfFile } from '../../engine/requests.js';
import type { CoreHandle } from '../../handle/core-handle.js';
import { openCore } from '../../handle/open.js';
import { nodePromises } from '../../node/node-fs.js';
import type { SystemPath } from '../spot.js';

// File systems that a server keeps, which syncfs(2) does not ask: FUSE, CIFS, SMB2, 9p, VirtualBox.
// The numbers are those of statfs(2).
const remoteTypes: ReadonlySet<number> = new Set([
  0x65735546, 0xff534d42, 0xfe534d42, 0x01021997, 0x786f4256,
]);

const subject = { syscall: 'syncfs' };

/** Makes all of a file system durable at once, and reports errors of any write to it. */
export class FileSystemSync {
  readonly #folder: CoreHandle;

  private constructor(folder: CoreHandle) {
    this.#folder = folder;
  }

  /**
   * To be opened before anything is written: errors from then on are reported.
   * @returns undefined where the system cannot tell that what was written is durable
   */
  static async open(path: SystemPath): Promise<FileSystemSync | undefined> {
    if (process.platform !== 'linux') return undefined;
    const { type } = await nodePromises.statfs(path);
    if (remoteTypes.has(type)) return undefined;
    return new FileSystemSync(await openCore(path, 'r'));
  }

  /** @throws EIO, ENOSPC, EDQUOT: something that was written is lost */
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

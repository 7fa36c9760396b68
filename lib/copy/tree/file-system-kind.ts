import process from 'node:process';
import type { TreeRoot } from './tree-root.js';

// Linux file systems by their numbers of statfs(2): ext4, XFS, btrfs, tmpfs, F2FS, ZFS.
const plain = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010, 0x2fc12fc1]);
const overlay = 0x794c7630;

/** What the file system of a tree keeps reliably. */
export class FileSystemKind {
  readonly #root: TreeRoot;

  /** @param root a tree whose top exists when the methods are called */
  constructor(root: TreeRoot) {
    this.#root = root;
  }

  /** Whether owners and modes stay as they are set. On others a different owner proves nothing. */
  async keepsOwners(): Promise<boolean> {
    const type = await this.#typeOf();
    return plain.has(type) || type === overlay;
  }

  /** Whether an entry keeps its inode number for as long as it exists. */
  async keepsNumbers(): Promise<boolean> {
    // The addon finds out where it compares them.
    return process.platform === 'win32' || plain.has(await this.#typeOf());
  }

  async #typeOf(): Promise<number> {
    return process.platform === 'linux' ? this.#root.fileSystemType() : 0;
  }
}

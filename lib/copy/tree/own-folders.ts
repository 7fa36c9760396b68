import process from 'node:process';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import { systemErrorOf } from '../../node/errors.js';
import type { FileSystemKind } from './file-system-kind.js';
import type { Place } from './tree-place.js';
import type { TreeRoot } from './tree-root.js';

const othersMayDo = 0o077;

/**
 * The folders that a copy has made and not finished. They belong to this process's user, and nobody
 * else may enter them. The owner of the parent folder could replace such a folder with one of their
 * own to read the files copied into it, so each folder is checked whenever it is opened.
 */
export class OwnFolders {
  readonly #places = new Set<Place>();
  readonly #root: TreeRoot;
  readonly #kind: FileSystemKind;

  constructor(root: TreeRoot, kind: FileSystemKind) {
    this.#root = root;
    this.#kind = kind;
  }

  add(place: Place): void {
    this.#places.add(place);
  }

  /** Called before a folder gets its owner and mode. */
  delete(place: Place): void {
    this.#places.delete(place);
  }

  /** @throws EPERM if the folder is not the one that was made */
  async check(place: Place, directory: DirectoryHandle): Promise<void> {
    if (!this.#places.has(place) || process.geteuid === undefined) return;
    if (!(await this.#kind.keepsOwners())) return;
    const { uid, mode } = await directory.stat();
    if (uid === process.geteuid() && (mode & othersMayDo) === 0) return;
    const subject = { syscall: 'openat', path: this.#root.show(place) };
    throw systemErrorOf(
      'EPERM',
      subject,
      'another folder is in the place of the one that was made',
    );
  }
}

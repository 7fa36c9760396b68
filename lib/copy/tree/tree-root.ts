import { Buffer } from 'node:buffer';
import type { BigIntStats } from 'node:fs';
import process from 'node:process';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import { openDirectory } from '../../functions/open-directory.js';
import type { EntryName } from '../../handle/entry-name.js';
import { nodePromises } from '../../node/node-fs.js';
import { type PathLike, parsePath, showPath } from '../../node/paths.js';
import { openDirectoryAtEnd } from '../end-of-links.js';
import type { Spot, SystemPath } from '../spot.js';
import { type FolderCheck, TreeFolders } from './tree-folders.js';
import { folderOf, fromBytes, nameOf, type Place, toSystem } from './tree-place.js';

const isWindows = process.platform === 'win32';

/** The top of a tree. Entries in the tree are reached through its open folders. */
export class TreeRoot {
  /** The path as errors show it. */
  readonly shown: string;
  /** Checks folders below the top when they are opened, and throws to refuse them. */
  checkFolder: FolderCheck | undefined;
  readonly #path: string;
  readonly #isOnlyRead: boolean;
  #opening: Promise<TreeFolders> | undefined;
  #folders: TreeFolders | undefined;
  #type: Promise<number> | undefined;

  /**
   * @param name name of the argument, for errors
   * @param options.isOnlyRead whether nothing in the tree changes, so that a link to its top is
   *   followed no matter who owns it
   */
  constructor(path: PathLike, name: string, { isOnlyRead = false } = {}) {
    const { native, shown } = parsePath(path, name);
    const bytes = typeof native === 'string' ? Buffer.from(native) : native;
    this.#path = isWindows ? (native as string) : fromBytes(bytes);
    this.shown = shown;
    this.#isOnlyRead = isOnlyRead;
  }

  /** Opens the top, following links, unless it is open. @throws ENOENT, ENOTDIR, EACCES, … */
  async open(): Promise<TreeFolders> {
    if (this.#folders !== undefined) return this.#folders;
    const openTop = this.#isOnlyRead ? openDirectory : openDirectoryAtEnd;
    this.#opening ??= openTop(this.at('')).then(
      (top) => new TreeFolders(top, async (place, folder) => this.checkFolder?.(place, folder)),
    );
    try {
      this.#folders = await this.#opening;
      return this.#folders;
    } finally {
      this.#opening = undefined;
    }
  }

  async close(): Promise<void> {
    await this.#folders?.close();
  }

  /** Runs an action in a folder, which stays open meanwhile. */
  async within<T>(place: Place, act: (directory: DirectoryHandle) => Promise<T>): Promise<T> {
    return (this.#folders ?? (await this.open())).within(place, act);
  }

  /** Runs an action with a name in its folder; null stands for the top itself. */
  beside<T>(
    place: Place,
    act: (directory: DirectoryHandle, name: EntryName | null) => Promise<T>,
  ): Promise<T> {
    const name = place === '' ? null : nameOf(place);
    return this.within(folderOf(place), (directory) => act(directory, name));
  }

  /** Runs an action with the spot of a file or link. */
  spot<T>(place: Place, act: (spot: Spot) => Promise<T>): Promise<T> {
    const name = nameOf(place);
    const path = this.at(place);
    return this.within(folderOf(place), (directory) => act({ directory, name, path }));
  }

  /** Closes open folders at and below a place that is about to be removed. */
  async forget(place: Place): Promise<void> {
    await this.#folders?.forget(place);
  }

  /** Returns the status of a place, of a link itself. @throws ENOENT, … */
  status(place: Place): Promise<BigIntStats> {
    return this.beside(place, (directory, name) =>
      name === null ? directory.stat({ bigint: true }) : directory.lstat(name, { bigint: true }),
    );
  }

  /** Returns the status of a place; undefined if nothing is there. */
  async statusIfThere(place: Place): Promise<BigIntStats | undefined> {
    return this.status(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  }

  /** Returns the type of the file system of the top, by its number of statfs(2) (Linux). */
  fileSystemType(): Promise<number> {
    this.#type ??= this.within('', async ({ fd }) => {
      // The path may lead elsewhere by now. Without /proc it is the only name of the top.
      const ofOpen = nodePromises.statfs(`/proc/self/fd/${fd}`);
      return (await ofOpen.catch(() => nodePromises.statfs(this.at('')))).type;
    });
    return this.#type;
  }

  /** Returns the path of a place. */
  at(place: Place): SystemPath {
    return toSystem(this.#join(place));
  }

  /** Returns the path of a place as errors show it. */
  show(place: Place): string {
    const path = this.at(place);
    return typeof path === 'string' ? showPath(path) : path.toString();
  }

  #join(place: Place): string {
    if (place === '') return this.#path;
    const separator = isWindows ? '\\' : '/';
    const below = isWindows ? place.replaceAll('/', '\\') : place;
    return this.#path.endsWith(separator)
      ? this.#path + below
      : `${this.#path}${separator}${below}`;
  }
}

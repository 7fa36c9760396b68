import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import { folderOf, nameOf, type Place } from './tree-place.js';

/** Checks a folder that was opened at a place, and throws to refuse it. */
export type FolderCheck = (place: Place, directory: DirectoryHandle) => Promise<void>;

/** Maximum number of unused folders that stay open. */
const idleMax = 64;

interface Folder {
  readonly place: Place;
  readonly handle: Promise<DirectoryHandle>;
  isOpen: boolean;
  users: number;
}

/**
 * The open folders of a tree. Each is opened by its name in its parent folder without following
 * links, so that nothing outside the tree is reached if somebody replaces a folder with a link. The
 * most recently used ones stay open, up to a bound, whatever the depth of the tree.
 */
export class TreeFolders {
  // In the order of use: the most recently used is last.
  readonly #folders = new Map<Place, Folder>();
  readonly #top: DirectoryHandle;
  readonly #check: FolderCheck;
  #openCount = 0;

  /** @param top stays open until close() */
  constructor(top: DirectoryHandle, check: FolderCheck) {
    this.#top = top;
    this.#check = check;
  }

  /** Runs an action in a folder, which stays open meanwhile. @throws errors of opening it */
  async within<T>(place: Place, act: (directory: DirectoryHandle) => Promise<T>): Promise<T> {
    if (place === '') return act(this.#top);
    const folder = this.#take(place);
    try {
      return await act(await folder.handle);
    } finally {
      this.#release(folder);
    }
  }

  /** Closes a folder that is about to be removed, and open folders below it. */
  async forget(place: Place): Promise<void> {
    // On file systems that ignore case, the folder may be open under a name of another case. If a
    // folder is closed needlessly, it is opened again.
    const folded = place.toLowerCase();
    const gone = [...this.#folders.values()].filter((folder) => {
      const other = folder.place.toLowerCase();
      return other === folded || other.startsWith(`${folded}/`);
    });
    await Promise.all(gone.filter(({ users }) => users === 0).map((folder) => this.#end(folder)));
  }

  /** Closes all folders. None may be in use. */
  async close(): Promise<void> {
    await Promise.all([...this.#folders.values()].map((folder) => this.#end(folder)));
    await this.#top.close();
  }

  #take(place: Place): Folder {
    // Opens downward from the nearest open folder, without recursion, since a tree may be deep.
    const missing: Place[] = [];
    let at = place;
    while (at !== '' && !this.#folders.has(at)) {
      missing.push(at);
      at = folderOf(at);
    }
    let folder = this.#folders.get(at);
    if (folder !== undefined) this.#touch(folder);
    for (const next of missing.reverse()) folder = this.#open(next, folder);
    const taken = folder as Folder;
    taken.users++;
    return taken;
  }

  #touch(folder: Folder): void {
    this.#folders.delete(folder.place);
    this.#folders.set(folder.place, folder);
  }

  #open(place: Place, parent: Folder | undefined): Folder {
    if (parent !== undefined) parent.users++;
    const folder: Folder = { place, handle: this.#opening(place, parent), isOpen: false, users: 0 };
    this.#folders.set(place, folder);
    folder.handle.then(
      () => {
        folder.isOpen = true;
        this.#openCount++;
        this.#closeIdle();
      },
      () => {
        // A later caller tries again.
        if (this.#folders.get(place) === folder) this.#folders.delete(place);
      },
    );
    return folder;
  }

  async #opening(place: Place, parent: Folder | undefined): Promise<DirectoryHandle> {
    try {
      const directory = parent === undefined ? this.#top : await parent.handle;
      return await this.#checked(place, await directory.openDirectory(nameOf(place)));
    } finally {
      if (parent !== undefined) this.#release(parent);
    }
  }

  async #checked(place: Place, directory: DirectoryHandle): Promise<DirectoryHandle> {
    try {
      await this.#check(place, directory);
      return directory;
    } catch (error) {
      await directory.close();
      throw error;
    }
  }

  #release(folder: Folder): void {
    folder.users--;
    this.#closeIdle();
  }

  #closeIdle(): void {
    if (this.#openCount <= idleMax) return;
    for (const folder of this.#folders.values()) {
      if (!folder.isOpen || folder.users > 0) continue;
      this.#end(folder).catch(() => {});
      if (this.#openCount <= idleMax) return;
    }
  }

  async #end(folder: Folder): Promise<void> {
    this.#folders.delete(folder.place);
    if (folder.isOpen) this.#openCount--;
    folder.isOpen = false;
    const handle = await folder.handle.catch(() => undefined);
    await handle?.close();
  }
}

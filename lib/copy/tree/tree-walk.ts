import type { BigIntStats } from 'node:fs';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import { splitNames } from '../../handle/entry-list.js';
import { type NameStatus, statNames } from '../../handle/name-statuses.js';
import { abortError } from '../../node/errors.js';
import { forEach } from '../for-each.js';
import type { TreeFilter } from './tree-filter.js';
import { folderOf, type Place, placeIn, showPlace } from './tree-place.js';
import type { TreeRoot } from './tree-root.js';

export type EntryKind = 'file' | 'folder' | 'link' | SpecialKind;
/** Kinds of entries without content to copy. */
export type SpecialKind = 'fifo' | 'socket' | 'character device' | 'block device' | 'unknown';

/** The entry of a tree at a place. */
export interface TreeEntry {
  readonly place: Place;
  readonly kind: EntryKind;
  readonly size: number;
  /** Permission bits with set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  /** The same for all names of a file. */
  readonly identity: string;
  /** How many names the file has. */
  readonly names: number;
  /** The target of a link, as it is stored. */
  readonly target: Buffer | undefined;
}

export interface PlaceError {
  place: Place;
  error: unknown;
}

/** The result of a walk. */
export interface Tree {
  /** Entries by place; a folder precedes its entries. */
  entries: Map<Place, TreeEntry>;
  /** Errors of entries that could not be examined or listed. */
  errors: PlaceError[];
  /** Folders that the filter excludes, passes through, or from which it excludes something. */
  withheld: Set<Place>;
  /** Places with unknown content: they could not be read, or were not entered. */
  unread: Set<Place>;
}

export interface WalkOptions {
  filter: TreeFilter;
  /** Folders that are read at a time. */
  concurrency: number;
  signal: AbortSignal | undefined;
  /** Whether to skip folders on which other file systems are mounted. */
  oneFileSystem?: boolean | undefined;
  /** The caller's filter: whether a place belongs to the tree. Default: every place does. */
  accepts?: ((place: Place) => boolean | Promise<boolean>) | undefined;
  /** Whether to read a folder. Default: every one. */
  enters?: ((place: Place) => boolean) | undefined;
}

// One operation examines this many names of a folder; several operations run at a time.
const namesPerLook = 256;
const looksAtOnce = 4;

const typeMask = 0o170000;
const kinds: ReadonlyMap<number, EntryKind> = new Map<number, EntryKind>([
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
  [0o020000, 'character device'],
  [0o060000, 'block device'],
]);

function entryOf(place: Place, status: NameStatus): TreeEntry {
  const { dev, ino, mode, nlink, uid, gid, size, atimeNs, mtimeNs, target } = status;
  return {
    place,
    kind: kinds.get(mode & typeMask) ?? 'unknown',
    size,
    mode: mode & 0o7777,
    ...{ uid, gid, atimeNs, mtimeNs },
    identity: `${dev}:${ino}`,
    names: nlink,
    target,
  };
}

/** Returns the file system that an entry is on. */
export function deviceOf({ identity }: TreeEntry): string {
  return identity.slice(0, identity.indexOf(':'));
}

function statusOf(stats: BigIntStats): NameStatus {
  const { dev, ino, atimeNs, mtimeNs } = stats;
  const [mode, nlink, uid, gid, size] = [
    ...[Number(stats.mode), Number(stats.nlink), Number(stats.uid)],
    ...[Number(stats.gid), Number(stats.size)],
  ] as [number, number, number, number, number];
  return { dev, ino, mode, nlink, uid, gid, size, atimeNs, mtimeNs, target: undefined };
}

class TreeWalk {
  readonly tree: Tree = { entries: new Map(), errors: [], withheld: new Set(), unread: new Set() };
  // Folders that are not included themselves, until something below them is.
  readonly #through = new Map<Place, TreeEntry>();
  readonly #root: TreeRoot;
  readonly #options: WalkOptions;

  constructor(root: TreeRoot, options: WalkOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** @throws errors of examining the top */
  async run(): Promise<Tree> {
    const { concurrency } = this.#options;
    const top = entryOf('', statusOf(await this.#root.status('')));
    this.tree.entries.set('', top);
    let level: Place[] = [''];
    while (level.length > 0) {
      const below: Place[] = [];
      await forEach(level, concurrency, (folder) => this.#readFolder(folder, below));
      level = below;
    }
    return this.tree;
  }

  async #readFolder(folder: Place, below: Place[]): Promise<void> {
    const { enters } = this.#options;
    try {
      const found = await this.#root.within(folder, (directory) => this.#look(folder, directory));
      for (const entry of found) {
        if (!(await this.#add(entry)) || entry.kind !== 'folder') continue;
        if (this.#isElsewhere(entry)) this.#leaveOut(entry.place);
        else if (enters === undefined || enters(entry.place)) below.push(entry.place);
      }
    } catch (error) {
      this.#fail(folder, error);
    }
  }

  /** Returns all entries of a folder, in the order of their names. */
  async #look(folder: Place, directory: DirectoryHandle): Promise<TreeEntry[]> {
    const { signal } = this.#options;
    const names = splitNames(await directory.list(signal));
    const found: TreeEntry[] = [];
    const starts = Array.from(
      { length: Math.ceil(names.length / namesPerLook) },
      (_, i) => i * namesPerLook,
    );
    await forEach(starts, looksAtOnce, async (start) => {
      const some = names.slice(start, start + namesPerLook);
      const statuses = await statNames(directory.core, some, signal);
      for (const [i, status] of statuses.entries()) {
        const name = some[i] as Buffer;
        const place = placeIn(folder, name);
        const entry =
          status === undefined
            ? await this.#lookAgain(directory, name, place)
            : entryOf(place, status);
        if (entry !== undefined) found.push(entry);
      }
    });
    return found.sort((a, b) => (a.place < b.place ? -1 : 1));
  }

  /** Records why a name has no status, unless the name no longer exists. */
  async #lookAgain(
    directory: DirectoryHandle,
    name: Buffer,
    place: Place,
  ): Promise<TreeEntry | undefined> {
    try {
      const status = await directory.lstat(name, { bigint: true });
      const target = status.isSymbolicLink() ? await directory.readlink(name, 'buffer') : undefined;
      return entryOf(place, { ...statusOf(status), target });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#fail(place, error);
      return undefined;
    }
  }

  #fail(place: Place, error: unknown): void {
    const { signal } = this.#options;
    if (signal?.aborted) throw abortError(signal);
    this.tree.errors.push({ place, error });
    this.tree.unread.add(place);
  }

  #isElsewhere(folder: TreeEntry): boolean {
    if (!this.#options.oneFileSystem) return false;
    return deviceOf(folder) !== deviceOf(this.tree.entries.get('') as TreeEntry);
  }

  /** Leaves a folder on another file system unchanged on both sides. */
  #leaveOut(place: Place): void {
    this.tree.unread.add(place);
    this.#withhold(place);
  }

  /** Whether an entry belongs to the tree, or leads to one that does. */
  async #add(entry: TreeEntry): Promise<boolean> {
    const folder = folderOf(entry.place);
    const { filter, accepts } = this.#options;
    if (accepts !== undefined && !(await accepts(entry.place))) {
      this.#withhold(folder);
      return false;
    }
    const isBelow = folder === '' ? filter.admitsAll : this.tree.entries.has(folder);
    const isMeantBelow = isBelow && !this.#through.has(folder);
    const admission = filter.admit(showPlace(entry.place), entry.kind === 'folder', isMeantBelow);
    if (admission === 'yes') this.#addWithFolders(entry);
    else this.#withhold(admission === 'through' ? entry.place : folder);
    if (admission === 'through') this.#through.set(entry.place, entry);
    return admission !== 'no';
  }

  // A folder that only leads to an entry stays in `#through`, since it is not included itself.
  #addWithFolders(entry: TreeEntry): void {
    const { entries } = this.tree;
    const folder = folderOf(entry.place);
    const through = this.#through.get(folder);
    if (through !== undefined && !entries.has(folder)) this.#addWithFolders(through);
    entries.set(entry.place, entry);
  }

  #withhold(folder: Place): void {
    const { withheld } = this.tree;
    for (let place = folder; !withheld.has(place); place = folderOf(place)) withheld.add(place);
  }
}

/**
 * Examines everything below a folder, without following links except the top itself. Errors of
 * folders and entries are listed in the result.
 * @throws a system error of the top; AbortError
 */
export function walkTree(root: TreeRoot, options: WalkOptions): Promise<Tree> {
  return new TreeWalk(root, options).run();
}

import { abortError } from '../../node/errors.js';
import { deviceOf, type TreeEntry } from './tree-entry.js';
import type { Admission, TreeFilter } from './tree-filter.js';
import { folderOf, type Place } from './tree-place.js';

export interface PlaceError {
  place: Place;
  error: unknown;
}

/** The result of walking a tree. */
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

/** Decides what belongs to a tree. */
export interface TreeSelection {
  filter: TreeFilter;
  signal: AbortSignal | undefined;
  /** Whether to skip folders on which other file systems are mounted. */
  oneFileSystem?: boolean | undefined;
  /** The caller's filter: whether a place belongs to the tree. Default: every place does. */
  accepts?: ((place: Place) => boolean | Promise<boolean>) | undefined;
}

/** Collects the entries of one tree that belong to it. A folder is added before its entries. */
export class TreeCollector {
  readonly tree: Tree = { entries: new Map(), errors: [], withheld: new Set(), unread: new Set() };
  // Folders that are not included themselves, until something below them is.
  readonly #through = new Map<Place, TreeEntry>();
  readonly #selection: TreeSelection;
  /** Places that the filter lists by name, and that are there. */
  readonly found = new Set<Place>();
  /** Whether something may not belong to the tree. */
  readonly hasRules: boolean;

  constructor(selection: TreeSelection) {
    this.#selection = selection;
    this.hasRules = selection.accepts !== undefined || !selection.filter.isEmpty;
  }

  addTop(entry: TreeEntry): void {
    this.tree.entries.set('', entry);
  }

  /** Whether an entry belongs to the tree, or leads to one that does. */
  add(entry: TreeEntry): boolean | Promise<boolean> {
    if (this.hasRules) return this.#addByRules(entry);
    this.tree.entries.set(entry.place, entry);
    return true;
  }

  /** Whether a file belongs to the tree. It is not added, but its folder is. */
  async admitFile(place: Place): Promise<boolean> {
    const admission = await this.#admit(place, false);
    if (admission === 'yes') this.#addFolders(place);
    else this.#withhold(folderOf(place));
    return admission === 'yes';
  }

  /**
   * Whether to enter a folder that belongs to the tree. One on another file system is left
   * unchanged on both sides.
   */
  mayEnter(folder: TreeEntry): boolean {
    if (!this.#selection.oneFileSystem) return true;
    if (deviceOf(folder) === deviceOf(this.tree.entries.get('') as TreeEntry)) return true;
    this.tree.unread.add(folder.place);
    this.#withhold(folder.place);
    return false;
  }

  /** Records an error of a place. @throws AbortError if that was the reason */
  fail(place: Place, error: unknown): void {
    const { signal } = this.#selection;
    if (signal?.aborted) throw abortError(signal);
    this.tree.errors.push({ place, error });
    this.tree.unread.add(place);
  }

  async #addByRules(entry: TreeEntry): Promise<boolean> {
    const { place } = entry;
    const admission = await this.#admit(place, entry.kind === 'folder');
    if (admission === 'yes') {
      this.#addFolders(place);
      this.tree.entries.set(place, entry);
    } else this.#withhold(admission === 'through' ? place : folderOf(place));
    if (admission === 'through') this.#through.set(place, entry);
    return admission !== 'no';
  }

  async #admit(place: Place, isFolder: boolean): Promise<Admission> {
    const { filter, accepts } = this.#selection;
    if (accepts !== undefined && !(await accepts(place))) return 'no';
    const folder = folderOf(place);
    const isBelow = folder === '' ? filter.admitsAll : this.tree.entries.has(folder);
    if (filter.places?.has(place)) this.found.add(place);
    return filter.admit(place, isFolder, isBelow && !this.#through.has(folder));
  }

  // A folder that only leads to an entry stays in `#through`, since it is not included itself.
  #addFolders(place: Place): void {
    const { entries } = this.tree;
    const folder = folderOf(place);
    const through = this.#through.get(folder);
    if (through === undefined || entries.has(folder)) return;
    this.#addFolders(folder);
    entries.set(folder, through);
  }

  #withhold(folder: Place): void {
    const { withheld } = this.tree;
    for (let place = folder; !withheld.has(place); place = folderOf(place)) withheld.add(place);
  }
}

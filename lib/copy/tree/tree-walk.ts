import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import type { EntryName } from '../../handle/entry-name.js';
import { type EntryStatuses, listStatuses } from '../../handle/name-statuses.js';
import { forEach } from '../for-each.js';
import { type ReadFaults, untilItPasses } from '../read-faults.js';
import { FreshFiles } from './fresh-files.js';
import { type Tree, TreeCollector, type TreeSelection } from './tree-collector.js';
import { entryOf, ListedEntry, type TreeEntry } from './tree-entry.js';
import { clashingNames, foldedName } from './tree-names.js';
import { type Place, placeOf, showPlace } from './tree-place.js';
import type { TreeRoot } from './tree-root.js';

export interface WalkOptions extends TreeSelection {
  /** Folders that are read at a time. */
  concurrency: number;
  /** Whether to enter folders of the destination that the source lacks. */
  entersExtra: boolean;
  /** Whether to leave files out of the result that need no work, and only count them. */
  omitsSame: boolean;
  /** Decides whether a folder is listed again after an error. Default: it is not. */
  faults?: ReadFaults | undefined;
}

/** The result of walking a source and a destination side by side. */
export interface Trees {
  source: Tree;
  /** Its entries have the places of the source, however the destination spells their names. */
  destination: Tree;
  /**
   * Files in neither tree, because both have them with the same size, modification time, mode and
   * owner.
   */
  same: number;
  /** Regular files of folders that only the source has; they are not among its entries. */
  fresh: FreshFiles[];
  /** New places whose names the destination may treat as that of another entry. */
  clashing: Set<Place>;
}

/** A folder to read in one tree or both. */
interface Folder {
  place: Place;
  inSource: boolean;
  inDestination: boolean;
}

/** An entry by its index in the lists of a folder's sides; -1 for a side without it. */
interface Pair {
  mine: number;
  theirs: number;
}

/** The lists of a folder on both sides; undefined for a side without the folder. */
interface Lists {
  mine: EntryStatuses | undefined;
  theirs: EntryStatuses | undefined;
}

/**
 * Returns the entries of both sides by name, in the order of their names.
 * @param omitsSame whether to leave out files that are the same on both sides
 */
function pairsOf({ mine, theirs }: Lists, omitsSame: boolean): Pair[] {
  const pairs: Pair[] = [];
  let [one, two] = [0, 0];
  const [count, otherCount] = [mine?.count ?? 0, theirs?.count ?? 0];
  if (mine !== undefined && theirs !== undefined) {
    while (one < count && two < otherCount) {
      const order = mine.compareNames(one, theirs, two);
      const isOmitted = order === 0 && omitsSame && mine.isSameFile(one, theirs, two);
      if (!isOmitted) pairs.push({ mine: order > 0 ? -1 : one, theirs: order < 0 ? -1 : two });
      if (order <= 0) one++;
      if (order >= 0) two++;
    }
  }
  while (one < count) pairs.push({ mine: one++, theirs: -1 });
  while (two < otherCount) pairs.push({ mine: -1, theirs: two++ });
  return pairs;
}

/** Returns how many names both sides have. @param alone names that only one side has */
function countBoth({ mine, theirs }: Lists, alone: number): number {
  return ((mine?.count ?? 0) + (theirs?.count ?? 0) - alone) / 2;
}

class TreeWalk {
  readonly #roots: readonly [TreeRoot, TreeRoot | undefined];
  readonly #options: WalkOptions;
  readonly #source: TreeCollector;
  readonly #destination: TreeCollector;
  readonly #fresh: FreshFiles[] = [];
  readonly #clashing = new Set<Place>();
  #same = 0;

  /** @param roots the second one is undefined if only one tree is walked */
  constructor(roots: readonly [TreeRoot, TreeRoot | undefined], options: WalkOptions) {
    this.#roots = roots;
    this.#options = options;
    this.#source = new TreeCollector(options);
    this.#destination = new TreeCollector(options);
  }

  /** @throws errors of examining the tops */
  async run(): Promise<Trees> {
    const [from, to] = this.#roots;
    this.#source.addTop(entryOf('', await from.status('')));
    const top = await to?.statusIfThere('');
    if (top !== undefined) this.#destination.addTop(entryOf('', top));
    let level: Folder[] = [{ place: '', inSource: true, inDestination: top !== undefined }];
    while (level.length > 0) {
      const below: Folder[] = [];
      await forEach(level, this.#options.concurrency, (folder) => this.#read(folder, below));
      level = below;
    }
    if (to !== undefined) await this.#noteMissing(from);
    return {
      source: this.#source.tree,
      destination: this.#destination.tree,
      same: this.#same,
      fresh: this.#fresh,
      clashing: this.#clashing,
    };
  }

  /** Records an error for each place that the filter lists by name and that is not there. */
  async #noteMissing(from: TreeRoot): Promise<void> {
    const { filter } = this.#options;
    for (const place of filter.places ?? []) {
      if (this.#source.found.has(place) || !filter.admitsPlace(place)) continue;
      // It may be in a folder that is not entered.
      await from.status(place).catch((error) => this.#source.fail(place, error));
    }
  }

  async #read(folder: Folder, below: Folder[]): Promise<void> {
    const { place, inSource, inDestination } = folder;
    const [from, to] = this.#roots;
    const listing = [
      inSource ? this.#list(from, place, this.#source) : undefined,
      inDestination ? this.#list(to as TreeRoot, place, this.#destination) : undefined,
    ] as const;
    await Promise.allSettled(listing);
    const lists = { mine: await listing[0], theirs: await listing[1] };
    const omits = this.#options.omitsSame && !this.#source.hasRules;
    let pairs = pairsOf(lists, omits);
    if (omits && !inDestination && lists.mine !== undefined) {
      pairs = this.#takeFresh(place, lists.mine, pairs);
    }
    const alone = pairs.filter((pair) => pair.mine < 0 || pair.theirs < 0);
    const both = pairs.filter((pair) => pair.mine >= 0 && pair.theirs >= 0);
    // Without the other side nothing is the same, and fresh files are not among the pairs.
    if (omits && inDestination) this.#same += countBoth(lists, alone.length) - both.length;
    for (const pair of both) await this.#addBoth(place, lists, pair, below);
    if (alone.length > 0) await this.#addAlone(place, lists, alone, below);
  }

  /** Keeps the files of a new folder as a list, which takes little memory. @returns the rest */
  #takeFresh(folder: Place, list: EntryStatuses, pairs: Pair[]): Pair[] {
    // These names are made one after another.
    if (this.#noteClashes(folder, list)) return pairs;
    const fresh = new FreshFiles(folder, list);
    if (fresh.count === 0) return pairs;
    this.#fresh.push(fresh);
    return pairs.filter(({ mine }) => !list.isPlainFile(mine));
  }

  async #list(
    root: TreeRoot,
    folder: Place,
    collector: TreeCollector,
  ): Promise<EntryStatuses | undefined> {
    const { signal, faults } = this.#options;
    const list = (): Promise<EntryStatuses> =>
      root.within(folder, ({ core }) => listStatuses(core, root.show(folder), signal));
    try {
      return await (faults === undefined ? list() : untilItPasses(faults, list));
    } catch (error) {
      collector.fail(folder, error);
      return undefined;
    }
  }

  async #addBoth(folder: Place, lists: Lists, pair: Pair, below: Folder[]): Promise<void> {
    const [mine, theirs] = [lists.mine as EntryStatuses, lists.theirs as EntryStatuses];
    const place = placeOf(folder, mine.name(pair.mine));
    if (!this.#options.omitsSame || !mine.isSameFile(pair.mine, theirs, pair.theirs)) {
      return this.#add(place, lists, pair, below);
    }
    // Both collectors answer alike.
    if (await this.#source.admitFile(place)) this.#same++;
    await this.#destination.admitFile(place);
  }

  /** Adds a place that at least one side has. */
  async #add(place: Place, lists: Lists, pair: Pair, below: Folder[]): Promise<void> {
    const [from, to] = this.#roots;
    const one = await this.#entry(place, lists.mine, pair.mine, from, this.#source);
    const two = await this.#entry(place, lists.theirs, pair.theirs, to, this.#destination);
    const isMine = one !== undefined && (await this.#source.add(one));
    const isTheirs = two !== undefined && (await this.#destination.add(two));
    const isFolder = isTheirs && two.kind === 'folder';
    // What is mounted in the destination stays as it is, whatever the source has in its place.
    const isMount = isFolder && !this.#destination.mayEnter(two);
    const inSource = isMine && one.kind === 'folder' && this.#source.mayEnter(one) && !isMount;
    const inDestination = isFolder && !isMount && (isMine || this.#options.entersExtra);
    if (inSource || inDestination) below.push({ place, inSource, inDestination });
  }

  /** Returns an entry; records why it has no status, unless it no longer exists. */
  #entry(
    place: Place,
    list: EntryStatuses | undefined,
    index: number,
    root: TreeRoot | undefined,
    collector: TreeCollector,
  ): TreeEntry | undefined | Promise<TreeEntry | undefined> {
    if (list === undefined || root === undefined || index < 0) return undefined;
    if (list.isKnown(index)) return new ListedEntry(place, list, index);
    return root
      .beside(place, (directory, name) => look(directory, name as EntryName, place))
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') collector.fail(place, error);
        return undefined;
      });
  }

  /** Adds entries that only one side has under their names. */
  async #addAlone(
    folder: Place,
    lists: Lists,
    pairs: readonly Pair[],
    below: Folder[],
  ): Promise<void> {
    const mine = pairs.filter(({ theirs }) => theirs < 0);
    if (lists.mine !== undefined && mine.length > 0) this.#noteClashes(folder, lists.mine);
    const other =
      mine.length < pairs.length ? await this.#otherSpellings(folder, lists, pairs) : [];
    const taken = new Set(other.map((pair) => pair.mine));
    for (const pair of mine) {
      if (taken.has(pair.mine)) continue;
      const place = placeOf(folder, (lists.mine as EntryStatuses).name(pair.mine));
      await this.#add(place, lists, pair, below);
    }
    const spelled = new Map(other.map((pair) => [pair.theirs, pair]));
    for (const { theirs } of pairs) {
      if (theirs < 0) continue;
      const pair = spelled.get(theirs) ?? { mine: -1, theirs };
      const [list, index] = pair.mine < 0 ? [lists.theirs, theirs] : [lists.mine, pair.mine];
      const place = placeOf(folder, (list as EntryStatuses).name(index));
      await this.#add(place, lists, pair, below);
    }
  }

  /** @returns whether names clash */
  #noteClashes(folder: Place, list: EntryStatuses): boolean {
    if (list.count < 2) return false;
    const names = Array.from({ length: list.count }, (_, index) => list.name(index));
    const shown = names.map(showPlace);
    const clashing = new Set(clashingNames(shown));
    if (clashing.size === 0) return false;
    for (const [index, name] of shown.entries()) {
      if (clashing.has(name)) this.#clashing.add(placeOf(folder, names[index] as string));
    }
    return true;
  }

  /**
   * Finds entries of the destination under names of the source that only differ in spelling, if
   * the file system of the destination takes them for the same. Otherwise such an entry would count
   * as one that the source lacks.
   */
  async #otherSpellings(folder: Place, lists: Lists, pairs: readonly Pair[]): Promise<Pair[]> {
    const [mine, theirs] = [lists.mine, lists.theirs as EntryStatuses];
    if (mine === undefined) return [];
    const wanted = new Map<string, number[]>();
    for (const pair of pairs) {
      if (pair.mine < 0) continue;
      const folded = foldedName(showPlace(mine.name(pair.mine)));
      wanted.set(folded, [...(wanted.get(folded) ?? []), pair.mine]);
    }
    const found: Pair[] = [];
    for (const pair of wanted.size === 0 ? [] : pairs) {
      if (pair.theirs < 0 || !theirs.isKnown(pair.theirs)) continue;
      const candidates = wanted.get(foldedName(showPlace(theirs.name(pair.theirs)))) ?? [];
      const entry = new ListedEntry('', theirs, pair.theirs);
      for (const index of candidates) {
        if (found.some((other) => other.mine === index)) continue;
        if (!(await this.#isAt(placeOf(folder, mine.name(index)), entry))) continue;
        found.push({ mine: index, theirs: pair.theirs });
        break;
      }
    }
    return found;
  }

  async #isAt(place: Place, { identity }: TreeEntry): Promise<boolean> {
    const [, to] = this.#roots;
    const status = await to?.statusIfThere(place);
    return status !== undefined && `${status.dev}:${status.ino}` === identity;
  }
}

async function look(
  directory: DirectoryHandle,
  name: EntryName,
  place: Place,
): Promise<TreeEntry | undefined> {
  const status = await directory.lstat(name, { bigint: true });
  const target = status.isSymbolicLink() ? await directory.readlink(name, 'buffer') : undefined;
  return entryOf(place, status, target);
}

/**
 * Examines everything below two folders, without following links except the tops themselves.
 * Errors of folders and entries are listed in the results. A destination that does not exist gives
 * an empty tree.
 * @throws a system error of a top; AbortError
 */
export function walkTrees(
  source: TreeRoot,
  destination: TreeRoot,
  options: WalkOptions,
): Promise<Trees> {
  return new TreeWalk([source, destination], options).run();
}

/**
 * Examines everything below one folder, without following links except the top itself.
 * @throws a system error of the top; AbortError
 */
export async function walkTree(
  root: TreeRoot,
  options: TreeSelection & Pick<WalkOptions, 'concurrency'>,
): Promise<Tree> {
  const whole = { ...options, entersExtra: false, omitsSame: false };
  return (await new TreeWalk([root, undefined], whole).run()).source;
}

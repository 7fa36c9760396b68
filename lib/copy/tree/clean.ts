import { abortError } from '../../node/errors.js';
import { monotonicMs } from '../../node/globals.js';
import { ownOptions } from '../../node/own-options.js';
import type { PathLike } from '../../node/paths.js';
import { validateBoolean, validateObject, validateSignal } from '../../node/validate.js';
import { forEach } from '../for-each.js';
import { removePartialCopy } from '../partial-copy.js';
import { copyOfNote, isPartialName, isTemporaryName, isUnfinishedName } from '../temporary-name.js';
import { type LeftOverState, removeLeftOver } from '../unfinished.js';
import { parseConcurrency } from './copy-tree-options.js';
import type { TreeError } from './copy-tree-report.js';
import { readLists } from './name-lists.js';
import { signalForMany } from './signal-for-many.js';
import type { TreeEntry } from './tree-entry.js';
import { TreeFilter, type TreeFilterOptions } from './tree-filter.js';
import { type Place, showPlace } from './tree-place.js';
import { TreeRoot } from './tree-root.js';
import { walkTree } from './tree-walk.js';
import { WaitingFolders } from './waiting-folders.js';

/** Options of clean(). */
export interface CleanOptions extends TreeFilterOptions {
  /** Also removes copies that were kept for `resume`. Default false. */
  partial?: boolean | undefined;
  /** Reports the same, and removes nothing. Default false. */
  dryRun?: boolean | undefined;
  /** Skips folders on which other file systems are mounted. Default false. */
  oneFileSystem?: boolean | undefined;
  /** Folders and files examined at a time. Default 16. */
  concurrency?: number | undefined;
  /** Aborts the call with an AbortError when nothing is in flight. */
  signal?: AbortSignal | undefined;
}

/** An unfinished file of a copy. */
export interface LeftOver {
  /** Relative to the folder, with slashes. */
  path: string;
  /** Size of the file. */
  bytes: number;
}

/** An unfinished file that clean() has left alone. */
export interface KeptLeftOver extends LeftOver {
  /**
   * 'running': a copy works on it; 'partial': it was kept for `resume`; 'update': it says that a
   * file beside it is incomplete, until an update in place or another copy replaces that; 'recent':
   * a link or a device that is less than ten minutes old; 'owner': it belongs to another user;
   * 'type': a folder, which no copy makes; 'locks': the file system has no locks, so nobody can
   * tell.
   */
  reason: 'running' | 'partial' | 'update' | 'recent' | 'owner' | 'type' | 'locks';
}

/** The result of clean(). */
export interface CleanReport {
  /** Leftovers that were removed; in a dry run, those that would be. */
  removed: LeftOver[];
  /** Unfinished files that stay, and why. */
  kept: KeptLeftOver[];
  /** Errors of single entries, and of folders that could not be read. */
  errors: TreeError[];
  /** Bytes of the removed files. */
  bytes: number;
  /** Milliseconds that the call took. */
  durationMs: number;
}

class Cleaning {
  readonly report: CleanReport = { removed: [], kept: [], errors: [], bytes: 0, durationMs: 0 };
  readonly #root: TreeRoot;
  readonly #removesPartial: boolean;
  readonly #removes: boolean;
  readonly #waiting: WaitingFolders;

  constructor(root: TreeRoot, { partial = false, dryRun = false }: CleanOptions) {
    validateBoolean(partial, 'options.partial');
    validateBoolean(dryRun, 'options.dryRun');
    this.#root = root;
    this.#waiting = new WaitingFolders(root);
    this.#removesPartial = partial;
    this.#removes = !dryRun;
  }

  /** Removes a file unless it may belong to a running copy. */
  async clean({ place, size }: TreeEntry): Promise<void> {
    await this.#try(place, async () => {
      const state = await this.#root.spot(place, async ({ directory, name }) =>
        removeLeftOver(directory, name, {
          removes: this.#removes,
          isFree: await this.#waiting.isFree(directory),
        }),
      );
      this.#note(state, { path: showPlace(place), bytes: size });
    });
  }

  /** Removes a copy that was kept for resuming, with its note. */
  async cleanPartial(place: Place, bytes: number): Promise<void> {
    await this.#try(place, async () => {
      // The marker of an interrupted update in place says that its file is not right yet.
      const isMarker = !isPartialName(place);
      const mayRemove = this.#removesPartial && !isMarker;
      const removes = this.#removes && mayRemove;
      const state = await this.#root.spot(place, ({ directory, name }) =>
        removePartialCopy(directory, name.toString(), { removes }),
      );
      const leftOver = { path: showPlace(place), bytes };
      if (state === 'left' && !mayRemove) {
        this.report.kept.push({ ...leftOver, reason: isMarker ? 'update' : 'partial' });
      } else this.#note(state, leftOver);
    });
  }

  #note(state: LeftOverState, leftOver: LeftOver): void {
    if (state === 'gone') return;
    if (state !== 'left') return void this.report.kept.push({ ...leftOver, reason: state });
    this.report.removed.push(leftOver);
    this.report.bytes += leftOver.bytes;
  }

  async #try(place: Place, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.report.errors.push({ path: showPlace(place), error });
    }
  }
}

/** Returns copies that were kept for resuming, with the bytes of each and its note. */
function partialCopies(entries: readonly TreeEntry[]): Map<Place, number> {
  const copies = new Map<Place, number>();
  for (const { place, size } of entries) {
    const copy = copyOfNote(place);
    copies.set(copy, (copies.get(copy) ?? 0) + size);
  }
  return copies;
}

function sortByPath(list: { path: string }[]): void {
  list.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Removes unfinished files that copies have left in a folder and below it because their process was
 * killed. A file is a leftover if it has a temporary name of this package, is a regular file or an
 * old link, belongs to this user (root: to anybody), and no process holds its lock. Files of
 * running copies stay, also those of other containers and machines.
 * @param folder a folder, or a link to one
 * @param options see `CleanOptions`
 * @returns what was removed, what stays and why, and errors of single entries
 * @throws a system error of the folder itself; AbortError; ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
 * @example
 * const { removed, kept } = await clean('/backup', { dryRun: true });
 */
export async function clean(folder: PathLike, options: CleanOptions = {}): Promise<CleanReport> {
  const begun = monotonicMs();
  validateObject(options, 'options');
  const own = ownOptions(options);
  const { oneFileSystem = false } = own;
  validateBoolean(oneFileSystem, 'options.oneFileSystem');
  validateSignal(own.signal);
  const concurrency = parseConcurrency(own.concurrency);
  const signal = signalForMany(own.signal);
  const root = new TreeRoot(folder, 'folder');
  const cleaning = new Cleaning(root, own);
  const { report } = cleaning;
  if (signal?.aborted) throw abortError(signal);
  try {
    await root.open();
    const filter = new TreeFilter(await readLists(own));
    const walk = { filter, concurrency, signal, oneFileSystem };
    const tree = await walkTree(root, walk);
    for (const { place, error } of tree.errors) {
      report.errors.push({ path: showPlace(place), error });
    }
    const found = [...tree.entries.values()].filter(({ place }) => isTemporaryName(place));
    const unfinished = found.filter(({ place }) => isUnfinishedName(place));
    const partial = partialCopies(found.filter(({ place }) => !isUnfinishedName(place)));
    await forEach(unfinished, concurrency, (entry) => cleaning.clean(entry));
    for (const [place, bytes] of partial) await cleaning.cleanPartial(place, bytes);
    for (const list of [report.removed, report.kept, report.errors]) sortByPath(list);
    return { ...report, durationMs: monotonicMs() - begun };
  } finally {
    await root.close();
  }
}

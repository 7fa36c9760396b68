import { copySmallFilesIn, renamePairsIn } from '../../engine/directory-requests.js';
import { directoryIsLockedFlag, leavesCacheFlag } from '../../engine/opcodes.js';
import { decodeNothing } from '../../engine/operation.js';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import type { EntryName } from '../../handle/entry-name.js';
import { NamePairs } from '../../handle/name-pairs.js';
import { AbortError } from '../../node/errors.js';
import { isSystemError } from '../fallbacks.js';
import { forEach } from '../for-each.js';
import { flagsOfParts, type MetadataParts } from '../metadata.js';
import { temporaryName } from '../temporary-name.js';
import { type CopiedFile, copiedFile } from './copy-small-file.js';
import { folderOf, fromBytes, type Place } from './tree-place.js';
import type { Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';
import type { WaitingFolders } from './waiting-folders.js';

// Enough that the work of JavaScript per operation does not count, and few enough that an operation
// takes milliseconds: the engine lets further threads stand in for workers that take long.
const filesMax = 32;
const bytesMax = 1024 * 1024;
/** Groups in work at a time: enough that the workers of the engine always find one. */
const groupsAtOnceMax = 6;

/** A complete file that waits for its name. */
export interface Unnamed {
  task: Task;
  copied: CopiedFile;
}

/**
 * Groups files by folder, so that one operation can take the files of each group.
 * @param most maximum bytes of content of a group, except for one large file
 */
export function groupsOf<T>(
  files: readonly T[],
  taskOf: (file: T) => Task,
  most = bytesMax,
): T[][] {
  const groups: T[][] = [];
  let group: T[] = [];
  let folder: Place | undefined;
  let bytes = 0;
  for (const file of files) {
    const { place, size } = taskOf(file).entry;
    const its = folderOf(place);
    if (its !== folder || group.length === filesMax || bytes >= most) {
      [group, folder, bytes] = [[], its, 0];
      groups.push(group);
    }
    group.push(file);
    bytes += size;
  }
  return groups;
}

/**
 * Runs work for each group, several at a time. These are far apart in the list, and so mostly in
 * different folders, because changes to one folder exclude each other.
 */
export function forEachGroup<T>(
  groups: readonly T[],
  concurrency: number,
  work: (group: T) => Promise<void>,
): Promise<void> {
  const lanes = Math.min(groupsAtOnceMax, concurrency);
  const stride = Math.ceil(groups.length / lanes);
  const spread: T[] = [];
  for (let start = 0; start < stride; start++) {
    for (let at = start; at < groups.length; at += stride) spread.push(groups[at] as T);
  }
  return forEach(spread, lanes, work);
}

export function nameIn({ entry: { place } }: Task): string {
  return place.slice(place.lastIndexOf('/') + 1);
}

function asText(name: EntryName): string {
  return typeof name === 'string' ? name : fromBytes(name);
}

/** Runs an operation on many files; those that it has not done are done one by one. */
export async function attempt(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!isSystemError(error) && !(error instanceof AbortError)) throw error;
  }
}

/** Operations on many small files in one folder (Linux). */
export class SmallFiles {
  /** Whether the files and their copies leave the system's cache. */
  leavesCache = false;
  readonly #source: TreeRoot;
  readonly #destination: TreeRoot;
  readonly #folders: WaitingFolders;
  readonly #metadata: MetadataParts;
  readonly #signal: AbortSignal | undefined;

  constructor(
    source: TreeRoot,
    destination: TreeRoot,
    folders: WaitingFolders,
    { metadata, signal }: { metadata: MetadataParts; signal: AbortSignal | undefined },
  ) {
    this.#source = source;
    this.#destination = destination;
    this.#folders = folders;
    this.#metadata = metadata;
    this.#signal = signal;
  }

  /**
   * Copies files of one folder, each under a temporary name.
   * @returns for each task its file; undefined if the file must be copied by itself, which then
   *   succeeds or throws an error of its own. After an abort, files that are complete are returned
   */
  async copy(tasks: readonly Task[]): Promise<(CopiedFile | undefined)[]> {
    const names = tasks.map((task) => [nameIn(task), temporaryName()] as const);
    const pairs = new NamePairs(names);
    const folder = folderOf((tasks[0] as Task).entry.place);
    const hold = await this.#folders.hold(folder, tasks.length);
    if (hold === undefined) return tasks.map(() => undefined);
    const flags = flagsOfParts(this.#metadata) | directoryIsLockedFlag | this.#cacheFlag;
    const copyBetween = (from: DirectoryHandle, to: DirectoryHandle): Promise<void> =>
      to.core.operateFrom<void>(from.core, {
        ...copySmallFilesIn(pairs, flags),
        subject: { syscall: 'copyfile' },
        decode: decodeNothing,
        signal: this.#signal,
      });
    await attempt(() =>
      this.#source.within(folder, (from) =>
        this.#destination.within(folder, (to) => copyBetween(from, to)),
      ),
    );
    return names.map(([, unnamed], index) => {
      const value = pairs.valueOf(index);
      if (value === undefined || value < 0) return void hold.release();
      return { ...copiedFile(value, pairs.refusedPartsOf(index)), unnamed, hold };
    });
  }

  get #cacheFlag(): number {
    return this.leavesCache ? leavesCacheFlag : 0;
  }

  /** Renames complete files of one folder. @returns for each file whether it has its name */
  async giveNames(files: readonly Unnamed[]): Promise<boolean[]> {
    const names = files.map(
      ({ task, copied }) => [asText(copied.unnamed as EntryName), nameIn(task)] as const,
    );
    const pairs = new NamePairs(names);
    const folder = folderOf((files[0] as Unnamed).task.entry.place);
    await attempt(() =>
      this.#destination.within(folder, ({ core }) =>
        core.operate<void>({
          ...renamePairsIn(pairs, this.#cacheFlag),
          subject: { syscall: 'renameat' },
          decode: decodeNothing,
        }),
      ),
    );
    return files.map(({ copied }, index) => {
      const isNamed = pairs.valueOf(index) !== undefined;
      if (isNamed) copied.hold?.release();
      return isNamed;
    });
  }
}

import process from 'node:process';
import { mayDrop } from '../disk-options.js';
import { FallbackLog } from '../fallbacks.js';
import { copyInTree } from '../file-copy.js';
import type { FileCopyOptions } from '../file-copy-options.js';
import { isPassing } from '../read-faults.js';
import { replaceOrOverwrite } from '../replace.js';
import type { Spot } from '../spot.js';
import { unlinkIfThere } from '../unfinished.js';
import { type CopiedFile, copySmallFile, type SmallFileCopy } from './copy-small-file.js';
import type { TreeSettings } from './copy-tree-options.js';
import { FileSystemSync } from './file-system-sync.js';
import { SmallFiles, type Unnamed } from './small-files.js';
import type { TreeActions } from './tree-actions.js';
import { giveTimes } from './tree-metadata.js';
import { folderOf, type Place } from './tree-place.js';
import { isWithin, madeAt, type Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';
import type { WaitingFolders } from './waiting-folders.js';

const isWindows = process.platform === 'win32';
/** Files of up to this many bytes are copied by one operation, if a group commit syncs them. */
const smallFileMax = 512 * 1024;
/** Without a group commit, larger files get a sync of their own. */
const unsyncedMax = 256 * 1024;
const ownerMayWrite = 0o200;

interface FilePlaces {
  source: TreeRoot;
  destination: TreeRoot;
  waiting: WaitingFolders;
  /** Folders of the destination on other file systems than its top. */
  otherFileSystems: ReadonlySet<Place>;
}

type FileActions = Pick<
  TreeActions,
  'isSmall' | 'writeSmallFiles' | 'writeFile' | 'giveNames' | 'giveName' | 'removeUnnamed'
>;

/** Makes the files of the destination. */
export class FileWriter implements FileActions {
  /** Undefined until open(), and if the system has no sync for the top. */
  #fileSystem: FileSystemSync | undefined;
  /** Whether the files and their copies leave the system's cache. */
  #leavesCache = false;
  readonly #source: TreeRoot;
  readonly #destination: TreeRoot;
  readonly #settings: TreeSettings;
  readonly #otherFileSystems: ReadonlySet<Place>;
  readonly #waiting: WaitingFolders;
  readonly #smallFiles: SmallFiles;

  constructor(
    { source, destination, waiting, otherFileSystems }: FilePlaces,
    settings: TreeSettings,
  ) {
    this.#source = source;
    this.#destination = destination;
    this.#settings = settings;
    this.#waiting = waiting;
    this.#smallFiles = new SmallFiles(source, destination, waiting, settings);
    this.#otherFileSystems = otherFileSystems;
  }

  /** Looks at the file system of the destination, whose top exists by now. */
  async open(): Promise<void> {
    this.#fileSystem = await FileSystemSync.of(this.#destination);
    const { dontCache, unbuffered, strategy = 'auto' } = this.#settings.fileOptions;
    if (unbuffered || strategy === 'clone' || strategy === 'offload') return;
    const byDefault = (): Promise<boolean> => mayDrop(() => this.#destination.fileSystemType());
    this.#leavesCache = dontCache === undefined ? await byDefault() : dontCache !== false;
    this.#smallFiles.leavesCache = this.#leavesCache;
  }

  /** Makes the files of a file system durable, if the system has a sync that does. */
  async sync(folder?: Place): Promise<void> {
    await this.#fileSystem?.run(folder);
  }

  isSmall(task: Task): boolean {
    const waits = this.#waitsForCommit(task);
    return waits && this.#isCopiedAsOne(task, waits) && task.there?.kind !== 'folder';
  }

  writeSmallFiles(tasks: readonly Task[]): Promise<(CopiedFile | undefined)[]> {
    return this.#smallFiles.copy(tasks);
  }

  /** Whether one operation may copy a file. */
  #isCopiedAsOne({ entry, there }: Task, waits: boolean): boolean {
    const { eachByCopy, fileOptions } = this.#settings;
    // Nothing else makes the content durable before the file has its name.
    const needsOwnSync = this.#fileSystem !== undefined && !waits;
    const keepsAccess = fileOptions.keepAccess === true && there?.kind === 'file';
    if (eachByCopy || needsOwnSync || keepsAccess) return false;
    return entry.size <= (waits ? smallFileMax : unsyncedMax);
  }

  async writeFile(task: Task, onProgress: FileCopyOptions['onProgress']): Promise<CopiedFile> {
    const mayWait = this.#waitsForCommit(task);
    const hold = mayWait ? await this.#waiting.hold(folderOf(task.entry.place)) : undefined;
    if (hold === undefined) return this.#writeFile(task, false, onProgress);
    let copied: CopiedFile | undefined;
    try {
      copied = await this.#writeFile(task, true, onProgress);
      return { ...copied, hold };
    } finally {
      if (copied?.unnamed === undefined) hold.release();
    }
  }

  /** @param waits whether the file waits for its name in a folder that is locked */
  #writeFile(
    task: Task,
    waits: boolean,
    onProgress: FileCopyOptions['onProgress'],
  ): Promise<CopiedFile> {
    const { fileOptions, metadata } = this.#settings;
    const isInPlace = fileOptions.atomic === false;
    const isSmall = this.#isCopiedAsOne(task, waits);
    return this.#source.spot(task.entry.place, (source) =>
      this.#destination.spot(madeAt(task), async (destination) => {
        const ends = { leaveUnnamed: waits, isLocked: waits, leavesCache: this.#leavesCache };
        const small = isSmall ? await this.#tryAsOne(source, destination, ends) : null;
        if (small !== null) return small;
        if (isInPlace) await makeWritable(task, destination);
        const options = { ...this.#optionsFor(task, waits), onProgress };
        const how = { metadata, endsLater: waits, readsUncached: this.#leavesCache };
        const copied = await copyInTree(source, destination, options, how);
        return { ...copied, isInPlace: waits && copied.unnamed === undefined };
      }),
    );
  }

  // Small copies that are synced together leave the cache when they get their names: with the
  // option each would be sent to the disk by itself.
  #optionsFor({ entry }: Task, waits: boolean): FileCopyOptions {
    const { fileOptions } = this.#settings;
    const leavesNow = this.#leavesCache && !(waits && entry.size <= smallFileMax);
    return leavesNow ? { dontCache: 'prefer', ...fileOptions } : fileOptions;
  }

  /** Whether a new file is renamed in a group. */
  #waitsForCommit({ entry, as }: Task): boolean {
    const { fileOptions, force } = this.#settings;
    if (!this.#fileSystem?.tells || as !== undefined) return false;
    if (fileOptions.resume || !force) return false;
    return !isWithin(entry.place, this.#otherFileSystems);
  }

  /**
   * Copies a file by one operation.
   * @returns null if the file must be copied step by step: the source is being written to, or
   *   another file is mounted over the destination, or another process has a lease on the source,
   *   or a step has failed that may be repeated
   */
  async #tryAsOne(
    source: Spot,
    destination: Spot,
    ends: Pick<SmallFileCopy, 'leaveUnnamed' | 'isLocked' | 'leavesCache'>,
  ): Promise<CopiedFile | null> {
    const { signal, metadata, fileOptions } = this.#settings;
    const { retries = 0, badSectors } = fileOptions;
    try {
      return await copySmallFile({ source, destination, metadata, ...ends, signal });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!isWindows && (code === 'EBUSY' || code === 'EAGAIN')) return null;
      if (isPassing(error) && (retries > 0 || badSectors === 'zero')) return null;
      throw error;
    }
  }

  giveNames(files: readonly Unnamed[]): Promise<boolean[]> {
    return this.#smallFiles.giveNames(files);
  }

  async giveName(task: Task, copied: CopiedFile): Promise<CopiedFile> {
    const { unnamed } = copied;
    const { metadata } = this.#settings;
    if (unnamed === undefined) return giveTimes(task, copied, this.#destination, metadata);
    const fallbacks = new FallbackLog();
    const { place } = task.entry;
    try {
      await this.#destination.spot(place, (spot) =>
        replaceOrOverwrite(unnamed, spot, true, fallbacks),
      );
      copied.hold?.release();
      return { ...copied, fallbacks: [...copied.fallbacks, ...fallbacks.list] };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    // A copy to this place on another machine, which does not see the lock of the folder, may have
    // mistaken the file for a leftover. It is made again, with a sync of its own.
    const again = await this.#source.spot(place, (source) =>
      this.#destination.spot(place, (destination) =>
        copyInTree(source, destination, this.#optionsFor(task, false), {
          ...{ metadata, endsLater: false, readsUncached: this.#leavesCache },
        }),
      ),
    );
    copied.hold?.release();
    return again;
  }

  async removeUnnamed(task: Task, { unnamed, hold }: CopiedFile): Promise<void> {
    try {
      await this.#destination.spot(task.entry.place, ({ directory, name }) =>
        unlinkIfThere(directory, unnamed ?? name),
      );
    } finally {
      if (unnamed !== undefined) hold?.release();
    }
  }
}

/** Prepares a destination to be written in place: removes a link, makes a file writable. */
async function makeWritable({ there }: Task, { directory, name }: Spot): Promise<void> {
  if (there?.kind === 'link') await directory.unlink(name);
  const isReadOnly = there?.kind === 'file' && (there.mode & ownerMayWrite) === 0;
  if (isReadOnly) await directory.chmod(name, there.mode | ownerMayWrite);
}

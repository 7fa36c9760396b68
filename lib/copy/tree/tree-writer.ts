import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import type { EntryName } from '../../handle/entry-name.js';
import { systemErrorOf } from '../../node/errors.js';
import { nodePromises } from '../../node/node-fs.js';
import { folderOf as folderOfPath, renameOver, replaceWith } from '../destination.js';
import type { FileCopyOptions } from '../file-copy-options.js';
import type { MetadataPart, MetadataParts } from '../metadata.js';
import { temporaryName } from '../temporary-name.js';
import { removeLeftOver, unlinkIfThere } from '../unfinished.js';
import type { CopiedFile } from './copy-small-file.js';
import type { TreeSettings } from './copy-tree-options.js';
import { FileSystemKind } from './file-system-kind.js';
import { FileWriter } from './file-writer.js';
import { alikeInXattrs, type KeptXattrs, keepXattrs } from './keep-xattrs.js';
import { KnownEntries } from './known-entries.js';
import { makeLink } from './make-link.js';
import { makeNode } from './make-node.js';
import { OwnFolders } from './own-folders.js';
import { overridesModes } from './privileges.js';
import type { Unnamed } from './small-files.js';
import type { TreeActions } from './tree-actions.js';
import { isNode, type TreeEntry } from './tree-entry.js';
import {
  earlyChangesOf,
  keepMetadata,
  keepMetadataOfNew,
  mayGiveAway,
  type TreePair,
} from './tree-metadata.js';
import { folderOf, nameOf, type Place, placeIn } from './tree-place.js';
import { madeAt, type NameTask, type Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';
import { WaitingFolders } from './waiting-folders.js';

const isWindows = process.platform === 'win32';
const ownerMayAll = 0o700;
const permissions = 0o777;

/** Other file systems that are mounted in a tree. */
export interface Mounts {
  /** Folders on these file systems. */
  folders: ReadonlySet<Place>;
  /** Folders that they are mounted on. */
  points: readonly Place[];
}

/**
 * Makes the entries of the destination, each under a temporary name that is renamed when the entry
 * is complete.
 */
export class TreeWriter implements TreeActions {
  readonly #source: TreeRoot;
  readonly #destination: TreeRoot;
  readonly #settings: TreeSettings;
  /** Original modes of destination folders that were made writable. */
  readonly #opened = new Map<Place, number>();
  /** New folders of the destination. */
  readonly #own: OwnFolders;
  readonly #known: KnownEntries;
  readonly #waiting: WaitingFolders;
  readonly #mounts: Mounts;
  readonly #overridesModes = overridesModes();
  readonly #files: FileWriter;

  constructor(source: TreeRoot, destination: TreeRoot, settings: TreeSettings, mounts: Mounts) {
    this.#source = source;
    this.#destination = destination;
    const kind = new FileSystemKind(destination);
    this.#own = new OwnFolders(destination, kind);
    this.#known = new KnownEntries(destination, kind, mounts.folders);
    destination.checkFolder = (place, directory) => this.#own.check(place, directory);
    this.#settings = settings;
    this.#waiting = new WaitingFolders(destination);
    this.#mounts = mounts;
    const otherFileSystems = mounts.folders;
    const trees = { source, destination, waiting: this.#waiting, otherFileSystems };
    this.#files = new FileWriter(trees, settings);
  }

  /** Makes a folder that can be written to until finishFolder(). @returns whether it is new */
  async makeFolder(task: Task): Promise<boolean> {
    const isNew = await this.#makeFolder(task);
    const { place } = task.entry;
    if (place === '') await this.#files.open();
    return isNew;
  }

  async #makeFolder({ entry, there }: Task): Promise<boolean> {
    const { place } = entry;
    if (there?.kind === 'folder') {
      const mode = await this.#closeToOthers(entry, there);
      await this.openFolder({ place, mode });
      return false;
    }
    if (place === '') return makeTop(this.#destination);
    return this.#destination.beside(place, async (directory, name) => {
      const folder = name as EntryName;
      if (there !== undefined) await directory.unlink(folder);
      try {
        // Until the folder has its owner and mode, nobody else may look into it.
        await directory.mkdir(folder, ownerMayAll);
        this.#own.add(place);
        return true;
      } catch (error) {
        // Another process has made the folder since the destination was walked.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        if ((await directory.lstat(folder)).isDirectory()) return false;
        throw error;
      }
    });
  }

  /**
   * Takes rights to an existing folder from users who do not have them in the source, before
   * anything is copied into it. @returns the mode that the folder has by now
   */
  async #closeToOthers(entry: TreeEntry, there: TreeEntry): Promise<number> {
    const early = earlyChangesOf(entry, there, this.#settings.metadata);
    if (early === undefined) return there.mode;
    const refused = await this.#keep({ entry, there }, early.parts, early.mode);
    return refused.includes('mode') ? there.mode : early.mode;
  }

  /** Sets a folder's own metadata once it is complete. @returns refused parts */
  async finishFolder(task: Task): Promise<MetadataPart[]> {
    const { place, mode } = task.entry;
    const { metadata } = this.#settings;
    // Without the source's mode, a new folder gets the one that it would have had without a copy.
    const isUsual = metadata.mode === undefined && task.there?.kind !== 'folder';
    const refused = isUsual
      ? await this.#keep(task, { ...metadata, mode: 'must' }, mode & permissions & ~process.umask())
      : await this.keepMetadata(task);
    this.#own.delete(place);
    if (metadata.mode && !refused.includes('mode')) this.#opened.delete(place);
    return refused;
  }

  /** Restores the modes of folders that were made writable and got no new mode. */
  async closeFolders(onError: (place: Place, error: unknown) => void): Promise<void> {
    // A folder precedes its entries here.
    for (const [place, mode] of [...this.#opened].reverse()) {
      await this.#destination
        .beside(place, (directory, name) => directory.chmod(name, mode))
        .catch((error: unknown) => onError(place, error));
    }
  }

  /** @returns refused parts of its metadata */
  async writeLink(task: Task): Promise<MetadataPart[]> {
    const { entry } = task;
    return this.#complete(madeAt(task), async (directory, temporary) => {
      await this.#source.spot(entry.place, (from) =>
        isNode(entry.kind)
          ? makeNode(from, entry, directory, temporary)
          : makeLink(from, entry.target as Buffer, directory, temporary),
      );
      const link = { directory, name: temporary };
      return keepMetadataOfNew(link, entry, this.#settings.metadata, this.#known);
    });
  }

  isSmall(task: Task): boolean {
    return this.#files.isSmall(task);
  }

  writeSmallFiles(tasks: readonly Task[]): Promise<(CopiedFile | undefined)[]> {
    return this.#files.writeSmallFiles(tasks);
  }

  writeFile(task: Task, onProgress: FileCopyOptions['onProgress']): Promise<CopiedFile> {
    return this.#files.writeFile(task, onProgress);
  }

  sync(): Promise<void> {
    return this.#files.sync();
  }

  async syncOthers(): Promise<void> {
    for (const place of this.#mounts.points) {
      // A subvolume of btrfs may have been deleted like a folder.
      if ((await this.#destination.statusIfThere(place)) === undefined) continue;
      await this.#files.sync(place);
    }
  }

  onFull(hurry: () => void): void {
    this.#waiting.onFull = hurry;
  }

  giveNames(files: readonly Unnamed[]): Promise<boolean[]> {
    return this.#files.giveNames(files);
  }

  giveName(task: Task, copied: CopiedFile): Promise<CopiedFile> {
    return this.#files.giveName(task, copied);
  }

  removeUnnamed(task: Task, copied: CopiedFile): Promise<void> {
    return this.#files.removeUnnamed(task, copied);
  }

  /** Makes a hard link to a file that the destination already has. */
  async writeName(task: NameTask): Promise<void> {
    await this.#complete(madeAt(task), (directory, temporary) =>
      this.#destination.beside(task.first.entry.place, (from, name) =>
        from.link(name as EntryName, temporary, { directory }),
      ),
    );
  }

  /** Renames a complete entry to its own place, which is empty by now. */
  async moveIn({ entry, as }: Task): Promise<void> {
    await this.#destination.spot(entry.place, (spot) => renameOver(nameOf(as as Place), spot));
  }

  /** Removes a complete entry that cannot be moved to its place. */
  async discard({ as }: Task): Promise<void> {
    await this.#destination.spot(as as Place, ({ directory, name }) =>
      unlinkIfThere(directory, name),
    );
  }

  /** Sets only the metadata of an existing entry. @returns refused parts */
  keepMetadata(task: Task): Promise<MetadataPart[]> {
    return this.#keep(task, this.#settings.metadata, task.entry.mode);
  }

  #keep(task: Task, parts: MetadataParts, mode: number): Promise<MetadataPart[]> {
    return keepMetadata(this.#trees, task, parts, mode);
  }

  async alikeInXattrs(tasks: readonly Task[]): Promise<ReadonlySet<Task>> {
    const { metadata } = this.#settings;
    if (process.platform !== 'linux' || metadata.xattrs === undefined) return new Set();
    return alikeInXattrs(this.#trees, tasks, this.#settings);
  }

  keepXattrs(task: Task): Promise<KeptXattrs | undefined> {
    const { metadata, signal } = this.#settings;
    return keepXattrs(this.#trees, task, metadata, signal);
  }

  get #trees(): TreePair {
    return { source: this.#source, destination: this.#destination, known: this.#known };
  }

  async takeOver(task: Task): Promise<boolean> {
    const { fileOptions, metadata } = this.#settings;
    const { there } = task;
    if (!(await mayGiveAway(task, this.#destination, this.#known, metadata))) return false;
    // Its former owner may have it open.
    if (fileOptions.atomic === false && there !== undefined) await this.remove(there);
    return true;
  }

  /** Lets the owner of a folder change its entries. */
  async openFolder({ place, mode }: Pick<TreeEntry, 'place' | 'mode'>): Promise<void> {
    const isClosed = (mode & ownerMayAll) !== ownerMayAll && !this.#overridesModes;
    if (!isClosed || isWindows || this.#opened.has(place)) return;
    await this.#destination.beside(place, (directory, name) =>
      directory.chmod(name, mode | ownerMayAll),
    );
    this.#opened.set(place, mode);
  }

  /** Removes one entry; a folder must be empty. */
  async remove(entry: TreeEntry): Promise<void> {
    const { place, kind } = entry;
    this.#opened.delete(place);
    if (kind === 'folder') await this.#destination.forget(place);
    await this.#destination.spot(place, ({ directory, name }) =>
      this.#known.remove({ directory, name, place }, entry),
    );
  }

  /** Removes a leftover of a killed copy; a file of a running copy stays. */
  async removeLeftOver({ place }: TreeEntry): Promise<void> {
    await this.#destination.spot(place, async ({ directory, name }) =>
      removeLeftOver(directory, name, { isFree: await this.#waiting.isFree(directory) }),
    );
  }

  /**
   * Refuses to replace an entry of another name, where the file system treats both names as one.
   * @throws EEXIST
   */
  async checkName(place: Place): Promise<void> {
    if ((await this.#destination.statusIfThere(place)) === undefined) return;
    const folder = folderOf(place);
    const names = await this.#destination.within(folder, (directory) =>
      directory.readdir('buffer'),
    );
    if (names.some((name) => placeIn(folder, name) === place)) return;
    const subject = { syscall: 'copyTree', path: this.#destination.show(place) };
    throw systemErrorOf(
      'EEXIST',
      subject,
      'the file system takes its name for that of another file',
    );
  }

  temporaryBeside(place: Place): Place {
    return placeIn(folderOf(place), Buffer.from(temporaryName()));
  }

  async #complete<T>(
    place: Place,
    make: (directory: DirectoryHandle, temporary: EntryName) => Promise<T>,
  ): Promise<T> {
    const temporary = temporaryName();
    return this.#destination.spot(place, async (spot) => {
      try {
        const made = await make(spot.directory, temporary);
        await replaceWith(temporary, spot);
        return made;
      } catch (error) {
        // The first error is the one reported.
        await unlinkIfThere(spot.directory, temporary).catch(() => {});
        throw error;
      }
    });
  }
}

/** Makes the top. Folders above it are not part of the tree, and get the usual mode. */
async function makeTop(destination: TreeRoot): Promise<boolean> {
  const path = destination.at('');
  try {
    await nodePromises.mkdir(path, ownerMayAll);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      await destination.open();
      return false;
    }
    if (code !== 'ENOENT') throw error;
    await nodePromises.mkdir(folderOfPath(path), { recursive: true });
    await nodePromises.mkdir(path, ownerMayAll);
  }
  await destination.open();
  return true;
}

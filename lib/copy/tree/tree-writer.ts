import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import type { EntryName } from '../../handle/entry-name.js';
import { systemErrorOf } from '../../node/errors.js';
import { nodePromises } from '../../node/node-fs.js';
import { folderOf as folderOfPath, renameOver, replaceWith } from '../destination.js';
import { FallbackLog } from '../fallbacks.js';
import { copyInTree } from '../file-copy.js';
import type { FileCopyOptions } from '../file-copy-options.js';
import type { MetadataPart } from '../metadata.js';
import { isPassing } from '../read-faults.js';
import { replaceOrOverwrite } from '../replace.js';
import type { Spot } from '../spot.js';
import { temporaryName } from '../temporary-name.js';
import { removeLeftOver, unlinkIfThere } from '../unfinished.js';
import { type CopiedFile, copySmallFile } from './copy-small-file.js';
import type { TreeSettings } from './copy-tree-options.js';
import { FileSystemSync } from './file-system-sync.js';
import { LiveMarker } from './live-marker.js';
import { makeLink } from './make-link.js';
import { makeNode } from './make-node.js';
import { OwnFolders } from './own-folders.js';
import type { TreeActions } from './tree-actions.js';
import { isNode, type TreeEntry } from './tree-entry.js';
import { giveTimes, keepMetadata, keepMetadataOfName, mayGiveAway } from './tree-metadata.js';
import { folderOf, nameOf, type Place, placeIn } from './tree-place.js';
import { isWithin, madeAt, type NameTask, type Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';

const isWindows = process.platform === 'win32';
/** Files of up to this many bytes are copied by one operation. */
const smallFileMax = 256 * 1024;
const ownerMayAll = 0o700;
const ownerMayWrite = 0o200;
const permissions = 0o777;

/**
 * Makes the entries of the destination, each under a temporary name that is renamed when the entry
 * is complete.
 */
export class TreeWriter implements TreeActions {
  readonly #source: TreeRoot;
  readonly #destination: TreeRoot;
  readonly #settings: TreeSettings;
  /** Undefined until the top exists, and if the system has no sync for it. */
  #fileSystem: FileSystemSync | undefined;
  /** Folders of the destination on other file systems than its top. */
  readonly #otherFileSystems: ReadonlySet<Place>;
  /** Original modes of destination folders that were made writable. */
  readonly #opened = new Map<Place, number>();
  /** New folders of the destination. */
  readonly #own: OwnFolders;
  /** Shown while complete files wait for their names, since those are not locked. */
  readonly #marker: LiveMarker;

  constructor(
    source: TreeRoot,
    destination: TreeRoot,
    settings: TreeSettings,
    otherFileSystems: ReadonlySet<Place>,
  ) {
    this.#source = source;
    this.#destination = destination;
    this.#own = new OwnFolders(destination);
    destination.checkFolder = (place, directory) => this.#own.check(place, directory);
    this.#marker = new LiveMarker(destination);
    this.#settings = settings;
    this.#otherFileSystems = otherFileSystems;
  }

  /** Makes a folder that can be written to until finishFolder(). @returns whether it is new */
  async makeFolder(task: Task): Promise<boolean> {
    const isNew = await this.#makeFolder(task);
    const { place } = task.entry;
    if (place === '') this.#fileSystem = await FileSystemSync.open(this.#destination.at(place));
    return isNew;
  }

  async #makeFolder({ entry, there }: Task): Promise<boolean> {
    const { place } = entry;
    if (there?.kind === 'folder') {
      await this.openFolder(there);
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

  /** Sets a folder's own metadata once it is complete. @returns refused parts */
  async finishFolder(task: Task): Promise<MetadataPart[]> {
    const { place, mode } = task.entry;
    const { metadata } = this.#settings;
    this.#own.delete(place);
    if (place === '') await this.#marker.remove();
    const refused = await this.keepMetadata(task);
    if (metadata.mode && !refused.includes('mode')) this.#opened.delete(place);
    const isNew = task.there?.kind !== 'folder';
    if (!metadata.mode && isNew && !isWindows) {
      await this.#destination.beside(place, (directory, name) =>
        directory.chmod(name, mode & permissions & ~process.umask()),
      );
    }
    return refused;
  }

  /** Restores the modes of folders that were made writable and got no new mode. */
  async closeFolders(onError: (place: Place, error: unknown) => void): Promise<void> {
    await this.#marker.remove();
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
      return keepMetadataOfName(directory, temporary, entry, this.#settings.metadata);
    });
  }

  async writeFile(task: Task, onProgress: FileCopyOptions['onProgress']): Promise<CopiedFile> {
    const { fileOptions, metadata, eachByCopy } = this.#settings;
    const waits = this.#waitsForCommit(task);
    if (waits) await this.#marker.show();
    const isInPlace = fileOptions.atomic === false;
    const needsOwnSync = this.#fileSystem?.tells === false;
    const keepsAccess = fileOptions.keepAccess === true && task.there?.kind === 'file';
    const mustCopy = eachByCopy || needsOwnSync || keepsAccess;
    const isSmall = task.entry.size <= smallFileMax && !mustCopy;
    return this.#source.spot(task.entry.place, (source) =>
      this.#destination.spot(madeAt(task), async (destination) => {
        const small = isSmall ? await this.#tryAsOne(source, destination, waits) : null;
        if (small !== null) return small;
        if (isInPlace) await makeWritable(task, destination);
        const options = { ...fileOptions, onProgress };
        const how = { metadata, endsLater: waits };
        const copied = await copyInTree(source, destination, options, how);
        return { ...copied, isInPlace: waits && copied.unnamed === undefined };
      }),
    );
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
    leaveUnnamed: boolean,
  ): Promise<CopiedFile | null> {
    const { signal, metadata, fileOptions } = this.#settings;
    const { retries = 0, badSectors } = fileOptions;
    try {
      return await copySmallFile({ source, destination, metadata, leaveUnnamed, signal });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!isWindows && (code === 'EBUSY' || code === 'EAGAIN')) return null;
      if (isPassing(error) && (retries > 0 || badSectors === 'zero')) return null;
      throw error;
    }
  }

  async sync(): Promise<void> {
    await this.#fileSystem?.run();
  }

  async giveName(task: Task, copied: CopiedFile): Promise<CopiedFile> {
    const { unnamed } = copied;
    const { fileOptions, metadata } = this.#settings;
    if (unnamed === undefined) return giveTimes(task, copied, this.#destination, metadata);
    const fallbacks = new FallbackLog();
    const { place } = task.entry;
    try {
      await this.#destination.spot(place, (spot) =>
        replaceOrOverwrite(unnamed, spot, true, fallbacks),
      );
      return { ...copied, fallbacks: [...copied.fallbacks, ...fallbacks.list] };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    // No lock protects the file while it waits, so another copy to this place may have mistaken it
    // for a leftover. It is made again, with a sync of its own.
    return this.#source.spot(place, (source) =>
      this.#destination.spot(place, (destination) =>
        copyInTree(source, destination, fileOptions, { metadata, endsLater: false }),
      ),
    );
  }

  async removeUnnamed(task: Task, { unnamed }: CopiedFile): Promise<void> {
    await this.#destination.spot(task.entry.place, ({ directory, name }) =>
      unlinkIfThere(directory, unnamed ?? name),
    );
  }

  async close(): Promise<void> {
    await this.#fileSystem?.close();
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
    const { place, kind } = task.entry;
    const { metadata } = this.#settings;
    if (kind === 'link') {
      return this.#destination.spot(place, ({ directory, name }) =>
        keepMetadataOfName(directory, name, task.entry, metadata),
      );
    }
    const trees = { source: this.#source, destination: this.#destination };
    return keepMetadata(trees, task, metadata);
  }

  async takeOver(task: Task): Promise<boolean> {
    const { fileOptions, metadata } = this.#settings;
    if (!(await mayGiveAway(task, this.#destination, metadata))) return false;
    // Its former owner may have it open.
    if (fileOptions.atomic === false) await this.remove(task.entry);
    return true;
  }

  /** Lets the owner of a folder change its entries. Root needs no permission. */
  async openFolder({ place, mode }: TreeEntry): Promise<void> {
    const isClosed = (mode & ownerMayAll) !== ownerMayAll && process.geteuid?.() !== 0;
    if (!isClosed || isWindows || this.#opened.has(place)) return;
    await this.#destination.beside(place, (directory, name) =>
      directory.chmod(name, mode | ownerMayAll),
    );
    this.#opened.set(place, mode);
  }

  /** Removes one entry; a folder must be empty. */
  async remove({ place, kind }: TreeEntry): Promise<void> {
    this.#opened.delete(place);
    if (kind === 'folder') await this.#destination.forget(place);
    await this.#destination.spot(place, ({ directory, name }) =>
      kind === 'folder' ? directory.rmdir(name) : directory.unlink(name),
    );
  }

  /** Removes a leftover of a killed copy; a file of a running copy stays. */
  async removeLeftOver({ place }: TreeEntry): Promise<void> {
    await this.#destination.spot(place, ({ directory, name }) => removeLeftOver(directory, name));
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

/** Prepares a destination to be written in place: removes a link, makes a file writable. */
async function makeWritable({ there }: Task, { directory, name }: Spot): Promise<void> {
  if (there?.kind === 'link') await directory.unlink(name);
  const isReadOnly = there?.kind === 'file' && (there.mode & ownerMayWrite) === 0;
  if (isReadOnly) await directory.chmod(name, there.mode | ownerMayWrite);
}

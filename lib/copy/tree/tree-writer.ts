import { lstat } from '../../functions/status.js';
import { systemErrorOf } from '../../node/errors.js';
import { nodePromises } from '../../node/node-fs.js';
import {
  removeIfThere,
  renameOver,
  replaceWith,
  type SystemPath,
  statIfThere,
} from '../destination.js';
import { copyInTree } from '../file-copy.js';
import type { FileCopyOptions } from '../file-copy-options.js';
import type { MetadataPart } from '../metadata.js';
import { temporaryName } from '../temporary-name.js';
import { type CopiedFile, copySmallFile } from './copy-small-file.js';
import type { TreeSettings } from './copy-tree-options.js';
import { makeLink } from './make-link.js';
import type { TreeActions } from './tree-actions.js';
import { keepLinkMetadata, keepMetadata } from './tree-metadata.js';
import { madeAt, type NameTask, type Task } from './tree-plan.js';
import { folderOf, type Place, placeIn, type TreeRoot } from './tree-root.js';
import type { TreeEntry } from './tree-walk.js';

const isWindows = process.platform === 'win32';
/** Files of up to this many bytes are copied by one operation. */
const smallFileMax = 256 * 1024;
const ownerMayAll = 0o700;
const ownerMayWrite = 0o200;

/**
 * Makes things in the destination: each complete under a temporary name first, then under its own,
 * so that none is ever half there.
 */
export class TreeWriter implements TreeActions {
  readonly #source: TreeRoot;
  readonly #destination: TreeRoot;
  readonly #settings: TreeSettings;
  /** Modes of folders of the destination that its owner could not write to. */
  readonly #opened = new Map<Place, number>();

  constructor(source: TreeRoot, destination: TreeRoot, settings: TreeSettings) {
    this.#source = source;
    this.#destination = destination;
    this.#settings = settings;
  }

  /** A folder that can be written to until finishFolder(). @returns whether it is new */
  async makeFolder({ entry, there }: Task): Promise<boolean> {
    const path = this.#destination.at(entry.place);
    if (there?.kind === 'folder') {
      await this.openFolder({ ...there, place: entry.place });
      return false;
    }
    if (there !== undefined) {
      await nodePromises.unlink(path);
    }
    const { mode } = this.#settings.metadata;
    try {
      // The folders above the top are no part of the tree, and get the usual mode.
      if (entry.place === '') await nodePromises.mkdir(path, { recursive: true });
      else await nodePromises.mkdir(path, mode ? ownerMayAll : entry.mode | ownerMayAll);
      return true;
    } catch (error) {
      // Somebody else has made it since the destination was looked at.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if ((await lstat(path)).isDirectory()) return false;
      throw error;
    }
  }

  /** Gives a folder its own metadata, when nothing more is put into it. @returns what is refused */
  async finishFolder(task: Task): Promise<MetadataPart[]> {
    const refused = await this.keepMetadata(task);
    const hasMode = this.#settings.metadata.mode && !refused.includes('mode');
    if (hasMode) this.#opened.delete(task.entry.place);
    return refused;
  }

  /** Gives folders that were opened, and did not get another mode, the one that they had. */
  async closeFolders(onError: (place: Place, error: unknown) => void): Promise<void> {
    // What is in a folder comes after it.
    for (const [place, mode] of [...this.#opened].reverse()) {
      const path = this.#destination.at(place);
      await nodePromises.chmod(path, mode).catch((error: unknown) => onError(place, error));
    }
  }

  /** @returns what of its metadata is refused */
  async writeLink(task: Task): Promise<MetadataPart[]> {
    const { entry } = task;
    return this.#complete(madeAt(task), async (temporary) => {
      await makeLink(this.#source.at(entry.place), entry, temporary);
      return keepLinkMetadata(temporary, entry, this.#settings.metadata);
    });
  }

  async writeFile(task: Task, onProgress: FileCopyOptions['onProgress']): Promise<CopiedFile> {
    const { fileOptions, metadata, eachByCopy } = this.#settings;
    if (task.entry.size <= smallFileMax && !eachByCopy) {
      const copied = await this.#tryAsOne(task);
      if (copied !== null) return copied;
    }
    const path = this.#destination.at(madeAt(task));
    if (fileOptions.atomic === false) await this.#openWay(task, path);
    const from = this.#source.at(task.entry.place);
    return copyInTree(from, path, { ...fileOptions, onProgress }, metadata);
  }

  /**
   * Copies a file by one operation.
   * @returns null where that has to be done step by step: somebody writes to the source, or another
   *   file is mounted over the destination
   */
  async #tryAsOne(task: Task): Promise<CopiedFile | null> {
    const { signal, metadata } = this.#settings;
    const place = madeAt(task);
    try {
      return await copySmallFile({
        source: this.#source.at(task.entry.place),
        temporary: this.#destination.at(this.temporaryBeside(place)),
        destination: this.#destination.at(place),
        metadata,
        signal,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EBUSY' && !isWindows) return null;
      throw error;
    }
  }

  /** Makes what is there such that it can be written to, and nothing else is. */
  async #openWay({ there }: Task, path: SystemPath): Promise<void> {
    if (there?.kind === 'link') await nodePromises.unlink(path);
    const isReadOnly = there?.kind === 'file' && (there.mode & ownerMayWrite) === 0;
    if (isReadOnly) await nodePromises.chmod(path, there.mode | ownerMayWrite);
  }

  /** Another name of what is in the destination already. */
  async writeName(task: NameTask): Promise<void> {
    const path = this.#destination.at(task.first.entry.place);
    await this.#complete(madeAt(task), (temporary) => nodePromises.link(path, temporary));
  }

  /** Gives what has been made its place, where there is nothing any more. */
  async moveIn({ entry, as }: Task): Promise<void> {
    await renameOver(this.#destination.at(as as Place), this.#destination.at(entry.place));
  }

  /** Removes what has been made and cannot be moved in. */
  async discard({ as }: Task): Promise<void> {
    await removeIfThere(this.#destination.at(as as Place));
  }

  /** Of what is there, metadata alone. @returns what is refused */
  keepMetadata(task: Task): Promise<MetadataPart[]> {
    const { place, kind } = task.entry;
    const { metadata } = this.#settings;
    const path = this.#destination.at(place);
    if (kind === 'link') return keepLinkMetadata(path, task.entry, metadata);
    return keepMetadata(this.#source.at(place), path, task, metadata);
  }

  /** Lets the owner of a folder remove what is in it. */
  async openFolder({ place, mode }: TreeEntry): Promise<void> {
    // Root needs no permission.
    const isClosed = (mode & ownerMayAll) !== ownerMayAll && process.geteuid?.() !== 0;
    if (!isClosed || isWindows || this.#opened.has(place)) return;
    await nodePromises.chmod(this.#destination.at(place), mode | ownerMayAll);
    this.#opened.set(place, mode);
  }

  /** Removes one entry; a folder must be empty. */
  async remove(entry: TreeEntry): Promise<void> {
    const path = this.#destination.at(entry.place);
    this.#opened.delete(entry.place);
    await (entry.kind === 'folder' ? nodePromises.rmdir(path) : nodePromises.unlink(path));
  }

  /**
   * Refuses what would replace something of another name, since the file system takes both names
   * for one. @throws EEXIST
   */
  async checkName(place: Place): Promise<void> {
    const path = this.#destination.at(place);
    if ((await statIfThere(path, true)) === undefined) return;
    const folder = folderOf(place);
    const names = await nodePromises.readdir(this.#destination.at(folder), { encoding: 'buffer' });
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

  async #complete<T>(place: Place, make: (temporary: SystemPath) => Promise<T>): Promise<T> {
    const temporary = this.#destination.at(this.temporaryBeside(place));
    try {
      const made = await make(temporary);
      await replaceWith(temporary, this.#destination.at(place));
      return made;
    } catch (error) {
      // The error that counts is the first one.
      await removeIfThere(temporary).catch(() => {});
      throw error;
    }
  }
}

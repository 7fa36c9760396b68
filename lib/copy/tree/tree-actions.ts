import type { FileCopyOptions } from '../file-copy-options.js';
import type { MetadataPart } from '../metadata.js';
import type { CopiedFile } from './copy-small-file.js';
import type { KeptXattrs } from './keep-xattrs.js';
import type { Unnamed } from './small-files.js';
import type { TreeEntry } from './tree-entry.js';
import type { Place } from './tree-place.js';
import type { NameTask, Task } from './tree-plan.js';

/**
 * Actions of a tree copy on its destination. `TreeWriter` performs them; `TreeRehearsal` only
 * returns their results, so that a dry run takes the same steps.
 */
export interface TreeActions {
  /** Makes a folder that can be written to until finishFolder(). @returns whether it is new */
  makeFolder(task: Task): Promise<boolean>;
  /** Lets the owner of an existing folder change its entries. */
  openFolder(entry: TreeEntry): Promise<void>;
  /** Sets a folder's own metadata once it is complete. @returns refused parts */
  finishFolder(task: Task): Promise<MetadataPart[]>;
  /** Restores the modes of folders that were opened for writing and got no new mode. */
  closeFolders(onError: (place: Place, error: unknown) => void): Promise<void>;
  /** Copies a file of any size. */
  writeFile(task: Task, onProgress: FileCopyOptions['onProgress']): Promise<CopiedFile>;
  /** Whether writeSmallFiles() may copy a file. Such a file may always replace what is there. */
  isSmall(task: Task): boolean;
  /**
   * Copies small files of one folder, each to a temporary name.
   * @returns for each task its file; undefined if writeFile() must copy it
   */
  writeSmallFiles(tasks: readonly Task[]): Promise<(CopiedFile | undefined)[]>;
  /** Makes a symbolic link, a FIFO or a device. @returns refused parts of its metadata */
  writeLink(task: Task): Promise<MetadataPart[]>;
  /** Makes a hard link to a file that the destination has. */
  writeName(task: NameTask): Promise<void>;
  /** Sets only the metadata of an existing entry. @returns refused parts */
  keepMetadata(task: Task): Promise<MetadataPart[]>;
  /**
   * Finds unchanged files that need no keepXattrs(), because their extended attributes are those of
   * their sources.
   */
  alikeInXattrs(tasks: readonly Task[]): Promise<ReadonlySet<Task>>;
  /** Keeps the extended attributes of an unchanged file, if they are part of the metadata. */
  keepXattrs(task: Task): Promise<KeptXattrs | undefined>;
  /**
   * Prepares an existing file, which may have content of others, for being copied again. One that
   * would be written in place is removed.
   * @returns false if owners are refused, so that nobody gets more rights by its content
   */
  takeOver(task: Task): Promise<boolean>;
  /** Removes one entry; a folder must be empty. */
  remove(entry: TreeEntry): Promise<void>;
  /** Removes leftovers of a killed copy, except those that another process works on. */
  removeLeftOver(entry: TreeEntry): Promise<void>;
  /** Makes everything written durable. @throws EIO, ENOSPC, … if some of it is lost */
  sync(): Promise<void>;
  /** Makes other file systems durable that are mounted in the destination. @throws like sync() */
  syncOthers(): Promise<void>;
  /** Sets a function that is called when a file must wait until others have got their names. */
  onFull(hurry: () => void): void;
  /** Renames a file that waited for a group commit, or gives it its times. @returns its result */
  giveName(task: Task, copied: CopiedFile): Promise<CopiedFile>;
  /** Renames files of one folder like giveName(). @returns for each file whether it has its name */
  giveNames(files: readonly Unnamed[]): Promise<boolean[]>;
  /** Removes a file that waits for a group commit. */
  removeUnnamed(task: Task, copied: CopiedFile): Promise<void>;
  /** Moves the entry made at `task.as` to its own place, which is empty by now. */
  moveIn(task: Task): Promise<void>;
  /** Removes the entry made at `task.as`. */
  discard(task: Task): Promise<void>;
  /** Returns a place for an unfinished entry in the same folder. */
  temporaryBeside(place: Place): Place;
  /**
   * Refuses a name that the file system takes for that of another entry.
   * @throws EEXIST
   */
  checkName(place: Place): Promise<void>;
}

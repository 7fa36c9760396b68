import type { CopyFallback } from '../fallbacks.js';
import type { FileCopyOptions } from '../file-copy-options.js';
import type { MetadataPart } from '../metadata.js';
import type { CopiedFile } from './copy-small-file.js';
import type { Place } from './tree-place.js';
import type { NameTask, Task } from './tree-plan.js';
import type { TreeEntry } from './tree-walk.js';

/**
 * What a copy of a tree does to its destination. `TreeWriter` does it, and `TreeRehearsal` only
 * says what would come of it, so that a dry run takes the very same steps.
 */
export interface TreeActions {
  /** Makes a folder that can be written to until finishFolder(). @returns whether it is new */
  makeFolder(task: Task): Promise<boolean>;
  /** Lets the owner of an existing folder change what is in it. */
  openFolder(entry: TreeEntry): Promise<void>;
  /** Gives a folder its own metadata once nothing more is put into it. @returns refused parts */
  finishFolder(task: Task): Promise<MetadataPart[]>;
  /** Restores the modes of folders that were opened for writing and got no new mode. */
  closeFolders(onError: (place: Place, error: unknown) => void): Promise<void>;
  /** Copies a file of any size. */
  writeFile(task: Task, onProgress: FileCopyOptions['onProgress']): Promise<CopiedFile>;
  /** Makes a symbolic link. @returns refused parts of its metadata */
  writeLink(task: Task): Promise<MetadataPart[]>;
  /** Makes another name of a file that the destination has. */
  writeName(task: NameTask): Promise<void>;
  /** Sets the metadata alone of what is there. @returns refused parts */
  keepMetadata(task: Task): Promise<MetadataPart[]>;
  /** Removes one entry; a folder must be empty. */
  remove(entry: TreeEntry): Promise<void>;
  /** Removes what a killed copy has left, and leaves what another process works on. */
  removeLeftOver(entry: TreeEntry): Promise<void>;
  /** Makes everything that was written durable. @throws EIO, ENOSPC, …: some of it is lost */
  sync(): Promise<void>;
  /** Gives a file that waited for a group commit its name. @returns refused steps */
  giveName(task: Task, copied: CopiedFile): Promise<readonly CopyFallback[]>;
  /** Removes a file that waits for a group commit. */
  removeUnnamed(task: Task, copied: CopiedFile): Promise<void>;
  /** Lets go of the destination. */
  close(): Promise<void>;
  /** Moves what was made at `task.as` to its own place, which is empty by now. */
  moveIn(task: Task): Promise<void>;
  /** Removes what was made at `task.as`. */
  discard(task: Task): Promise<void>;
  /** A place beside this one for something unfinished. */
  temporaryBeside(place: Place): Place;
  /**
   * Refuses a name that the file system takes for that of another entry.
   * @throws EEXIST
   */
  checkName(place: Place): Promise<void>;
}

import type { DirectoryHandle } from '../file-handle/directory-handle.js';
import type { EntryName } from '../handle/entry-name.js';

/** A path as the system takes it: its bytes need not be UTF-8. */
export type SystemPath = string | Buffer;

/** A name in an open directory, the source or target of a copy even if its path changes. */
export interface Spot {
  readonly directory: DirectoryHandle;
  readonly name: EntryName;
  /** The same as a path, for errors and to find its file system. */
  readonly path: SystemPath;
}

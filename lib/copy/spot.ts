import type { DirectoryHandle } from '../file-handle/directory-handle.js';
import type { EntryName } from '../handle/entry-name.js';

/** A path as the system has it: its bytes need not be UTF-8. */
export type SystemPath = string | Buffer;

/** A name in an open directory, where a copy comes from or goes to, whatever its path becomes. */
export interface Spot {
  readonly directory: DirectoryHandle;
  readonly name: EntryName;
  /** The same as a path, for errors, and on Windows for what only paths reach. */
  readonly path: SystemPath;
}

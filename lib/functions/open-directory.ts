import {
  type DirectoryHandle,
  directoryOf,
  directoryRequest,
} from '../file-handle/directory-handle.js';
import { openParsed } from '../handle/open.js';
import { ownOptions } from '../node/own-options.js';
import { type PathLike, parsePath } from '../node/paths.js';

/** Options of openDirectory(). */
export interface OpenDirectoryOptions {
  /** Aborts the open. */
  signal?: AbortSignal | undefined;
}

/**
 * Opens a directory for operations on the names in it that never follow a link
 * ([openat(2)](https://man7.org/linux/man-pages/man2/openat.2.html), NtCreateFile with a root
 * handle).
 * @param path string, Buffer or file: URL; links in the path itself are followed
 * @throws ENOENT, ENOTDIR, EACCES, …; AbortError
 * @example
 * const directory = await openDirectory('/srv/uploads');
 * for (const name of await directory.readdir()) await directory.chmod(name, 0o600);
 * await directory.close();
 */
export async function openDirectory(
  path: PathLike,
  options: OpenDirectoryOptions = {},
): Promise<DirectoryHandle> {
  const parsed = parsePath(path);
  const core = await openParsed(parsed, directoryRequest(ownOptions(options).signal));
  return directoryOf(core, parsed.shown);
}

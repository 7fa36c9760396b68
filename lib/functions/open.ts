import { FileHandle } from '../file-handle/file-handle.js';
import { openCore, openParsed } from '../handle/open.js';
import { type OpenOptions, parseOpenOptions } from '../handle/open-options.js';
import { type PathLike, parsePath } from '../node/paths.js';

/**
 * Opens a file.
 * @param path string, Buffer or file: URL
 * @param flags Node's, as 'r+', or a number of fs.constants.O_*; default 'r'
 * @param modeOrOptions permission bits of a new file (default 0o666), or options
 * @throws a system error (ENOENT, EACCES, EINVAL where direct I/O is refused, …); AbortError
 */
export async function open(
  path: PathLike,
  flags: string | number | null = 'r',
  modeOrOptions?: number | string | OpenOptions | null,
): Promise<FileHandle> {
  const parsed = parsePath(path);
  return new FileHandle(await openParsed(parsed, parseOpenOptions(flags, modeOrOptions)));
}

/**
 * Cuts or extends a file to a size.
 * @param length bytes; default 0
 * @throws as open(path, 'r+') and then as handle.truncate(length)
 */
export async function truncate(path: PathLike, length = 0): Promise<void> {
  const core = await openCore(path, 'r+');
  try {
    await core.truncate(length);
  } finally {
    await core.close();
  }
}

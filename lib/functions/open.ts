import { FileHandle } from '../file-handle/file-handle.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { openCore, openParsed } from '../handle/open.js';
import { type OpenOptions, parseOpenOptions } from '../handle/open-options.js';
import { type PathLike, parsePath } from '../node/paths.js';

/**
 * Opens a file.
 * @param path string, Buffer or file: URL
 * @param flags a string of Node's, such as 'r+', or fs.constants.O_*; default 'r'
 * @param modeOrOptions permission bits of a new file (default 0o666), or options
 * @throws a system error (ENOENT, EACCES, EINVAL if direct I/O is refused, …); AbortError
 * @example
 * const file = await open('data.bin', 'r+');
 * await file.write(Buffer.from('hello'), { position: 0 });
 * await file.close();
 */
export function open(
  path: PathLike,
  flags: string | number | null = 'r',
  modeOrOptions?: number | string | OpenOptions | null,
): Promise<FileHandle> {
  // An async function would take three more turns of the microtask queue.
  try {
    const parsed = parsePath(path);
    return openParsed(parsed, parseOpenOptions(flags, modeOrOptions), toHandle);
  } catch (error) {
    return Promise.reject(error);
  }
}

function toHandle(core: CoreHandle): FileHandle {
  return new FileHandle(core);
}

/**
 * Truncates or extends a file.
 * @param length new size in bytes; default 0
 * @throws the errors of open(path, 'r+') and handle.truncate(length)
 * @example
 * await truncate('data.bin', 1024);
 */
export async function truncate(path: PathLike, length = 0): Promise<void> {
  const core = await openCore(path, 'r+');
  try {
    await core.truncate(length);
  } finally {
    await core.close();
  }
}

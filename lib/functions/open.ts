import { Opcode } from '../engine/native.js';
import { decodeOpened, type FileHandle } from '../file-handle/file-handle.js';
import { accessFor, openHandle } from '../file-handle/open-handle.js';
import { type OpenOptions, type OpenRequest, parseOpenOptions } from '../handle/open-options.js';
import { type ParsedPath, type PathLike, parsePath } from '../node/paths.js';
import { provideOpen } from '../streams/file-streams.js';

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
  return openParsed(parsePath(path), parseOpenOptions(flags, modeOrOptions));
}

/** @internal Opens what is known to be valid. */
export function openParsed(
  { native, shown }: ParsedPath,
  request: OpenRequest,
): Promise<FileHandle> {
  const submission = {
    opcode: Opcode.open,
    subject: { syscall: 'open', path: shown },
    decode: decodeOpened,
    file: request.options,
    flags: request.flags,
    position: request.preallocate,
    offset: request.mode,
    length: request.attributes,
    object: native,
    signal: request.signal,
  };
  return openHandle(submission, accessFor(request));
}

provideOpen(open);

/**
 * Cuts or extends a file to a size.
 * @param length bytes; default 0
 * @throws as open(path, 'r+') and then as handle.truncate(length)
 */
export async function truncate(path: PathLike, length = 0): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.truncate(length);
  } finally {
    await handle.close();
  }
}

import { getEngine } from '../engine/engine.js';
import { Opcode, OpenOption } from '../engine/native.js';
import type { Request, Subject } from '../engine/operation.js';
import { decodeOpened, FileHandle, type OpenedFile } from '../file-handle/file-handle.js';
import { type Access, accessOf } from '../handle/open-flags.js';
import { type OpenOptions, type OpenRequest, parseOpenOptions } from '../handle/open-options.js';
import { abortError, type SystemError, systemError } from '../node/errors.js';
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
  const access = request.options & OpenOption.attributesOnly ? noAccess : accessOf(request.flags);
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
  return openHandle(submission, access);
}

/** @internal A handle of what an operation opens. */
export async function openHandle(request: Request, access: Access): Promise<FileHandle> {
  const opened = await getEngine()
    .submit<OpenedFile>(request)
    .catch((error) => {
      throw explain(error, request.subject);
    });
  const handle = new FileHandle(opened, access);
  if (request.signal?.aborted) {
    // It was opened before the abort could reach it, and nobody else will close it.
    await handle.close();
    throw abortError(request.signal);
  }
  return handle;
}

const privilegeNotHeld = 1314;
const noAccess = { readable: false, writable: false, append: false };

// Windows has one word for what is denied, and this is not for lack of rights to the file.
function explain(error: SystemError, subject: Subject): Error {
  if (error.win32Error !== privilegeNotHeld) return error;
  const hint = 'backupIntent needs SeBackupPrivilege, and SeRestorePrivilege for writing';
  return systemError(error.errno, subject, error.win32Error, hint);
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

import process from 'node:process';
import type { Completion } from '../engine/completion.js';
import { getEngine } from '../engine/engine.js';
import { OpenOption } from '../engine/opcodes.js';
import { complete, type Request } from '../engine/operation.js';
import { callBack } from '../engine/outcome.js';
import { openAndWrite, openPath, writtenAndClosed } from '../engine/requests.js';
import { abortError, type Subject, type SystemError, systemError } from '../node/errors.js';
import { type ParsedPath, type PathLike, parsePath } from '../node/paths.js';
import { CoreHandle } from './core-handle.js';
import { OpenFile } from './open-file.js';
import { type Access, accessOf } from './open-flags.js';
import { type OpenOptions, type OpenRequest, parseOpenOptions } from './open-options.js';
import { decodeOpened, type OpenedFile } from './opened-file.js';

const noAccess = { readable: false, writable: false, append: false };

/** Returns the access that a request gives. */
export function accessFor({ flags, options }: OpenRequest): Access {
  return options & OpenOption.attributesOnly ? noAccess : accessOf(flags);
}

/** Opens a file like open(), and returns its core. */
export async function openCore(
  path: PathLike,
  flags: string | number | null = 'r',
  modeOrOptions?: number | string | OpenOptions | null,
): Promise<CoreHandle> {
  return openParsed(parsePath(path), parseOpenOptions(flags, modeOrOptions));
}

// Windows explains some errors further.
const isWindows = process.platform === 'win32';

/** Opens a file with validated arguments. */
export function openParsed(path: ParsedPath, request: OpenRequest): Promise<CoreHandle>;
/** @param wrap makes the result from the core; it must not call code of the user */
export function openParsed<T>(
  path: ParsedPath,
  request: OpenRequest,
  wrap: (core: CoreHandle) => T,
): Promise<T>;
export function openParsed<T>(
  path: ParsedPath,
  request: OpenRequest,
  wrap?: (core: CoreHandle) => T,
): Promise<CoreHandle | T> {
  const { flags, mode, options, preallocate, attributes, signal } = request;
  const { native, shown } = path;
  const encoded = openPath({ path: native, flags, mode, options, preallocate, attributes });
  const subject = { syscall: 'open', path: shown };
  const access = accessFor(request);
  if (signal !== undefined || isWindows) {
    const opening = openBy(complete(encoded, subject, decodeOpened, signal), access);
    return wrap === undefined ? opening : opening.then(wrap);
  }
  const decode = (completion: Completion): CoreHandle | T => {
    const core = coreOfOpened(decodeOpened(completion), access);
    return wrap === undefined ? core : wrap(core);
  };
  return getEngine().start(complete(encoded, subject, decode));
}

/**
 * Called with an error, or null and the core of an open file. The core is undefined if the file has
 * been closed again, with all of its FirstBytes.
 */
export type Opened = (error: unknown, core?: CoreHandle, bytesWritten?: number) => void;

/** The bytes that a stream writes as soon as its file is open. */
export interface FirstBytes {
  readonly content: Uint8Array;
  /** Whether the file stays open even if it has taken all bytes. */
  readonly staysOpen: boolean;
}

/**
 * Opens a file for a stream, and calls back outside promise reactions.
 * @param owner object by which the engine can cancel the operation
 * @param first bytes that the operation writes, unless the file is opened in a special way
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; calls back with a system error
 */
export function openForStream(
  path: PathLike,
  how: OpenRequest,
  owner: object,
  opened: Opened,
  first?: FirstBytes,
): void {
  const { flags, mode, options, preallocate, attributes } = how;
  const { native, shown } = parsePath(path);
  const access = accessFor(how);
  if (first !== undefined && !isWindows && options === 0 && access.writable) {
    openWithBytes({ native, shown }, how, owner, opened, first);
    return;
  }
  const encoded = openPath({ path: native, flags, mode, options, preallocate, attributes });
  const subject = { syscall: 'open', path: shown };
  const request = complete(encoded, subject, decodeOpened, undefined, owner);
  const called = (error: unknown, file?: OpenedFile): void => {
    if (error) opened(explain(error as SystemError, subject));
    else opened(null, coreOfOpened(file as OpenedFile, access));
  };
  // The kernel opens no file for writing without waiting.
  if (access.writable) callBack(getEngine().submit<OpenedFile>(request), called);
  else getEngine().call(request, called);
}

interface WrittenFile {
  readonly file: OpenedFile;
  readonly bytes: number;
}

// Returns undefined if the file has been closed.
function decodeWritten(completion: Completion): WrittenFile | undefined {
  if (completion.value === writtenAndClosed) return undefined;
  return { file: decodeOpened(completion), bytes: completion.bytesWritten };
}

const laterSteps = ['write', 'close'];

function openWithBytes(
  { native, shown }: ParsedPath,
  how: OpenRequest,
  owner: object,
  opened: Opened,
  { content, staysOpen }: FirstBytes,
): void {
  const { flags, mode } = how;
  const encoded = openAndWrite({ path: native, flags, mode, content, staysOpen });
  const subject = { syscall: 'open', path: shown, laterSteps };
  const request = complete(encoded, subject, decodeWritten, undefined, owner);
  callBack(getEngine().submit<WrittenFile | undefined>(request), (error, written) => {
    if (error) opened(error);
    else if (written === undefined) opened(null, undefined, content.byteLength);
    else opened(null, coreOfOpened(written.file, accessFor(how)), written.bytes);
  });
}

/** Submits an operation that opens a file, and returns the core of that file. */
export function openBy(request: Request, access: Access): Promise<CoreHandle> {
  return coreOfOpening(getEngine().submit<OpenedFile>(request), request, access);
}

/** Returns the core of the file that an operation opens. */
export async function coreOfOpening(
  opening: Promise<OpenedFile>,
  { subject, signal }: Pick<Request, 'subject' | 'signal'>,
  access: Access,
): Promise<CoreHandle> {
  let core: CoreHandle;
  try {
    core = coreOfOpened(await opening, access);
  } catch (error) {
    throw explain(error as SystemError, subject);
  }
  if (signal?.aborted) {
    // The file was opened before the abort could reach it, and nobody else will close it.
    await core.close();
    throw abortError(signal);
  }
  return core;
}

/** Makes a core for an open file. */
export function coreOfOpened(opened: OpenedFile, access: Access): CoreHandle {
  return new CoreHandle(new OpenFile(opened, access));
}

const privilegeNotHeld = 1314;

// Windows has one code for every denial, and this one does not concern the rights to the file.
function explain(error: SystemError, subject: Subject): Error {
  if (error.win32Error !== privilegeNotHeld) return error;
  const hint = 'backupIntent needs SeBackupPrivilege, and SeRestorePrivilege for writing';
  return systemError(error.errno, subject, error.win32Error, hint);
}

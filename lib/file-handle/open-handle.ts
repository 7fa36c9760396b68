import { getEngine } from '../engine/engine.js';
import { OpenOption } from '../engine/native.js';
import type { Request, Subject } from '../engine/operation.js';
import { type Access, accessOf } from '../handle/open-flags.js';
import type { OpenRequest } from '../handle/open-options.js';
import { abortError, type SystemError, systemError } from '../node/errors.js';
import { FileHandle, type OpenedFile } from './file-handle.js';

const noAccess = { readable: false, writable: false, append: false };

/** What a handle opened so may do. */
export function accessFor({ flags, options }: OpenRequest): Access {
  return options & OpenOption.attributesOnly ? noAccess : accessOf(flags);
}

/** Submits an operation that opens something, and makes a handle of it. */
export function openHandle(request: Request, access: Access): Promise<FileHandle> {
  return handleOf(getEngine().submit<OpenedFile>(request), request, access);
}

/** Makes a handle of what an operation opens. */
export async function handleOf(
  opening: Promise<OpenedFile>,
  { subject, signal }: Pick<Request, 'subject' | 'signal'>,
  access: Access,
): Promise<FileHandle> {
  const opened = await opening.catch((error) => {
    throw explain(error, subject);
  });
  const handle = new FileHandle(opened, access);
  if (signal?.aborted) {
    // It was opened before the abort could reach it, and nobody else will close it.
    await handle.close();
    throw abortError(signal);
  }
  return handle;
}

const privilegeNotHeld = 1314;

// Windows has one word for everything that is denied, and this is not for lack of rights to a file.
function explain(error: SystemError, subject: Subject): Error {
  if (error.win32Error !== privilegeNotHeld) return error;
  const hint = 'backupIntent needs SeBackupPrivilege, and SeRestorePrivilege for writing';
  return systemError(error.errno, subject, error.win32Error, hint);
}

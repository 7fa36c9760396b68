import { normalize } from 'node:path';
import process from 'node:process';
import { getEngine } from '../engine/engine.js';
import { type CompleteRequest, complete, type Decode, decodeNothing } from '../engine/operation.js';
import { type Callback, callBack } from '../engine/outcome.js';
import { listTreeOf, removeTreeOf } from '../engine/requests.js';
import { decodeEntries, type EntryList } from '../handle/entry-list.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { type ParsedPath, showPath } from '../node/paths.js';

export interface ListTreeOptions {
  /** Include everything below the folder. Links to folders are not entered. */
  recursive: boolean;
  /** Enter links to folders. */
  followLinks: boolean;
  signal: AbortSignal | undefined;
}

// As in Node, the requested path is shown as it was given; paths below it are built by path.join().
// The path of an open folder (/proc/self/fd) is not shown.
function placeIn({ native, shown }: ParsedPath, nativePath: string): string {
  const top = typeof native === 'string' ? showPath(native) : shown;
  const place = showPath(nativePath);
  if (place === top) return shown;
  return normalize(place.startsWith(top) ? shown + place.slice(top.length) : place);
}

const isWindows = process.platform === 'win32';
const errorDirectory = 267;

// libuv maps ERROR_DIRECTORY to ENOENT, but reports ENOTDIR when it lists something else.
function asNoFolder(error: SystemError): never {
  if (error.win32Error !== errorDirectory) throw error;
  const { win32Error } = error;
  const subject = { syscall: 'scandir', path: error.path };
  throw Object.assign(systemErrorOf('ENOTDIR', subject), { win32Error });
}

/** The request of listTree(). @param decode converts the completion to the result */
export function listRequest(
  path: ParsedPath,
  { recursive, followLinks, signal }: ListTreeOptions,
  decode: Decode,
): CompleteRequest {
  const encoded = listTreeOf({ path: path.native, recursive, followLinks });
  const showPlace = (nativePath: string): string => placeIn(path, nativePath);
  const subject = { syscall: 'scandir', path: path.shown, showPlace };
  return complete(encoded, subject, decode, signal);
}

/** Submits a request of listRequest(). */
export function list<T>(request: CompleteRequest): Promise<T> {
  const listing = getEngine().submit<T>(request);
  return isWindows ? listing.catch(asNoFolder) : listing;
}

/** Submits a request of listRequest(), and calls back. @param later called with the result */
export function listFor<T>(
  request: CompleteRequest,
  callback: Callback<T>,
  later?: (result: never) => T | PromiseLike<T>,
): void {
  if (isWindows) {
    const listing = later === undefined ? list<T>(request) : list<never>(request).then(later);
    callBack(listing, callback);
  } else {
    getEngine().submitFor(request, callback, later);
  }
}

/**
 * Lists a folder, or a whole tree in one operation, in Node's order.
 * @throws a system error with syscall 'scandir' that names the folder that could not be read
 */
export function listTree(path: ParsedPath, options: ListTreeOptions): Promise<EntryList> {
  return list(listRequest(path, options, decodeEntries));
}

const removeSteps = ['lstat', 'unlink', 'rmdir'];

/**
 * Removes a file, or a folder with everything below it, in one operation. Links are removed, not
 * followed. An abort keeps everything that has not been removed yet.
 * @throws a system error that names the entry that could not be removed
 */
export function removeTree(path: ParsedPath, signal: AbortSignal | undefined): Promise<void> {
  const subject = {
    syscall: 'scandir',
    path: path.shown,
    laterSteps: removeSteps,
    showPlace: (nativePath: string) => placeIn(path, nativePath),
  };
  return getEngine().submit(complete(removeTreeOf(path.native), subject, decodeNothing, signal));
}

import { normalize } from 'node:path';
import { getEngine } from '../engine/engine.js';
import { decodeNothing } from '../engine/operation.js';
import { listTreeOf, removeTreeOf } from '../engine/requests.js';
import { decodeEntries, type EntryList } from '../handle/entry-list.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { type ParsedPath, showPath } from '../node/paths.js';

export interface ListTreeOptions {
  /** All below the folder too. Links to folders are not entered. */
  recursive: boolean;
  /** Enter links to folders. */
  followLinks: boolean;
  signal: AbortSignal | undefined;
}

// As in Node: what was asked for is named as it was given, what is below it by path.join().
function placeIn(path: ParsedPath): (nativePath: string) => string {
  return (nativePath) => {
    const shown = showPath(nativePath);
    return shown === path.shown ? shown : normalize(shown);
  };
}

const errorDirectory = 267;

// libuv takes ERROR_DIRECTORY for ENOENT, but says ENOTDIR where it lists what is no folder.
function asNoFolder(error: SystemError): never {
  if (error.win32Error !== errorDirectory) throw error;
  const { win32Error } = error;
  const subject = { syscall: 'scandir', path: error.path };
  throw Object.assign(systemErrorOf('ENOTDIR', subject), { win32Error });
}

/**
 * Lists a folder, or a tree in one operation, in Node's own order.
 * @throws a system error with syscall 'scandir' that names the folder which could not be read
 */
export function listTree(path: ParsedPath, options: ListTreeOptions): Promise<EntryList> {
  const { recursive, followLinks } = options;
  const listing = getEngine().submit<EntryList>({
    ...listTreeOf({ path: path.native, recursive, followLinks }),
    subject: { syscall: 'scandir', path: path.shown, showPlace: placeIn(path) },
    decode: decodeEntries,
    signal: options.signal,
  });
  return process.platform === 'win32' ? listing.catch(asNoFolder) : listing;
}

const removeSteps = ['lstat', 'unlink', 'rmdir'];

/**
 * Removes a file, or a folder with all below it, in one operation. Links are removed, not followed.
 * An abort leaves what has not been removed by then.
 * @throws a system error that names what could not be removed
 */
export function removeTree(path: ParsedPath, signal: AbortSignal | undefined): Promise<void> {
  return getEngine().submit<void>({
    ...removeTreeOf(path.native),
    subject: {
      syscall: 'scandir',
      path: path.shown,
      laterSteps: removeSteps,
      showPlace: placeIn(path),
    },
    decode: decodeNothing,
    signal,
  });
}

import { type BigIntStats, constants, type Dirent, type Stats } from 'node:fs';
import process from 'node:process';
import type { Completion } from '../engine/completion.js';
import {
  linkIn,
  linkKinds,
  listIn,
  makeDirectoryIn,
  mknodIn,
  openIn,
  readLinkIn,
  renameIn,
  setModeIn,
  setOwnerIn,
  setTimesIn,
  statusIn,
  symlinkIn,
  unlinkIn,
} from '../engine/directory-requests.js';
import { decodeNothing } from '../engine/operation.js';
import type { Encoded } from '../engine/requests.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { makeDirent, typeOfKind, unknownType } from '../handle/dirents.js';
import {
  decodeEntries,
  decodeNames,
  type EntryList,
  type NameEncoding,
  textIn,
} from '../handle/entry-list.js';
import { type EntryName, parseName, showName } from '../handle/entry-name.js';
import { type FileTime, parseTimes } from '../handle/new-times.js';
import { accessFor, coreOfOpening } from '../handle/open.js';
import { parseMode } from '../handle/open-flags.js';
import { type OpenOptions, type OpenRequest, parseOpenOptions } from '../handle/open-options.js';
import { decodeOpened } from '../handle/opened-file.js';
import type { CloseOptions } from '../handle/public-handle.js';
import { decodeBigIntStats, decodeStats } from '../handle/stats.js';
import { systemErrorOf, unavailable } from '../node/errors.js';
import { modeForNode } from '../node/file-mode.js';
import { ownOptions } from '../node/own-options.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateOneOf,
  validateSignal,
} from '../node/validate.js';
import { FileHandle } from './file-handle.js';
import { type Content, parseEncodingOptions } from './whole-file.js';

/** Options of DirectoryHandle.stat() and lstat(). */
export interface DirectoryStatOptions {
  /** Returns numbers as bigints, and times also in nanoseconds. Default false. */
  bigint?: boolean | undefined;
}
type AsBigInts = { bigint: true };
type AsText = { encoding?: BufferEncoding | null | undefined };
type AsBuffer = { encoding: 'buffer' };
type Names = { withFileTypes?: false | undefined; signal?: AbortSignal | undefined };
type Types = { withFileTypes: true; signal?: AbortSignal | undefined };

/** Options of DirectoryHandle.readdir(). */
export interface DirectoryReadOptions {
  /** Encoding of the names. Default 'utf8'; 'buffer' returns Buffers, which hold any name. */
  encoding?: NameEncoding;
  /** Returns Dirents instead of names. Default false. */
  withFileTypes?: boolean | undefined;
  /** Aborts the operation. */
  signal?: AbortSignal | undefined;
}

/** Options of DirectoryHandle.link() and rename(). */
export interface NewNameOptions {
  /** The directory of the new name. Default: this one. */
  directory?: DirectoryHandle | undefined;
}

/** Options of DirectoryHandle.rename(). */
export interface RenameOptions extends NewNameOptions {
  /** Replaces an existing entry; false rejects with EEXIST instead. Default true. */
  overwrite?: boolean | undefined;
}

const isWindows = process.platform === 'win32';
const idMax = 2 ** 32 - 1;
// The name that stands for the directory itself.
const itself = '';

function parseNameOrItself(name: EntryName | null): EntryName {
  return name === null ? itself : parseName(name);
}

/** Validates a user or group; -1 leaves it unchanged. */
function parseId(value: unknown, name: string): number {
  validateInteger(value, name, -1, idMax);
  return value >>> 0;
}

function decodeTarget(completion: Completion): Content {
  return completion.takeContent() as Content;
}

/**
 * An open directory, and operations on the names in it. A name is one component of a path, a string
 * or a Buffer, and is never followed: a symbolic link or junction is itself removed, renamed or
 * described, and fails to open with ELOOP. The handle stays on the directory that was opened, so
 * nobody can redirect these operations by replacing a directory with a link. Made by
 * openDirectory(). close() waits for operations in flight.
 *
 * @throws every method: ERR_INVALID_ARG_VALUE for a name that is empty, '.', '..', or has a
 *   separator ('/', on Windows also '\' and ':') or a zero byte, before anything is submitted;
 *   EBADF once the handle is closed; system errors, with the path of the directory as it was opened
 * @example
 * const directory = await openDirectory('/srv/uploads');
 * const file = await directory.open('report.csv');
 */
export class DirectoryHandle {
  readonly #handle: CoreHandle;
  readonly #path: string;

  /** @internal openDirectory() makes handles. @param path path for errors */
  constructor(handle: CoreHandle, path: string) {
    handle.file.warnWhenCollected();
    this.#handle = handle;
    this.#path = path;
  }

  /** The descriptor; -1 once the handle is closed. On Windows a second one, made on first use. */
  get fd(): number {
    return this.#handle.file.descriptor;
  }

  /**
   * Opens a file. O_NOFOLLOW is implied.
   * @param flags Node's, as 'r+', or a number of fs.constants.O_*; default 'r'
   * @param modeOrOptions permission bits of a new file (default 0o666), or the options of open()
   * @throws ELOOP for a link; ENOENT, EACCES, EEXIST, …; AbortError
   */
  async open(
    name: EntryName,
    flags: string | number | null = 'r',
    modeOrOptions?: number | string | OpenOptions | null,
  ): Promise<FileHandle> {
    return new FileHandle(await this.openCore(name, flags, modeOrOptions));
  }

  /** @internal Opens a file like open(), and returns the core of the handle. */
  async openCore(
    name: EntryName,
    flags: string | number | null = 'r',
    modeOrOptions?: number | string | OpenOptions | null,
  ): Promise<CoreHandle> {
    return this.#open(parseName(name), parseOpenOptions(flags, modeOrOptions));
  }

  /** Opens a subdirectory. @throws ENOTDIR or ELOOP for a link; ENOENT, EACCES, … */
  async openDirectory(name: EntryName): Promise<DirectoryHandle> {
    const parsed = parseName(name);
    const handle = await this.#open(parsed, directoryRequest(undefined));
    return directoryOf(handle, this.#show(parsed));
  }

  /** Returns the status of the directory: Node's Stats, or BigIntStats with `bigint: true`. */
  stat(options?: { bigint?: false | undefined }): Promise<Stats>;
  stat(options: AsBigInts): Promise<BigIntStats>;
  async stat(options?: DirectoryStatOptions): Promise<Stats | BigIntStats> {
    return this.#stat(itself, options);
  }

  /** Returns the status of a name, of a link itself rather than its target. */
  lstat(name: EntryName, options?: { bigint?: false | undefined }): Promise<Stats>;
  lstat(name: EntryName, options: AsBigInts): Promise<BigIntStats>;
  async lstat(name: EntryName, options?: DirectoryStatOptions): Promise<Stats | BigIntStats> {
    return this.#stat(parseName(name), options);
  }

  /** Makes a directory. @param mode permission bits, less the umask; default 0o777 */
  async mkdir(name: EntryName, mode: number | string = 0o777): Promise<void> {
    const how = { name: parseName(name), mode: parseMode(modeForNode(mode), 0o777) };
    return this.#submit(makeDirectoryIn(how), 'mkdirat', how.name);
  }

  /**
   * Lists the names of the directory, sorted by their bytes. It requires the right to search the
   * directory as well as to read it.
   */
  readdir(options?: (AsText & Names) | BufferEncoding | null): Promise<string[]>;
  readdir(options: (AsBuffer & Names) | 'buffer'): Promise<Content[]>;
  readdir(options: AsText & Types): Promise<Dirent[]>;
  readdir(options: AsBuffer & Types): Promise<Dirent<Content>[]>;
  async readdir(
    options: DirectoryReadOptions | 'buffer' | BufferEncoding | null = {},
  ): Promise<string[] | Buffer[] | Dirent[] | Dirent<Content>[]> {
    const given = parseEncodingOptions<DirectoryReadOptions>(options);
    const list = await this.list(given.signal);
    const names = decodeNames(list, given.encoding);
    if (!given.withFileTypes) return names;
    return Promise.all(names.map((name, index) => this.#dirent(name, list, index))) as Promise<
      Dirent[]
    >;
  }

  /** Removes a file or link. @throws EISDIR or EPERM for a directory */
  async unlink(name: EntryName): Promise<void> {
    return this.#unlink(parseName(name), false);
  }

  /** Removes an empty directory. @throws ENOTEMPTY; ENOTDIR, on Windows ENOENT */
  async rmdir(name: EntryName): Promise<void> {
    return this.#unlink(parseName(name), true);
  }

  /**
   * Renames an entry of this directory, within it or into another one on the same file system. An
   * existing entry with the new name is replaced in one step.
   * @throws EXDEV between file systems; EEXIST with `overwrite: false`
   */
  async rename(name: EntryName, newName: EntryName, options: RenameOptions = {}): Promise<void> {
    const { overwrite = true } = ownOptions(options);
    validateBoolean(overwrite, 'options.overwrite');
    const names = { name: parseName(name), newName: parseName(newName, 'newName') };
    return this.#giveName(renameIn({ ...names, overwrite }), 'renameat', names, options);
  }

  /** Makes a hard link in this or another directory. @throws EEXIST; EXDEV; EPERM */
  async link(name: EntryName, newName: EntryName, options: NewNameOptions = {}): Promise<void> {
    const names = { name: parseName(name), newName: parseName(newName, 'newName') };
    return this.#giveName(linkIn(names), 'linkat', names, options);
  }

  /**
   * Makes a symbolic link.
   * @param target target of the link, stored unchanged
   * @param type Windows: 'file' (the default), 'dir' or 'junction'; ignored elsewhere
   * @throws EEXIST; EPERM
   */
  async symlink(
    target: string | Uint8Array,
    name: EntryName,
    type: (typeof linkKinds)[number] = 'file',
  ): Promise<void> {
    validateOneOf(type, 'type', linkKinds);
    const leadsTo = isWindows && typeof target !== 'string' ? showName(target) : target;
    const how = { name: parseName(name), target: leadsTo, kind: type };
    return this.#submit(symlinkIn(how), 'symlinkat', how.name);
  }

  /** Returns the target of a link, as it is stored. @throws EINVAL for other entries */
  readlink(name: EntryName, options?: AsText | BufferEncoding | null): Promise<string>;
  readlink(name: EntryName, options: AsBuffer | 'buffer'): Promise<Content>;
  async readlink(
    name: EntryName,
    options: { encoding?: NameEncoding } | BufferEncoding | 'buffer' | null = {},
  ): Promise<string | Content> {
    const { encoding } = parseEncodingOptions<{ encoding?: NameEncoding }>(options);
    const parsed = parseName(name);
    const target = await this.#submit(readLinkIn(parsed), 'readlinkat', parsed, decodeTarget);
    return encoding === 'buffer' ? target : textIn(encoding, target);
  }

  /**
   * Sets the times of a name, or with null of the directory itself.
   * @param atime time of the last access: seconds since 1970, a Date, or nanoseconds as a bigint
   * @param mtime time of the last modification, in the same form
   */
  async utimes(name: EntryName | null, atime: FileTime, mtime: FileTime): Promise<void> {
    const parsed = parseNameOrItself(name);
    const times = parseTimes(atime, mtime);
    return this.#submit(setTimesIn({ name: parsed, times }), 'utimensat', parsed);
  }

  /**
   * Sets the permission bits of a name, or with null of the directory itself. Windows uses only the
   * bit 0o200: without it a file is read-only.
   * @throws EOPNOTSUPP for a link on Linux
   */
  async chmod(name: EntryName | null, mode: number | string): Promise<void> {
    const how = { mode: parseMode(modeForNode(mode), 0), name: parseNameOrItself(name) };
    return this.#submit(setModeIn(how), 'fchmodat', how.name);
  }

  /**
   * Sets the owner of a name, or with null of the directory itself.
   * @param uid the user; -1 leaves it unchanged
   * @param gid the group; -1 leaves it unchanged
   * @throws EPERM; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on Windows
   */
  async chown(name: EntryName | null, uid: number, gid: number): Promise<void> {
    if (isWindows) throw unavailable('DirectoryHandle.chown');
    const ids = { uid: parseId(uid, 'uid'), gid: parseId(gid, 'gid') };
    const parsed = parseNameOrItself(name);
    return this.#submit(setOwnerIn({ name: parsed, ...ids }), 'fchownat', parsed);
  }

  /** Makes the names in the directory durable (fsync). Has no effect on Windows. */
  async sync(): Promise<void> {
    if (!isWindows) return this.#handle.sync();
  }

  /** Closes the handle once everything in flight on it has ended. */
  readonly close = (options?: CloseOptions): Promise<void> => this.#handle.close(options);

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal Lists the entries of the directory. */
  list(signal?: AbortSignal): Promise<EntryList> {
    validateSignal(signal);
    return this.#handle.operate({
      ...listIn(),
      subject: { syscall: 'scandir', path: this.#path },
      decode: decodeEntries,
      signal,
    });
  }

  /** @internal Makes a FIFO or a device, which nobody may open yet. @param type bits of stat() */
  async makeNode(name: EntryName, type: number, device: bigint): Promise<void> {
    const how = { name: parseName(name), mode: type, device };
    return this.#submit(mknodIn(how), 'mknodat', how.name);
  }

  /** @internal The open file of the directory, for operations of other modules. */
  get core(): CoreHandle {
    return this.#handle;
  }

  #show(name: EntryName): string {
    return name === itself ? this.#path : `${this.#path}/${showName(name)}`;
  }

  #submit<T = void>(
    request: Encoded,
    syscall: string,
    name: EntryName,
    decode: (completion: Completion) => T = decodeNothing as () => T,
  ): Promise<T> {
    const subject = { syscall, path: this.#show(name) };
    return this.#handle.operate<T>({ ...request, subject, decode });
  }

  #unlink(name: EntryName, isDirectory: boolean): Promise<void> {
    return this.#submit(unlinkIn({ name, isDirectory }), 'unlinkat', name);
  }

  #stat(name: EntryName, options: DirectoryStatOptions = {}): Promise<Stats | BigIntStats> {
    validateObject(options, 'options');
    const decode = ownOptions(options).bigint === true ? decodeBigIntStats : decodeStats;
    return this.#submit<Stats | BigIntStats>(statusIn(name), 'fstatat', name, decode);
  }

  #open(name: EntryName, request: OpenRequest): Promise<CoreHandle> {
    const { signal, ...how } = request;
    const subject = { syscall: 'openat', path: this.#show(name) };
    const opening = this.#handle.operate({
      ...openIn({ name, ...how }),
      subject,
      decode: decodeOpened,
      signal,
    });
    const access = accessFor(request);
    return coreOfOpening(opening, { subject, signal }, access);
  }

  #giveName(
    request: Encoded,
    syscall: string,
    { name, newName }: { name: EntryName; newName: EntryName },
    options: NewNameOptions,
  ): Promise<void> {
    validateObject(options, 'options');
    const { directory = this } = ownOptions(options);
    return directory.#handle.operateFrom(this.#handle, {
      ...request,
      subject: { syscall, path: this.#show(name), dest: directory.#show(newName) },
      decode: decodeNothing,
    });
  }

  async #dirent(name: string | Buffer, list: EntryList, index: number): Promise<unknown> {
    const known = list.types[index] as number;
    const type = known === unknownType ? typeOfKind(await this.#stat(name)) : known;
    return makeDirent(name, type, this.#path);
  }
}

/** Returns a request to open a directory and no other file. */
export function directoryRequest(signal: AbortSignal | undefined): OpenRequest {
  return parseOpenOptions(constants.O_RDONLY | (constants.O_DIRECTORY ?? 0), { signal });
}

/** Makes a directory handle from an open file. @throws ENOTDIR */
export async function directoryOf(handle: CoreHandle, path: string): Promise<DirectoryHandle> {
  if (handle.deviceType === 'directory') return new DirectoryHandle(handle, path);
  await handle.close();
  throw systemErrorOf('ENOTDIR', { syscall: 'open', path });
}

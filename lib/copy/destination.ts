import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import process from 'node:process';
import type { DirectoryHandle } from '../file-handle/directory-handle.js';
import { openDirectory } from '../functions/open-directory.js';
import { lstat, stat } from '../functions/status.js';
import { type EntryName, parseName } from '../handle/entry-name.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { pathBytes } from '../node/path-text.js';
import { isUrl, type PathLike, parsePath } from '../node/paths.js';
import { retryWhileHeld } from '../win32/held-by-others.js';
import { CopyError } from './copy-errors.js';
import { type FallbackLog, isMissing } from './fallbacks.js';
import type { Spot, SystemPath } from './spot.js';
import { partialName } from './temporary-name.js';

/** Validates a path and converts it for the system. */
export function systemPathOf(path: unknown, name: string): SystemPath {
  const { native } = parsePath(path, name);
  return typeof native === 'string' ? native : Buffer.from(native);
}

// On Windows paths are strings, so this is a POSIX path.
const slash = 0x2f;
const isWindows = process.platform === 'win32';
const separator = Buffer.from(sep);

function split(path: SystemPath): { folder: SystemPath; name: SystemPath } {
  if (typeof path === 'string') return { folder: dirname(path), name: basename(path) };
  let end = path.byteLength;
  while (end > 1 && path[end - 1] === slash) end--;
  const at = path.lastIndexOf(slash, end - 1);
  const folder = at < 0 ? Buffer.from('.') : path.subarray(0, Math.max(1, at));
  return { folder, name: path.subarray(at + 1, end) };
}

function endsWithSeparator(path: PathLike): boolean {
  if (typeof path === 'string') return path.endsWith('/') || (isWindows && path.endsWith(sep));
  return isUrl(path) ? path.pathname.endsWith('/') : path.at(-1) === slash;
}

/**
 * Returns the path of a copy. A destination that ends with a slash is the folder that receives the
 * copy under the name of the source, as for cp and rsync, unless the source ends with one, too.
 */
export function placeOfCopy(source: PathLike, destination: PathLike): PathLike {
  const from = systemPathOf(source, 'source');
  const to = systemPathOf(destination, 'destination');
  if (!endsWithSeparator(destination) || endsWithSeparator(source)) return destination;
  const { name } = split(from);
  if (['', '.', '..'].includes(name.toString())) return destination;
  if (typeof to === 'string') return join(to, name.toString());
  return Buffer.concat([to, separator, Buffer.from(name as string)]);
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? pathBytes(text) : text;
}

/** Returns the folder that contains a path. */
export function folderOf(path: SystemPath): SystemPath {
  return split(path).folder;
}

/** Returns the last name of a path, with one character for each byte. */
export function nameOf(path: SystemPath): string {
  return Buffer.from(bytesOf(split(path).name)).toString('latin1');
}

/** Returns the last name of a path as text. */
export function shownNameOf(path: SystemPath): string {
  return split(path).name.toString();
}

/** Opens the directory that contains a path; `link/../name` resolves as the system does. */
export async function openSpot(path: SystemPath): Promise<Spot> {
  const { folder, name } = split(path);
  const directory = await openDirectory(folder);
  try {
    return { directory, name: parseName(name, 'destination'), path };
  } catch (error) {
    await directory.close();
    throw error;
  }
}

/** Returns the name under which unfinished copies to a spot are kept. */
export function partialNameFor({ name }: Spot): string {
  const digest = createHash('sha256').update(bytesOf(name)).digest('hex').slice(0, 24);
  return partialName(digest);
}

/** Returns the status of a path, optionally of a link itself; undefined if it does not exist. */
export async function statIfThere(
  path: SystemPath,
  ofLink: boolean,
): Promise<BigIntStats | undefined> {
  try {
    return await (ofLink ? lstat : stat)(path, { bigint: true });
  } catch (error) {
    if ((error as SystemError).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Source and destination as error messages show them. */
export interface ShownPaths {
  path: string;
  dest: string;
}

/** @throws EISDIR; CopyError for a file without an end or content */
export function checkSource(status: BigIntStats, { path, dest }: ShownPaths): void {
  if (status.isDirectory()) throw systemErrorOf('EISDIR', { syscall: 'copyfile', path, dest });
  if (status.isFile() || status.isFIFO() || status.isBlockDevice()) return;
  const message = `'${path}' is not a file: a device or a socket has no end up to which to copy`;
  throw new CopyError('ERR_COPY_FILE_TYPE', message, path, dest);
}

function notAFile({ path, dest }: ShownPaths): CopyError {
  return new CopyError('ERR_COPY_FILE_TYPE', `'${dest}' is not a file`, path, dest);
}

/** Checks that a file may be replaced. @throws EISDIR, EEXIST; CopyError */
export function checkReplaceable(
  to: BigIntStats,
  from: Pick<BigIntStats, 'dev' | 'ino'>,
  force: boolean,
  { path, dest }: ShownPaths,
): void {
  const subject = { syscall: 'copyfile', path, dest };
  if (to.dev === from.dev && to.ino === from.ino) {
    const message = `'${path}' and '${dest}' are the same file`;
    throw new CopyError('ERR_COPY_SAME_FILE', message, path, dest);
  }
  if (to.isDirectory()) throw systemErrorOf('EISDIR', subject);
  if (!to.isFile() && !to.isSymbolicLink() && !to.isBlockDevice()) {
    throw notAFile({ path, dest });
  }
  if (!force) throw systemErrorOf('EEXIST', subject);
}

/** Returns the status of a name; undefined if it does not exist. */
export async function statusIfThere({ directory, name }: Spot): Promise<BigIntStats | undefined> {
  try {
    return await directory.lstat(name, { bigint: true });
  } catch (error) {
    if ((error as SystemError).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Checks that a file may be copied within a tree. An existing link is itself replaced.
 * @throws EISDIR, EEXIST; CopyError
 */
export async function checkPlaceInTree(
  destination: Spot,
  from: BigIntStats,
  force: boolean,
  shown: ShownPaths,
): Promise<void> {
  const to = await statusIfThere(destination);
  if (to === undefined) return;
  if (to.isBlockDevice()) throw notAFile(shown);
  checkReplaceable(to, from, force, shown);
}

/** Renames a file within a directory, and replaces an existing file in one step. */
export async function renameOver(from: EntryName, { directory, name }: Spot): Promise<void> {
  await retryWhileHeld(() => directory.rename(from, name));
}

/** Renames like renameOver(), and also replaces links to folders on Windows. */
export async function replaceWith(from: EntryName, to: Spot): Promise<void> {
  if (process.platform === 'win32' && (await statusIfThere(to))?.isSymbolicLink()) {
    await to.directory.unlink(to.name);
  }
  return renameOver(from, to);
}

/**
 * Renames a file to a name that must not exist.
 * @throws EEXIST, even if the name appears at the last moment; file systems without hard links and
 *   without an exclusive rename cannot detect that
 */
export async function renameExclusively(from: EntryName, { directory, name }: Spot): Promise<void> {
  await retryWhileHeld(() => directory.rename(from, name, { overwrite: false }));
}

/** Makes the names in a directory durable, unless the file system has no sync of directories. */
export async function syncFolder(
  directory: DirectoryHandle,
  fallbacks: FallbackLog,
): Promise<void> {
  await fallbacks.attempt('sync', isMissing, () => directory.sync());
}

import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { basename, dirname, isAbsolute, sep } from 'node:path';
import type { DirectoryHandle } from '../file-handle/directory-handle.js';
import { openDirectory } from '../functions/open-directory.js';
import { lstat, stat } from '../functions/status.js';
import { type EntryName, parseName, showName } from '../handle/entry-name.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { nodeFs, nodePromises } from '../node/node-fs.js';
import { parsePath } from '../node/paths.js';
import { retryWhileHeld } from '../win32/held-by-others.js';
import { CopyError } from './copy-errors.js';
import { type FallbackLog, isMissing } from './fallbacks.js';
import type { Spot, SystemPath } from './spot.js';
import { partialName } from './temporary-name.js';

/** Validates a path. */
export function systemPathOf(path: unknown, name: string): SystemPath {
  const { native } = parsePath(path, name);
  return typeof native === 'string' ? native : Buffer.from(native);
}

// On Windows paths are strings, so this is a POSIX path.
const slash = 0x2f;
const separator = Buffer.from(sep);

function split(path: SystemPath): { folder: SystemPath; name: SystemPath } {
  if (typeof path === 'string') return { folder: dirname(path), name: basename(path) };
  let end = path.byteLength;
  while (end > 1 && path[end - 1] === slash) end--;
  const at = path.lastIndexOf(slash, end - 1);
  const folder = at < 0 ? Buffer.from('.') : path.subarray(0, Math.max(1, at));
  return { folder, name: path.subarray(at + 1, end) };
}

/** The folder that a path lies in. */
export function folderOf(path: SystemPath): SystemPath {
  return split(path).folder;
}

/** Opens the directory that a path lies in, which may go up behind a link, as `link/../name`. */
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

/** The path of another name in the directory of a place. */
export function pathBeside({ path }: Spot, name: EntryName): SystemPath {
  const { folder } = split(path);
  if (typeof folder === 'string') return `${folder}${sep}${showName(name)}`;
  return Buffer.concat([folder, separator, Buffer.from(name)]);
}

/** The name that unfinished copies to a place are kept under. */
export function partialNameFor({ name }: Spot): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 24);
  return partialName(digest);
}

/** The status of what a path leads to, or of the link that it is; undefined if there is none. */
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

/** Source and destination as errors show them. */
export interface ShownPaths {
  path: string;
  dest: string;
}

/** @throws EISDIR; CopyError for what has no end or no content */
export function checkSource(status: BigIntStats, { path, dest }: ShownPaths): void {
  if (status.isDirectory()) throw systemErrorOf('EISDIR', { syscall: 'copyfile', path, dest });
  if (status.isFile() || status.isFIFO() || status.isBlockDevice()) return;
  const message = `'${path}' is no file: a device or a socket has no end that could be copied to`;
  throw new CopyError('ERR_COPY_FILE_TYPE', message, path, dest);
}

/** @throws EISDIR, EEXIST; CopyError */
function checkReplaceable(
  to: BigIntStats,
  from: BigIntStats,
  force: boolean,
  { path, dest }: ShownPaths,
): void {
  const subject = { syscall: 'copyfile', path, dest };
  if (to.dev === from.dev && to.ino === from.ino) {
    const message = `'${path}' and '${dest}' are the same file`;
    throw new CopyError('ERR_COPY_SAME_FILE', message, path, dest);
  }
  if (to.isDirectory()) throw systemErrorOf('EISDIR', subject);
  if (!to.isFile() && !to.isSymbolicLink()) {
    throw new CopyError('ERR_COPY_FILE_TYPE', `'${dest}' is no file`, path, dest);
  }
  if (!force) throw systemErrorOf('EEXIST', subject);
}

/** The status of a name; undefined if there is none. */
export async function statusIfThere({ directory, name }: Spot): Promise<BigIntStats | undefined> {
  try {
    return await directory.lstat(name, { bigint: true });
  } catch (error) {
    if ((error as SystemError).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Checks that a copy within a tree may be made; a link is replaced itself.
 * @throws EISDIR, EEXIST; CopyError
 */
export async function checkPlaceInTree(
  destination: Spot,
  from: BigIntStats,
  force: boolean,
  shown: ShownPaths,
): Promise<void> {
  const to = await statusIfThere(destination);
  if (to !== undefined) checkReplaceable(to, from, force, shown);
}

/** What links lead to that is not there. */
async function endOfLinks(path: SystemPath): Promise<SystemPath> {
  let at = path;
  while ((await statIfThere(at, true))?.isSymbolicLink()) {
    const target = await nodePromises.readlink(at, { encoding: 'buffer' });
    const isWhole = isAbsolute(target.toString('latin1'));
    const bytes = isWhole ? target : Buffer.concat([Buffer.from(folderOf(at)), separator, target]);
    at = process.platform === 'win32' ? bytes.toString() : bytes;
  }
  return at;
}

/**
 * Where the copy goes: of a symbolic link to a file what it leads to, as a rename would replace
 * the link.
 * @throws EISDIR, EEXIST, EACCES, …; CopyError
 */
export async function resolveDestination(
  destination: SystemPath,
  from: BigIntStats,
  force: boolean,
  shown: ShownPaths,
): Promise<SystemPath> {
  const to = await statIfThere(destination, false);
  if (to === undefined) {
    if ((await statIfThere(destination, true)) === undefined) return destination;
    if (!force) throw systemErrorOf('EEXIST', { syscall: 'copyfile', ...shown });
    return endOfLinks(destination);
  }
  checkReplaceable(to, from, force, shown);
  // The rename would replace it all the same, but whoever made it read-only does not want that.
  await nodePromises.access(destination, nodeFs.constants.W_OK);
  return typeof destination === 'string'
    ? nodePromises.realpath(destination)
    : nodePromises.realpath(destination, { encoding: 'buffer' });
}

/** Gives a file of the same directory its name; what had that name is replaced in one step. */
export async function renameOver(from: EntryName, { directory, name }: Spot): Promise<void> {
  await retryWhileHeld(() => directory.rename(from, name));
}

/** The same, and Windows too replaces links to folders. */
export async function replaceWith(from: EntryName, to: Spot): Promise<void> {
  if (process.platform === 'win32' && (await statusIfThere(to))?.isSymbolicLink()) {
    await to.directory.unlink(to.name);
  }
  return renameOver(from, to);
}

/**
 * Gives a file a name that nothing else has.
 * @throws EEXIST, also where something got the name in this very moment, except on file systems
 *   without hard links and without an exclusive rename, which cannot tell
 */
export async function renameExclusively(from: EntryName, { directory, name }: Spot): Promise<void> {
  await retryWhileHeld(() => directory.rename(from, name, { overwrite: false }));
}

/** Makes the names in a directory durable. Network file systems may have no sync of directories. */
export async function syncFolder(
  directory: DirectoryHandle,
  fallbacks: FallbackLog,
): Promise<void> {
  await fallbacks.attempt('sync', isMissing, () => directory.sync());
}

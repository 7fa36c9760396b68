import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { lstat, stat } from '../functions/status.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { openCore } from '../handle/open.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { nodeFs, nodePromises } from '../node/node-fs.js';
import { parsePath } from '../node/paths.js';
import { rename } from '../win32/held-by-others.js';
import { CopyError } from './copy-errors.js';
import { type FallbackLog, isMissing } from './fallbacks.js';
import { partialName, temporaryName } from './temporary-name.js';

/** A path as the system has it: its bytes need not be UTF-8. */
export type SystemPath = string | Buffer;

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

export function folderOf(path: SystemPath): SystemPath {
  return split(path).folder;
}

function inFolder(folder: SystemPath, name: string): SystemPath {
  if (typeof folder === 'string') return join(folder, name);
  return Buffer.concat([folder, Buffer.from(`/${name}`)]);
}

/** A name beside a path, on the same file system, that a rename can turn into that path. */
export function temporaryNameBeside(path: SystemPath): SystemPath {
  return inFolder(folderOf(path), temporaryName());
}

/** The name beside a path that unfinished copies of it are kept under. */
export function partialNameBeside(path: SystemPath): SystemPath {
  const { folder, name } = split(path);
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 24);
  return inFolder(folder, partialName(digest));
}

export function withSuffix(path: SystemPath, suffix: string): SystemPath {
  return typeof path === 'string' ? path + suffix : Buffer.concat([path, Buffer.from(suffix)]);
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

/**
 * Sees that a copy within a tree may be made; a link is replaced itself.
 * @throws EISDIR, EEXIST; CopyError
 */
export async function checkPlaceInTree(
  destination: SystemPath,
  from: BigIntStats,
  force: boolean,
  shown: ShownPaths,
): Promise<void> {
  const to = await statIfThere(destination, true);
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

/** Removes a file if it is there. */
export async function removeIfThere(path: SystemPath): Promise<void> {
  try {
    await nodePromises.unlink(path);
  } catch (error) {
    if ((error as SystemError).code !== 'ENOENT') throw error;
  }
}

/** Gives a file its name; what had that name is replaced in one step. */
export function renameOver(from: SystemPath, to: SystemPath): Promise<void> {
  return rename(from, to);
}

const ownerMayWrite = 0o200;

/**
 * As renameOver(), and Windows too replaces what is read-only, and links to folders. What is
 * read-only is so again if that fails.
 */
export async function replaceWith(from: SystemPath, to: SystemPath): Promise<void> {
  const there = process.platform === 'win32' ? await statIfThere(to, true) : undefined;
  if (there?.isSymbolicLink()) await nodePromises.unlink(to);
  const mode = there?.isFile() ? Number(there.mode) : ownerMayWrite;
  if ((mode & ownerMayWrite) !== 0) return renameOver(from, to);
  await nodePromises.chmod(to, mode | ownerMayWrite);
  try {
    await renameOver(from, to);
  } catch (error) {
    await nodePromises.chmod(to, mode).catch(() => {});
    throw error;
  }
}

// What file systems without hard links say.
const noLinkCodes = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR']);

/**
 * Gives a file a name that nothing else has.
 * @throws EEXIST, also where something got the name in this very moment, but for file systems
 *   without hard links, which cannot tell
 */
export async function renameExclusively(from: SystemPath, to: SystemPath): Promise<void> {
  try {
    await nodePromises.link(from, to);
  } catch (error) {
    if (!noLinkCodes.has((error as SystemError).code)) throw error;
    if ((await statIfThere(to, true)) !== undefined) {
      throw systemErrorOf('EEXIST', { syscall: 'rename' });
    }
    return renameOver(from, to);
  }
  await nodePromises.unlink(from);
}

/** Opens a folder to sync it; undefined on Windows, which has no such thing. */
export async function openFolder(folder: SystemPath): Promise<CoreHandle | undefined> {
  return process.platform === 'win32' ? undefined : openCore(folder, 'r');
}

/** Makes the names in a folder durable. Network file systems may know no sync of folders. */
export async function syncFolder(
  folder: CoreHandle | undefined,
  fallbacks: FallbackLog,
): Promise<void> {
  if (folder === undefined) return;
  await fallbacks.attempt('sync', isMissing, () => folder.sync());
}

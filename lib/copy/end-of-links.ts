import { Buffer } from 'node:buffer';
import { type BigIntStats, constants } from 'node:fs';
import { isAbsolute, sep } from 'node:path';
import process from 'node:process';
import { type DirectoryHandle, directoryOf } from '../file-handle/directory-handle.js';
import { openDirectory } from '../functions/open-directory.js';
import { lstat, stat } from '../functions/status.js';
import { openParsed } from '../handle/open.js';
import { parseOpenOptions } from '../handle/open-options.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { nodePromises } from '../node/node-fs.js';
import { pathBytes, pathText } from '../node/path-text.js';
import { parsePath, showPath } from '../node/paths.js';
import { realPath } from '../node/real-path.js';
import { folderOf, openSpot, statIfThere, statusIfThere } from './destination.js';
import type { Spot, SystemPath } from './spot.js';

// A path is often given by somebody who trusts it, in a folder where everybody may make links. So a
// link at its end is examined in an open directory before it is followed, and the file to which it
// leads keeps its place: a link that appears there later is not followed.

const isWindows = process.platform === 'win32';
const separator = Buffer.from(sep);
const slash = 0x2f;
// The limit of Linux (path_resolution(7)).
const linksMax = 40;
const stickyForAll = 0o1002n;
const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0, R_OK } = constants;

/** The spot to which a path leads. */
export interface EndOfLinks extends Spot {
  /** Whether the last name of the path is a link. */
  readonly isThroughLink: boolean;
}

type Access = Pick<BigIntStats, 'uid' | 'mode'>;

/** Whether a link may be followed by the rule of protected_symlinks (proc_sys_fs(5)). */
function mayFollow(link: Pick<Access, 'uid'>, folder: Access): boolean {
  const isForAll = (folder.mode & stickyForAll) === stickyForAll;
  return !isForAll || link.uid === folder.uid || link.uid === BigInt(process.geteuid?.() ?? -1);
}

function codeOf(error: unknown): string | undefined {
  return (error as SystemError | undefined)?.code;
}

function bytesOf(path: SystemPath): Uint8Array {
  return typeof path === 'string' ? pathBytes(path) : path;
}

function targetOf(link: SystemPath, target: Buffer): SystemPath {
  if (isAbsolute(target.toString('latin1'))) return isWindows ? pathText(target) : target;
  const bytes = Buffer.concat([bytesOf(folderOf(link)), separator, target]);
  return isWindows ? pathText(bytes) : bytes;
}

/** Opens the spot on Windows, where only administrators may make links by default. */
async function openSpotOnWindows(path: SystemPath): Promise<EndOfLinks> {
  const isThroughLink = (await statIfThere(path, true))?.isSymbolicLink() === true;
  const exists = (await statIfThere(path, false)) !== undefined;
  const end = exists ? await realPath(path) : await endOfDangling(path);
  return { ...(await openSpot(end)), isThroughLink };
}

async function endOfDangling(path: SystemPath): Promise<SystemPath> {
  let at = path;
  while ((await statIfThere(at, true))?.isSymbolicLink()) {
    at = targetOf(at, await nodePromises.readlink(at, { encoding: 'buffer' }));
  }
  return at;
}

/**
 * Opens the directory of the file to which a path leads through links. The name in it is no link,
 * and need not exist.
 * @throws EACCES for a link of another user in a sticky folder that everybody may write to; ELOOP;
 *   ENOENT, …
 */
export async function openEndOfLinks(path: SystemPath): Promise<EndOfLinks> {
  if (isWindows) return openSpotOnWindows(path);
  let at = path;
  for (let links = 0; ; links++) {
    const spot = await openSpot(at);
    let isEnd = false;
    try {
      const status = await statusIfThere(spot);
      isEnd = !status?.isSymbolicLink();
      if (isEnd) return { ...spot, isThroughLink: links > 0 };
      if (links === linksMax) throw failureAt('ELOOP', path);
      at = await followOnce(spot, status as BigIntStats);
    } finally {
      if (!isEnd) await spot.directory.close();
    }
  }
}

function failureAt(code: string, path: SystemPath, reason?: string): SystemError {
  return systemErrorOf(code, { syscall: 'open', path: showPath(String(path)) }, reason);
}

async function followOnce({ directory, name, path }: Spot, link: Access): Promise<SystemPath> {
  if (!mayFollow(link, await directory.stat({ bigint: true }))) throw refusedLink(path);
  return targetOf(path, Buffer.from(await directory.readlink(name, 'buffer')));
}

function refusedLink(path: SystemPath): SystemError {
  const reason = 'it is a link of another user in a folder where everybody may make links';
  return failureAt('EACCES', path, reason);
}

/** Drops slashes at the end of a path, which would make the system follow a link. */
function withoutLastSlashes(path: SystemPath): SystemPath {
  let end = path.length;
  if (typeof path === 'string') {
    while (end > 1 && path[end - 1] === '/') end--;
    return path.slice(0, end);
  }
  while (end > 1 && path[end - 1] === slash) end--;
  return path.subarray(0, end);
}

const ofLink = new Set(['ENOTDIR', 'ELOOP', 'EMLINK']);

/**
 * Opens the directory to which a path leads, through links as openEndOfLinks() does.
 * @throws EACCES; ELOOP; ENOENT, ENOTDIR, …
 */
export async function openDirectoryAtEnd(path: SystemPath): Promise<DirectoryHandle> {
  if (isWindows) return openDirectory(path);
  const parsed = parsePath(withoutLastSlashes(path));
  const native = parsed.native as SystemPath;
  try {
    const request = parseOpenOptions(O_RDONLY | O_DIRECTORY | O_NOFOLLOW, {});
    return await directoryOf(await openParsed(parsed, request), parsed.shown);
  } catch (error) {
    if (!ofLink.has(codeOf(error) ?? '')) throw error;
    if ((await statIfThere(native, true))?.isSymbolicLink() === false) throw error;
  }
  return openThroughLinks(native);
}

async function openThroughLinks(path: SystemPath): Promise<DirectoryHandle> {
  const folder = folderOf(path);
  try {
    await nodePromises.access(folder, R_OK);
  } catch {
    // A directory that may only be searched cannot be opened, so its link is examined by its path.
    const [link, status] = await Promise.all([
      lstat(path, { bigint: true }),
      stat(folder, { bigint: true }),
    ]);
    if (!mayFollow(link, status)) throw refusedLink(path);
    return openDirectory(path);
  }
  const spot = await openEndOfLinks(path);
  try {
    return await spot.directory.openDirectory(spot.name);
  } finally {
    await spot.directory.close();
  }
}

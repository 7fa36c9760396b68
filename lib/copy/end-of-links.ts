import { Buffer } from 'node:buffer';
import { type BigIntStats, constants } from 'node:fs';
import { isAbsolute, sep } from 'node:path';
import process from 'node:process';
import { type DirectoryHandle, directoryOf } from '../file-handle/directory-handle.js';
import { openDirectory } from '../functions/open-directory.js';
import { stat } from '../functions/status.js';
import { openParsed } from '../handle/open.js';
import { parseOpenOptions } from '../handle/open-options.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { nodePromises } from '../node/node-fs.js';
import { pathBytes, pathText } from '../node/path-text.js';
import { parsePath, showPath } from '../node/paths.js';
import { realPath } from '../node/real-path.js';
import { folderOf, openSpot, statIfThere, statusIfThere } from './destination.js';
import type { Spot, SystemPath } from './spot.js';

// The last name of a destination may be a link that another user planted in a shared folder such as
// /tmp. Each link is therefore examined in its open directory before it is followed, and the copy
// stays with the directory that it reached: links that appear later are not followed.

const isWindows = process.platform === 'win32';
const separator = Buffer.from(sep);
const slash = 0x2f;
// The limit of Linux (path_resolution(7)).
const linksMax = 40;
const stickyForAll = 0o1002n;
// PROC_SUPER_MAGIC of statfs(2).
const procType = 0x9fa0;
const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0 } = constants;

/** The spot to which a path leads. */
export interface EndOfLinks extends Spot {
  /** Whether the last name of the path is a link. */
  readonly isThroughLink: boolean;
}

interface Link {
  readonly uid: bigint;
  readonly folder: Pick<BigIntStats, 'uid' | 'mode'>;
  readonly target: Buffer;
}

/** Whether a link may be followed by the rule of protected_symlinks (proc_sys_fs(5)). */
function mayFollow({ uid, folder }: Link): boolean {
  const isForAll = (folder.mode & stickyForAll) === stickyForAll;
  return !isForAll || uid === folder.uid || uid === BigInt(process.geteuid?.() ?? -1);
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

/**
 * Opens the directory and name to which a path leads on Windows, where only administrators may make
 * links by default.
 */
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

/** Opens the directory of a path, or reads the link that is there. */
async function openSpotOrLink(path: SystemPath): Promise<Spot | Link> {
  let spot: Spot;
  try {
    spot = await openSpot(path);
  } catch (error) {
    // The path may be a link in a directory that may only be searched.
    const link = codeOf(error) === 'EACCES' ? await readLinkByPath(path) : undefined;
    if (link === undefined) throw error;
    return link;
  }
  let isEnd = false;
  try {
    const status = await statusIfThere(spot);
    isEnd = !status?.isSymbolicLink();
    return isEnd ? spot : await readLinkAt(spot, status as BigIntStats);
  } finally {
    if (!isEnd) await spot.directory.close();
  }
}

async function readLinkAt({ directory, name }: Spot, { uid }: BigIntStats): Promise<Link> {
  const folder = await directory.stat({ bigint: true });
  return { uid, folder, target: Buffer.from(await directory.readlink(name, 'buffer')) };
}

async function readLinkByPath(path: SystemPath): Promise<Link | undefined> {
  const status = await statIfThere(path, true);
  if (!status?.isSymbolicLink()) return undefined;
  const folder = await stat(folderOf(path), { bigint: true });
  return { uid: status.uid, folder, target: await nodePromises.readlink(path, 'buffer') };
}

/** Whether a link is one of /proc, which leads to a file that its text need not name (proc(5)). */
async function isOfProc(link: SystemPath): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  return (await nodePromises.statfs(folderOf(link))).type === procType;
}

/** Returns where a link leads. @throws EACCES for a link of another user in a sticky folder */
async function follow(path: SystemPath, link: Link): Promise<SystemPath> {
  if (!mayFollow(link)) {
    const reason =
      'it is a link that another user owns, in a folder where everybody may make links';
    throw failureAt('EACCES', path, reason);
  }
  return (await isOfProc(path)) ? realPath(path) : targetOf(path, link.target);
}

function failureAt(code: string, path: SystemPath, reason?: string): SystemError {
  return systemErrorOf(code, { syscall: 'open', path: showPath(textOf(path)) }, reason);
}

function textOf(path: SystemPath): string {
  return typeof path === 'string' ? path : Buffer.from(path).toString();
}

/**
 * Opens the directory of the file to which a path leads through links. The returned name was no
 * link when it was examined, and need not exist.
 * @throws EACCES for a link of another user in a sticky folder that everybody may write to; ELOOP;
 *   ENOENT, …
 */
export async function openEndOfLinks(path: SystemPath): Promise<EndOfLinks> {
  if (isWindows) return openSpotOnWindows(path);
  let at = path;
  for (let links = 0; links <= linksMax; links++) {
    const found = await openSpotOrLink(at);
    if ('directory' in found) return { ...found, isThroughLink: links > 0 };
    at = await follow(at, found);
  }
  throw failureAt('ELOOP', path);
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

const codesOfLink = new Set(['ENOTDIR', 'ELOOP', 'EMLINK']);

/** Opens a directory; undefined if its path is that of a link. */
async function openUnlessLink(path: SystemPath): Promise<DirectoryHandle | undefined> {
  const parsed = parsePath(path);
  try {
    const request = parseOpenOptions(O_RDONLY | O_DIRECTORY | O_NOFOLLOW, {});
    return await directoryOf(await openParsed(parsed, request), parsed.shown);
  } catch (error) {
    const mayBeLink = codesOfLink.has(codeOf(error) ?? '');
    if (mayBeLink && (await statIfThere(path, true))?.isSymbolicLink()) return undefined;
    throw error;
  }
}

/**
 * Opens the directory to which a path leads, through links as openEndOfLinks() does.
 * @throws EACCES; ELOOP; ENOENT, ENOTDIR, …
 */
export async function openDirectoryAtEnd(path: SystemPath): Promise<DirectoryHandle> {
  if (isWindows) return openDirectory(path);
  let at = withoutLastSlashes(path);
  for (let links = 0; links <= linksMax; links++) {
    const directory = await openUnlessLink(at);
    if (directory !== undefined) return directory;
    if (await isOfProc(at)) return openDirectory(at);
    const found = await openSpotOrLink(at);
    if ('directory' in found) {
      // The link has been removed meanwhile.
      await found.directory.close();
    } else {
      at = withoutLastSlashes(await follow(at, found));
    }
  }
  throw failureAt('ELOOP', path);
}

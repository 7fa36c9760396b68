import { Buffer } from 'node:buffer';
import { constants, type RmOptions as NodeRmOptions, type Stats } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { folderType } from '../handle/dirents.js';
import { namesOf } from '../handle/entry-list.js';
import { openParsed } from '../handle/open.js';
import { parseOpenOptions } from '../handle/open-options.js';
import { abortError } from '../node/errors.js';
import { sleep } from '../node/globals.js';
import { nodePromises } from '../node/node-fs.js';
import { type ParsedPath, type PathLike, parsePath } from '../node/paths.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateSignal,
} from '../node/validate.js';
import { retryWhileHeld } from '../win32/held-by-others.js';
import { listTree, removeTree } from './directory-tree.js';
import { lstat } from './status.js';

/** Options of rm(). */
export interface RmOptions {
  /** Ignore a missing file. Default false. */
  force?: boolean | undefined;
  /** Remove folders with everything below them. Default false. */
  recursive?: boolean | undefined;
  /**
   * The number of retries after EBUSY, EMFILE, ENFILE, ENOTEMPTY and EPERM. Default 0. On Windows
   * each attempt also waits up to 2 s for other programs that hold a file.
   */
  maxRetries?: number | undefined;
  /** Milliseconds before the first retry; each further retry adds as much again. Default 100. */
  retryDelay?: number | undefined;
  /** Aborts the removal; entries that were already removed are not restored. */
  signal?: AbortSignal | undefined;
}

interface Parsed {
  force: boolean;
  recursive: boolean;
  maxRetries: number;
  retryDelay: number;
  signal: AbortSignal | undefined;
}

// On Windows, Node's promise and callback functions name the path differently.
type NodeRm = (path: PathLike, options?: NodeRmOptions) => Promise<void>;

const int32Max = 2 ** 31 - 1;
const uint32Max = 2 ** 32 - 1;

function parseRmOptions(options: unknown): Parsed {
  if (options !== undefined) validateObject(options, 'options');
  const defaults = { recursive: false, force: false, retryDelay: 100, maxRetries: 0 };
  const parsed = { signal: undefined, ...defaults, ...(options as object | undefined) } as Parsed;
  validateBoolean(parsed.recursive, 'options.recursive');
  validateInteger(parsed.retryDelay, 'options.retryDelay', 0, int32Max);
  validateInteger(parsed.maxRetries, 'options.maxRetries', 0, uint32Max);
  validateBoolean(parsed.force, 'options.force');
  validateSignal(parsed.signal);
  return parsed;
}

/** rm() that throws invalid-argument errors synchronously. */
export function startRm(
  path: unknown,
  options: unknown,
  nodeRm: NodeRm = nodePromises.rm,
): Promise<void> {
  const parsed = parsePath(path);
  return remove(path as PathLike, parsed, parseRmOptions(options), nodeRm);
}

async function remove(
  path: PathLike,
  parsed: ParsedPath,
  options: Parsed,
  nodeRm: NodeRm,
): Promise<void> {
  const { force, recursive, signal } = options;
  let status: Stats;
  try {
    status = await lstat(path, { signal });
  } catch (error) {
    if (force && codeOf(error) === 'ENOENT') return;
    throw error;
  }
  // Node reports this with an error of its own, before it does anything.
  if (status.isDirectory() && !recursive) return nodeRm(path);
  const isFolder = status.isDirectory();
  const mayHaveParts = mayRemoveInParts && isFolder && !fewFolderLinks.has(status.nlink);
  try {
    await removeWithRetries(parsed, options, mayHaveParts ? removeInParts : removeTree);
  } catch (error) {
    // On EPERM Node tries whether such a file is a folder, and reports what that fails with.
    if (isWindows || isFolder || codeOf(error) !== 'EPERM') throw error;
    await nodeRm(path, { force, recursive });
  }
}

const isWindows = process.platform === 'win32';
// The name of a removed file stays until the last program closes it; its folder is not empty yet.
const heldCodes = new Set(['EACCES', 'EBUSY', 'ENOTEMPTY', 'EPERM']);
const passingCodes = new Set(['EBUSY', 'EMFILE', 'ENFILE', 'ENOTEMPTY', 'EPERM']);

async function removeWithRetries(
  path: ParsedPath,
  options: Parsed,
  removeOnce: typeof removeTree,
): Promise<void> {
  const { maxRetries, retryDelay, signal } = options;
  for (let tries = 0; ; tries++) {
    try {
      const run = (): Promise<void> => removeOnce(path, signal);
      return await retryWhileHeld(run, { codes: heldCodes, signal });
    } catch (error) {
      const code = codeOf(error);
      // Another process has removed it in the meantime.
      if (code === 'ENOENT') return;
      if (tries === maxRetries || !passingCodes.has(code)) throw error;
    }
    await sleep((tries + 1) * retryDelay, signal);
    if (signal?.aborted) throw abortError(signal);
  }
}

// Link counts of a folder with at most one subfolder: its name, its `.` and the `..` of each
// subfolder. File systems that do not count these report 1.
const fewFolderLinks = new Set([2, 3]);
// The maximum number of subfolders that are removed in parallel, by one worker each.
const partsMax = 4;
// Linux names the entries of an open folder by a path that nobody can redirect (proc_pid_fd(5)).
const mayRemoveInParts = process.platform === 'linux';
const { O_DIRECTORY, O_NOFOLLOW } = constants;
const folderRequest = parseOpenOptions(O_DIRECTORY | O_NOFOLLOW, undefined);
const notEmptyCodes = new Set(['ENOTEMPTY', 'EEXIST', 'EPERM']);

/**
 * removeTree() that removes the subfolders of the folder in parallel. It reaches them through the
 * open folder, so a program that replaces the folder with a link redirects nothing.
 */
async function removeInParts(path: ParsedPath, signal: AbortSignal | undefined): Promise<void> {
  if (await isDone(path)) return;
  // removeTree() reports why a folder does not open.
  const folder = await openParsed(path, folderRequest).catch(() => undefined);
  if (folder === undefined) return removeTree(path, signal);
  try {
    const native = `/proc/self/fd/${folder.file.descriptor}`;
    await removeSubfolders({ native, shown: path.shown }, signal);
  } finally {
    await folder.close();
  }
  await removeTree(path, signal);
}

async function removeSubfolders(
  folder: ParsedPath,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { paths, types } = await listTree(folder, { recursive: false, followLinks: true, signal });
  const names = namesOf({ paths, types }).filter((_, i) => types[i] === folderType);
  const failures: { index: number; error: unknown }[] = [];
  let next = 0;
  const removeNext = async (): Promise<void> => {
    while (next < names.length && failures.length === 0) {
      const index = next++;
      const part = partOf(folder, names[index] as string);
      await removeTree(part, signal).catch((error) => {
        // Already removed, or not a UTF-8 name; the final removeTree() handles the rest.
        if (codeOf(error) !== 'ENOENT') failures.push({ index, error });
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(partsMax, names.length) }, removeNext));
  const [first] = failures.sort((a, b) => a.index - b.index);
  if (first !== undefined) throw first.error;
}

/**
 * Whether nothing is left to do. As Node does, it empties a folder only if the system reports that
 * it is not empty, so that a mount point, or a link with a trailing slash, keeps its content.
 */
async function isDone(path: ParsedPath): Promise<boolean> {
  try {
    await nodePromises.rmdir(nodePathOf(path));
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return true;
    if (notEmptyCodes.has(codeOf(error))) return false;
    throw error;
  }
}

function nodePathOf({ native }: ParsedPath): string | Buffer {
  return typeof native === 'string' ? native : Buffer.from(native);
}

function partOf(path: ParsedPath, name: string): ParsedPath {
  return { native: `${path.native}/${name}`, shown: join(path.shown, name) };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

/**
 * Removes a file, or with `recursive: true` a folder with everything below it. Links are removed,
 * not followed.
 * @throws a system error; ERR_FS_EISDIR for a folder without `recursive`; AbortError
 * @example
 * await rm('build', { recursive: true, force: true });
 */
export async function rm(path: PathLike, options?: RmOptions): Promise<void> {
  return startRm(path, options);
}

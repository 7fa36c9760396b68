import { release } from 'node:os';
import process from 'node:process';
import { stat } from '../functions/status.js';
import { type OpenOptions, parseOpenOptions } from '../handle/open-options.js';
import { nodePromises } from '../node/node-fs.js';
import type { SystemPath } from './spot.js';

/** Options for what reads and writes leave in the cache, and how they wait for the disk. */
export interface DiskOptions {
  /**
   * Leaves the system's cache as it was, without needing alignment: pages that were cached before
   * stay, others leave. `true` fails where that is not possible (ENOTSUP on tmpfs,
   * ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on Windows); 'prefer' then uses the cache. Default:
   * 'prefer' for large files, and in copies of folders for all, on ext4, XFS and btrfs of Linux
   * 6.14 and later; else false.
   */
  dontCache?: boolean | 'prefer' | undefined;
  /**
   * The priority of reads and writes at the disk: 'idle' waits until no one else uses it, 'low'
   * comes after others. Fails with ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on systems other than Linux
   * and Windows.
   */
  ioPriority?: 'idle' | 'low' | undefined;
}

/** @throws ERR_INVALID_ARG_VALUE; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM */
export function validateDiskOptions({ dontCache, ioPriority }: DiskOptions): void {
  parseOpenOptions('r', { dontCache, ioPriority });
}

/** Returns the options with which a copy opens its files. */
export function openingOf(
  settings: DiskOptions & Pick<OpenOptions, 'unbuffered'>,
): DiskOptions & Pick<OpenOptions, 'unbuffered'> {
  const { unbuffered, dontCache, ioPriority } = settings;
  return { unbuffered, dontCache, ioPriority };
}

/** From this size on, in bytes, files leave the cache by default. */
const largeFileMin = 64 * 1024 * 1024;

// The magic numbers of statfs(2).
const fileSystemsThatDrop = new Set([0xef53, 0x58465342, 0x9123683e]);
const kernelMin = [6, 14] as const;

// RWF_DONTCACHE. Earlier kernels need more calls, and other file systems may copy on their server.
function hasCheapWay(): boolean {
  if (process.platform !== 'linux') return false;
  const [major = 0, minor = 0] = release().split('.', 2).map(Number);
  return major > kernelMin[0] || (major === kernelMin[0] && minor >= kernelMin[1]);
}

/**
 * Returns whether files on a file system may leave the cache by default: on ext4, XFS and btrfs of
 * Linux 6.14 and later.
 * @param typeOf returns the number of the file system's type from statfs(2)
 */
export async function mayDrop(typeOf: () => Promise<number>): Promise<boolean> {
  if (!hasCheapWay()) return false;
  try {
    return fileSystemsThatDrop.has(await typeOf());
  } catch {
    return false;
  }
}

/** Returns whether a file leaves the cache by default. @param path any path on its file system */
export async function dropsByDefault(size: number, path: SystemPath): Promise<boolean> {
  return size >= largeFileMin && mayDrop(async () => (await nodePromises.statfs(path)).type);
}

type Reading = DiskOptions & Pick<OpenOptions, 'unbuffered'>;

/**
 * Returns the options for opening a file that is read, with the default of its size if they leave
 * the cache open.
 */
export async function readingOf(
  options: Reading,
  size: number,
  path: SystemPath,
): Promise<Reading> {
  const opening = openingOf(options);
  if (opening.dontCache !== undefined || opening.unbuffered) return opening;
  return (await dropsByDefault(size, path)) ? { ...opening, dontCache: 'prefer' } : opening;
}

/** Returns the options of readingOf() for a path. */
export async function readingOfPath(
  options: Reading & { signal?: AbortSignal | undefined },
  path: SystemPath,
): Promise<Reading> {
  const { dontCache, unbuffered, signal } = options;
  if (dontCache !== undefined || unbuffered || !hasCheapWay()) return openingOf(options);
  const status = await stat(path, { throwIfNoEntry: false, signal });
  return readingOf(options, status?.isFile() ? status.size : 0, path);
}

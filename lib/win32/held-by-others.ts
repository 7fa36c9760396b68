import process from 'node:process';
import { abortError } from '../node/errors.js';
import { monotonicMs, sleep } from '../node/globals.js';
import { nodePromises } from '../node/node-fs.js';
import type { PathLike } from '../node/paths.js';

// Windows refuses to rename or remove a file that another program has open without sharing it for
// that purpose. Virus scanners, indexers and sync clients hold new files for a moment. This module
// alone decides which operations are retried, and for how long.

const heldCodes = new Set(['EACCES', 'EBUSY', 'EPERM']);
/** The total duration of all attempts, in milliseconds. */
export const heldMsMax = 2000;
const waitMsFirst = 10;
const waitMsMax = 100;

interface HeldOptions {
  /** Codes of errors that may be temporary. Default EACCES, EBUSY, EPERM. */
  codes?: ReadonlySet<string> | undefined;
  /** Whether the error is permanent; called once. */
  isLasting?: (() => Promise<boolean>) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Retries an operation that fails because another program holds the file, for up to heldMsMax, at
 * growing intervals. On systems other than Windows the operation runs once.
 * @throws the error of the last attempt; AbortError
 */
export async function retryWhileHeld<T>(
  run: () => Promise<T>,
  { codes = heldCodes, isLasting, signal }: HeldOptions = {},
): Promise<T> {
  if (process.platform !== 'win32') return run();
  const start = monotonicMs();
  for (let waitMs = waitMsFirst; ; waitMs = Math.min(2 * waitMs, waitMsMax)) {
    try {
      return await run();
    } catch (error) {
      if (!codes.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      if (monotonicMs() - start + waitMs > heldMsMax) throw error;
      if (waitMs === waitMsFirst && (await isLasting?.())) throw error;
    }
    await sleep(waitMs, signal);
    if (signal?.aborted) throw abortError(signal);
  }
}

async function isFolder(path: PathLike): Promise<boolean> {
  const status = await nodePromises.lstat(path).catch(() => undefined);
  return status?.isDirectory() ?? false;
}

/** Node's unlink(), retried while another program holds the file. A folder fails at once. */
export async function unlink(path: PathLike): Promise<void> {
  const isLasting = (): Promise<boolean> => isFolder(path);
  return retryWhileHeld(() => nodePromises.unlink(path), { isLasting });
}

/**
 * Node's rename(), retried while another program holds either file. Windows never replaces a
 * folder, so an attempt to do so fails at once.
 */
export async function rename(oldPath: PathLike, newPath: PathLike): Promise<void> {
  const isLasting = (): Promise<boolean> => isFolder(newPath);
  return retryWhileHeld(() => nodePromises.rename(oldPath, newPath), { isLasting });
}

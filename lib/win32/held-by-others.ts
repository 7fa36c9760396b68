import { abortError } from '../node/errors.js';
import { monotonicMs, sleep } from '../node/globals.js';
import { nodePromises } from '../node/node-fs.js';
import type { PathLike } from '../node/paths.js';

// Windows refuses to rename and to remove a file that somebody has open and does not share for it.
// Virus scanners, indexers and programs that synchronise folders do that to new files, for a
// moment.

const heldCodes = new Set(['EACCES', 'EBUSY', 'EPERM']);
/** For so long in all it is tried again. */
export const heldMsMax = 2000;
const waitMsFirst = 10;
const waitMsMax = 100;

interface HeldOptions {
  /** Codes of errors that may pass. */
  codes?: ReadonlySet<string> | undefined;
  /** Whether such an error will not pass by itself; asked once. */
  isLasting?: (() => Promise<boolean>) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Runs something again as long as it fails because somebody else holds the file, for up to
 * heldMsMax, at growing distances. Elsewhere than on Windows it is run once.
 * @throws what the last run has thrown; AbortError
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

/** As Node's unlink(), but for what others hold at the moment. A folder fails at once. */
export async function unlink(path: PathLike): Promise<void> {
  const isLasting = (): Promise<boolean> => isFolder(path);
  return retryWhileHeld(() => nodePromises.unlink(path), { isLasting });
}

/**
 * As Node's rename(), but for what others hold at the moment. In the place of a folder nothing can
 * come, so that it fails at once.
 */
export async function rename(oldPath: PathLike, newPath: PathLike): Promise<void> {
  const isLasting = (): Promise<boolean> => isFolder(newPath);
  return retryWhileHeld(() => nodePromises.rename(oldPath, newPath), { isLasting });
}

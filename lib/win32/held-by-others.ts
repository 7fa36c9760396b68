import { abortError } from '../node/errors.js';
import { monotonicMs, sleep } from '../node/globals.js';
import { nodePromises } from '../node/node-fs.js';
import type { PathLike } from '../node/paths.js';

// Windows refuses to rename and to remove a file that another program has open and does not share
// for that. Virus scanners, indexers and programs that synchronize folders hold new files for a
// moment. This is the only place that decides what is tried again, and for how long.

const heldCodes = new Set(['EACCES', 'EBUSY', 'EPERM']);
/** How long the attempts last in all. */
export const heldMsMax = 2000;
const waitMsFirst = 10;
const waitMsMax = 100;

interface HeldOptions {
  /** Codes of errors that may pass. Default EACCES, EBUSY, EPERM. */
  codes?: ReadonlySet<string> | undefined;
  /** Whether the error will not pass by itself; asked once. */
  isLasting?: (() => Promise<boolean>) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Runs something again while it fails because another program holds the file, for up to heldMsMax,
 * at growing intervals. On other systems than Windows it runs once.
 * @throws the error of the last run; AbortError
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

/** Node's unlink(), tried again while another program holds the file. A folder fails at once. */
export async function unlink(path: PathLike): Promise<void> {
  const isLasting = (): Promise<boolean> => isFolder(path);
  return retryWhileHeld(() => nodePromises.unlink(path), { isLasting });
}

/**
 * Node's rename(), tried again while another program holds either file. Windows never replaces a
 * folder, so that fails at once.
 */
export async function rename(oldPath: PathLike, newPath: PathLike): Promise<void> {
  const isLasting = (): Promise<boolean> => isFolder(newPath);
  return retryWhileHeld(() => nodePromises.rename(oldPath, newPath), { isLasting });
}

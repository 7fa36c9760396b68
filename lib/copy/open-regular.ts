import { constants } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { abortError, type SystemError, systemErrorOf } from '../node/errors.js';
import { sleep } from '../node/globals.js';

const { O_NONBLOCK = 0 } = constants;
const msBetweenTries = 100;
// Longer than Linux gives the holder of a lease (/proc/sys/fs/lease-break-time, 45 s).
const triesMax = 600;

/**
 * Opens a regular file whose name may lead to a FIFO by now, which is never waited for. A lease of
 * another process is waited for.
 * @param open opens the name with more flags
 * @throws EINVAL if the file is not regular; errors of `open`; AbortError
 */
export async function openRegular(
  open: (flags: number) => Promise<CoreHandle>,
  signal: AbortSignal | undefined,
): Promise<CoreHandle> {
  const handle = await openWhenFree(() => open(O_NONBLOCK), signal);
  try {
    if ((await handle.stat()).isFile()) return handle;
    throw systemErrorOf('EINVAL', { syscall: 'open' }, 'the file is not a regular file');
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openWhenFree(
  open: () => Promise<CoreHandle>,
  signal: AbortSignal | undefined,
): Promise<CoreHandle> {
  for (let tries = 1; ; tries++) {
    try {
      return await open();
    } catch (error) {
      if ((error as SystemError).code !== 'EAGAIN' || tries === triesMax) throw error;
    }
    await sleep(msBetweenTries, signal);
    if (signal?.aborted) throw abortError(signal);
  }
}

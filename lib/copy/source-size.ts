import type { BigIntStats } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';

/**
 * Returns the size of a file, or null if its status does not report one: a FIFO, a device, or a
 * file under /proc or /sys that reports 0 bytes.
 */
export function sizeOfContent(status: BigIntStats): number | null {
  return status.isFile() && status.size > 0n ? Number(status.size) : null;
}

/** Returns the size of an open file like sizeOfContent(); a block device is asked for it. */
export async function sizeOfSource(
  handle: CoreHandle,
  status: BigIntStats,
): Promise<number | null> {
  return handle.deviceType === 'block' ? handle.size() : sizeOfContent(status);
}

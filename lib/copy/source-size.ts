import type { BigIntStats } from 'node:fs';

/**
 * Returns the size of a file, or null if it does not report one: a FIFO, a disk, or a file under
 * /proc or /sys that reports 0 bytes.
 */
export function sizeOfContent(status: BigIntStats): number | null {
  return status.isFile() && status.size > 0n ? Number(status.size) : null;
}

import type { BigIntStats } from 'node:fs';

/**
 * The bytes of a file, or null for what does not say how many it has: a FIFO, a disk, and files
 * under /proc and /sys, which say that they are empty.
 */
export function sizeOfContent(status: BigIntStats): number | null {
  return status.isFile() && status.size > 0n ? Number(status.size) : null;
}

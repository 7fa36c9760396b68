import type { BigIntStats } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import type { ChangedPolicy } from './file-copy-options.js';
import { SourceChangedError } from './source-changed-error.js';
import { sizeOfContent } from './source-size.js';

/**
 * Whether the source was written to since `before`.
 * @throws SourceChangedError if the policy does not accept that
 */
export async function isChanged(
  source: CoreHandle,
  before: BigIntStats,
  bytes: number,
  policy: ChangedPolicy,
): Promise<boolean> {
  const after = await source.stat({ bigint: true });
  if (sizeOfContent(before) === null) {
    // The file ends where the reads ended; times under /proc are those of the stat itself.
    const size = Number(after.size);
    if (size === 0 || size === bytes) return false;
    if (policy === 'error') throw new SourceChangedError(bytes, size);
    return true;
  }
  if (after.size === before.size && after.mtimeNs === before.mtimeNs) return false;
  const hasGrown = after.size > before.size;
  if (policy === 'accept' || (policy === 'retry' && hasGrown)) return true;
  throw new SourceChangedError(Number(before.size), Number(after.size));
}

const nanosecondsPerSecond = 1e9;

/** Gives a copy the times that its source had before it was written to. */
export async function setTimesBefore(handle: CoreHandle, before: BigIntStats): Promise<void> {
  const seconds = (time: bigint): number => Number(time) / nanosecondsPerSecond;
  await handle.utimes(seconds(before.atimeNs), seconds(before.mtimeNs));
}

import type { CoreHandle } from '../handle/core-handle.js';
import { type FallbackLog, isSystemError } from './fallbacks.js';

/**
 * Sets the size of a file; a device keeps its own. Some file systems refuse that, even for the
 * current size.
 * @throws a system error if the file then has another size
 */
export async function setSize(
  file: CoreHandle,
  size: number,
  fallbacks: FallbackLog,
): Promise<void> {
  if (file.deviceType === 'block') return;
  const hasSize = async (error: unknown): Promise<boolean> =>
    isSystemError(error) && (await file.stat()).size === size;
  await fallbacks.attempt('size', hasSize, () => file.truncate(size));
}

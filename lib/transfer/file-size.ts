import { decodeValue, type Operable } from '../engine/operation.js';
import { sizeOfBlockDevice } from '../engine/requests.js';

const subject = { syscall: 'devicesize' };

/** A file or device that reports its size. */
export interface SizedFile extends Operable {
  readonly deviceType: string;
  stat(options?: { signal?: AbortSignal | undefined }): Promise<{ size: number }>;
}

/** Returns the size of a volume or drive in bytes. */
export function sizeOfDevice(handle: Operable, signal?: AbortSignal): Promise<number> {
  return handle.operate({
    ...sizeOfBlockDevice(),
    subject,
    decode: decodeValue,
    signal,
  });
}

/** Returns the end of a file. A block device's status reports 0, so its driver is asked. */
export async function endOf(handle: SizedFile, signal?: AbortSignal): Promise<number> {
  if (handle.deviceType === 'block') return sizeOfDevice(handle, signal);
  return (await handle.stat({ signal })).size;
}

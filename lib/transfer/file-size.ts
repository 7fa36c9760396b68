import { decodeValue, type Operable } from '../engine/operation.js';
import { sizeOfBlockDevice } from '../engine/requests.js';

const subject = { syscall: 'devicesize' };

/** A file or device that says where it ends. */
export interface SizedFile extends Operable {
  readonly deviceType: string;
  stat(options?: { signal?: AbortSignal | undefined }): Promise<{ size: number }>;
}

/** The size of a volume or drive in bytes. */
export function sizeOfDevice(handle: Operable, signal?: AbortSignal): Promise<number> {
  return handle.operate({
    ...sizeOfBlockDevice(),
    subject,
    decode: decodeValue,
    signal,
  });
}

/** Where a file ends. The status of a block device says 0, so its driver is asked. */
export async function endOf(handle: SizedFile, signal?: AbortSignal): Promise<number> {
  if (handle.deviceType === 'block') return sizeOfDevice(handle, signal);
  return (await handle.stat({ signal })).size;
}

import { Opcode } from '../engine/native.js';
import { decodeValue, type Operable } from '../engine/operation.js';
import type { DeviceType } from '../file-handle/file-handle.js';

const subject = { syscall: 'devicesize' };

export interface SizedFile extends Operable {
  readonly deviceType: DeviceType;
  stat(options?: { signal?: AbortSignal | undefined }): Promise<{ size: number }>;
}

/** The size of a volume or drive in bytes. */
export function sizeOfDevice(handle: Operable, signal?: AbortSignal): Promise<number> {
  return handle.operate({
    opcode: Opcode.deviceSize,
    subject,
    decode: decodeValue as () => number,
    signal,
  });
}

/** Where a file ends. Of a block device stat() says nothing, or 0. */
export async function endOf(handle: SizedFile, signal?: AbortSignal): Promise<number> {
  if (handle.deviceType === 'block') return sizeOfDevice(handle, signal);
  return (await handle.stat({ signal })).size;
}

import { Opcode } from './engine/native.js';
import { decodeValue, type Operable } from './engine/operation.js';

interface SizedFile extends Operable {
  readonly deviceType: string;
  stat(options?: { signal?: AbortSignal | undefined }): Promise<{ size: number }>;
}

/** Bytes of a volume or drive. */
export function sizeOfDevice(handle: Operable): Promise<number> {
  return handle.operate({
    opcode: Opcode.deviceSize,
    subject: { syscall: 'devicesize' },
    decode: decodeValue as () => number,
  });
}

/** Place behind the last byte of a file; stat() does not have the size of a volume or drive. */
export async function endOf(file: SizedFile, signal?: AbortSignal): Promise<number> {
  if (file.deviceType === 'block') return sizeOfDevice(file);
  return (await file.stat({ signal })).size;
}

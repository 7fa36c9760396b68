import type { Stats } from 'node:fs';
import { getEngine } from '../engine/engine.js';
import { Opcode } from '../engine/opcodes.js';
import { decodeValue } from '../engine/operation.js';
import { foreignDescriptor, statusOfFile, transfer, transferVectors } from '../engine/requests.js';
import type { ReadableFile } from '../file-handle/whole-file.js';
import { decodeStats } from '../handle/stats.js';

// Reads from a descriptor, whoever opened it. The engine looks at the number anew for each of them,
// so that nothing is remembered of a file that has been closed meanwhile.

/**
 * Whether the engine serves descriptors. On Windows one belongs to the C runtime and stands for a
 * synchronous handle with a place of its own, which the engine has no better way to use than Node.
 */
export const servesDescriptors = process.platform !== 'win32';

const readSubject = { syscall: 'read' };
const statSubject = { syscall: 'fstat' };

/** A read whose arguments are valid. */
export interface DescriptorRead {
  fd: number;
  /** A typed array, or a list of them. */
  object: Uint8Array | readonly Uint8Array[];
  /** Place in the array, in bytes. */
  offset: number;
  length: number;
  /** -1: at the cursor, which all who have the file open in this way share. */
  position: number | bigint;
  signal?: AbortSignal | undefined;
}

/** @returns bytes. @throws a system error; AbortError */
export function readDescriptor(read: DescriptorRead): Promise<number> {
  const { fd, object, offset, length, position, signal } = read;
  const request = Array.isArray(object)
    ? transferVectors(Opcode.readVector, { buffers: object, length, position })
    : transfer(Opcode.read, { memory: object, offset, length, position });
  return getEngine().submit<number>({
    ...request,
    ...foreignDescriptor,
    subject: readSubject,
    decode: decodeValue,
    file: fd,
    signal,
  });
}

/** A descriptor as readFile uses it: from its cursor on. */
export function readableFileOf(fd: number): ReadableFile {
  return {
    stat: ({ signal }) =>
      getEngine().submit<Stats>({
        ...statusOfFile(),
        ...foreignDescriptor,
        subject: statSubject,
        decode: decodeStats,
        file: fd,
        signal,
      }),
    read: async (object, { offset, length, signal }) => ({
      bytesRead: await readDescriptor({ fd, object, offset, length, position: -1, signal }),
    }),
  };
}

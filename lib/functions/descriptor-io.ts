import type { Stats } from 'node:fs';
import { getEngine } from '../engine/engine.js';
import { FileReference, Opcode } from '../engine/native.js';
import { decodeValue } from '../engine/operation.js';
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
  return getEngine().submit<number>({
    opcode: Array.isArray(object) ? Opcode.readVector : Opcode.read,
    subject: readSubject,
    decode: decodeValue,
    file: fd,
    flags: FileReference.descriptor,
    position,
    offset,
    length,
    object,
    signal,
  });
}

/** A descriptor as readFile uses it: from its cursor on. */
export function readableFileOf(fd: number): ReadableFile {
  return {
    stat: ({ signal }) =>
      getEngine().submit<Stats>({
        opcode: Opcode.stat,
        subject: statSubject,
        decode: decodeStats,
        file: fd,
        flags: FileReference.descriptor,
        signal,
      }),
    read: async (object, { offset, length, signal }) => ({
      bytesRead: await readDescriptor({ fd, object, offset, length, position: -1, signal }),
    }),
  };
}

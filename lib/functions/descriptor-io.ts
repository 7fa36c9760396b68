import type { Stats } from 'node:fs';
import process from 'node:process';
import { getEngine } from '../engine/engine.js';
import { Opcode } from '../engine/opcodes.js';
import { type CompleteRequest, complete, decodeValue } from '../engine/operation.js';
import { foreignDescriptor, statusOfFile, transfer, transferVectors } from '../engine/requests.js';
import type { ReadableFile } from '../file-handle/whole-file.js';
import { decodeStats } from '../handle/stats.js';
import { ownOptions } from '../node/own-options.js';

// Reads from descriptors, no matter which code opened them. The engine looks up the descriptor for
// every read, so it remembers nothing about a file that has since been closed.

/**
 * Whether the engine serves descriptors. On Windows a descriptor belongs to the C runtime and
 * stands for a synchronous handle with a cursor of its own, for which the engine has no advantage
 * over Node.
 */
export const servesDescriptors = process.platform !== 'win32';

const readSubject = { syscall: 'read' };
const statSubject = { syscall: 'fstat' };

/** A read whose arguments are valid. */
export interface DescriptorRead {
  fd: number;
  /** A view in the form that the addon takes (nativeView()), or a list of them. */
  object: ArrayBufferView | readonly ArrayBufferView[];
  /** The offset in the view, in bytes. */
  offset: number;
  length: number;
  /** -1 reads at the cursor, which everyone with this open file shares. */
  position: number | bigint;
  signal?: AbortSignal | undefined;
}

/** The request of a read; its value is the number of bytes. */
export function descriptorRead(read: DescriptorRead): CompleteRequest {
  const { fd, object, offset, length, position, signal } = ownOptions(read);
  const encoded = Array.isArray(object)
    ? transferVectors(Opcode.readVector, { buffers: object, length, position })
    : transfer(Opcode.read, { memory: object, offset, length, position });
  const ofDescriptor = { ...encoded, ...foreignDescriptor, file: fd };
  return complete(ofDescriptor, readSubject, decodeValue, signal);
}

/** A descriptor in the form that readFile uses; it reads from the cursor. */
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
      bytesRead: await getEngine().submit<number>(
        descriptorRead({ fd, object, offset, length, position: -1, signal }),
      ),
    }),
  };
}

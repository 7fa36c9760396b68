import { randomUUID } from 'node:crypto';
import type { Completion } from '../engine/completion.js';
import { getEngine } from '../engine/engine.js';
import { createPipePairAt } from '../engine/requests.js';
import { FileHandle } from '../file-handle/file-handle.js';
import { coreOfOpened } from '../handle/open.js';
import type { Access } from '../handle/open-flags.js';
import { decodeOpened, decodePeer, type OpenedFile } from '../handle/opened-file.js';
import { unavailable } from '../node/errors.js';
import { validateInteger, validateObject } from '../node/validate.js';
import { isLinux, isWindows } from './names.js';

/** Options of createPipe(). */
export interface PipeOptions {
  /**
   * Bytes that the pipe holds before writes wait. Windows takes it as a hint (nOutBufferSize);
   * Linux rounds it up to whole pages (F_SETPIPE_SZ). Default: the system's own, usually 64 KiB.
   */
  bufferSize?: number | undefined;
}

/** The two ends of a pipe. */
export interface PipePair {
  /** The end to read from. */
  readable: FileHandle;
  /** The end to write to. */
  writable: FileHandle;
}

const sizeMax = 2 ** 31 - 1;

/** Returns 0 for the default. @throws ERR_OUT_OF_RANGE, …; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM */
export function parseBufferSize(bufferSize: number | undefined): number {
  if (bufferSize === undefined) return 0;
  validateInteger(bufferSize, 'options.bufferSize', 1, sizeMax);
  if (!isWindows && !isLinux) throw unavailable('options.bufferSize');
  return bufferSize;
}

function decodePair(completion: Completion): readonly [OpenedFile, OpenedFile] {
  return [decodeOpened(completion), decodePeer(completion)];
}

function endOfPipe(opened: OpenedFile, access: Access): FileHandle {
  return new FileHandle(coreOfOpened(opened, access));
}

/**
 * Creates an anonymous pipe (pipe2() on POSIX; on Windows, where CreatePipe() has no overlapped
 * mode, the only instance of a named pipe with a random name). A read of `readable` returns what is
 * available, and 0 bytes once `writable` is closed; a write without a reader fails with EPIPE.
 * https://man7.org/linux/man-pages/man2/pipe.2.html
 * @throws EMFILE, ENFILE; EPERM on Linux for a buffer beyond /proc/sys/fs/pipe-max-size
 * @example
 * const { readable, writable } = await createPipe();
 * await writable.write('hello');
 */
export async function createPipe(options: PipeOptions = {}): Promise<PipePair> {
  validateObject(options, 'options');
  const size = parseBufferSize(options.bufferSize);
  const path = isWindows ? `\\\\.\\pipe\\overlapped-${randomUUID()}` : '';
  const [readable, writable] = await getEngine().submit<readonly [OpenedFile, OpenedFile]>({
    ...createPipePairAt({ path, bufferSize: size }),
    subject: { syscall: 'pipe' },
    decode: decodePair,
  });
  return {
    readable: endOfPipe(readable, { readable: true, writable: false, append: false }),
    writable: endOfPipe(writable, { readable: false, writable: true, append: false }),
  };
}

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
   * Bytes that are written before writes wait; a hint on Windows (nOutBufferSize), rounded up to
   * whole pages on Linux (F_SETPIPE_SZ). Default: the system's own, 64 KiB.
   */
  bufferSize?: number | undefined;
}

/** The two ends of a pipe. */
export interface PipePair {
  /** The end that is read. */
  readable: FileHandle;
  /** The end that is written. */
  writable: FileHandle;
}

const sizeMax = 2 ** 31 - 1;

/** @throws ERR_OUT_OF_RANGE, …; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM. Gives 0 for the default. */
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
 * A pipe without a name (pipe2; on Windows the only instance of a named pipe with a name that
 * nobody knows, since CreatePipe has no overlapped mode). A read at `readable` gives what there is,
 * and 0 bytes once `writable` is closed; a write without a reader is EPIPE.
 * @throws EMFILE, ENFILE; EPERM on Linux for a buffer beyond /proc/sys/fs/pipe-max-size
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

import { PipeFlag } from '../engine/opcodes.js';
import { decodeNothing } from '../engine/operation.js';
import { configurePipeEnd } from '../engine/requests.js';
import { FileHandle } from '../file-handle/file-handle.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { abortError, type SystemError, systemErrorOf } from '../node/errors.js';
import {
  AbortController,
  AbortSignal,
  clearTimeout,
  monotonicMs,
  setTimeout,
  sleep,
} from '../node/globals.js';
import type { ParsedPath } from '../node/paths.js';
import { validateInteger, validateObject, validateSignal } from '../node/validate.js';
import { isWindows, parseDeviceName, type SignalOptions } from './names.js';
import { checkDirection, openPipe, type PipeDirection } from './pipe-direction.js';

/** Options of connectNamedPipe(). */
export interface ConnectOptions extends SignalOptions {
  /** The direction of the client: the counterpart of the server's. */
  direction: PipeDirection;
  /**
   * Milliseconds to wait while the server is busy (on POSIX, until the server opens the FIFO)
   * before failing with ETIMEDOUT. Default: no limit. A missing name fails at once with ENOENT.
   */
  waitMs?: number | undefined;
  /** Windows: read message by message from a server that writes messages. Default false. */
  messages?: boolean | undefined;
}

const pauseMsMin = 1;
const pauseMsMax = 32;
const waitMsMax = 2 ** 31 - 1;
// ERROR_PIPE_BUSY: every instance has a client.
const pipeBusy = 231;

function timedOut(path: ParsedPath): SystemError {
  return systemErrorOf('ETIMEDOUT', { syscall: 'open', path: path.shown });
}

// WaitNamedPipe() would block a thread and cannot be canceled, so a busy pipe is polled.
async function connectWhenFree(
  path: ParsedPath,
  direction: PipeDirection,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<CoreHandle> {
  const end = monotonicMs() + waitMs;
  for (let pauseMs = pauseMsMin; ; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
    try {
      return await openPipe(path, direction, signal);
    } catch (error) {
      if ((error as SystemError).win32Error !== pipeBusy) throw error;
    }
    const leftMs = end - monotonicMs();
    if (leftMs <= 0) throw timedOut(path);
    await sleep(Math.min(pauseMs, leftMs), signal);
    if (signal?.aborted) throw abortError(signal);
  }
}

async function connectFifo(
  path: ParsedPath,
  direction: PipeDirection,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<CoreHandle> {
  if (waitMs === Number.POSITIVE_INFINITY) return openPipe(path, direction, signal);
  const time = new AbortController();
  const timer = setTimeout(() => time.abort(), waitMs);
  try {
    const either = signal ? AbortSignal.any([signal, time.signal]) : time.signal;
    return await openPipe(path, direction, either);
  } catch (error) {
    if (signal?.aborted) throw abortError(signal);
    throw time.signal.aborted ? timedOut(path) : error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Connects to a named pipe as a client.
 * @param name on Windows the part after `\\.\pipe\`, or a full name; on POSIX the path of a FIFO
 * @param options `direction` is required
 * @throws ENOENT if no server has the name; ETIMEDOUT after `waitMs`; AbortError if `signal` aborts
 * @example
 * const pipe = await connectNamedPipe('greeter', { direction: 'in', waitMs: 5000 });
 */
export async function connectNamedPipe(name: string, options: ConnectOptions): Promise<FileHandle> {
  validateObject(options, 'options');
  const path = parseDeviceName(name, 'pipe\\');
  const { direction, messages = false, waitMs = Number.POSITIVE_INFINITY, signal } = options;
  checkDirection(direction, messages);
  if (waitMs !== Number.POSITIVE_INFINITY) {
    validateInteger(waitMs, 'options.waitMs', 0, waitMsMax);
  }
  validateSignal(signal);
  if (!isWindows) return new FileHandle(await connectFifo(path, direction, waitMs, signal));
  const core = await connectWhenFree(path, direction, waitMs, signal);
  if (!messages) return new FileHandle(core);
  try {
    await core.operate({
      ...configurePipeEnd({ flags: PipeFlag.messages, bufferSize: 0 }),
      subject: { syscall: 'setnamedpipehandlestate', path: path.shown },
      decode: decodeNothing,
    });
    return new FileHandle(core);
  } catch (error) {
    await core.close();
    throw error;
  }
}

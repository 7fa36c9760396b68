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
  /** What the client does: the counterpart of what the server does. */
  direction: PipeDirection;
  /**
   * Milliseconds to wait while the server serves others, or elsewhere has not opened the FIFO; then
   * ETIMEDOUT. Default: without end. A name that is not there is ENOENT at once.
   */
  waitMs?: number | undefined;
  /** Windows: read message by message, of a server that writes messages. Default false. */
  messages?: boolean | undefined;
}

const pauseMsMin = 1;
const pauseMsMax = 32;
const waitMsMax = 2 ** 31 - 1;
// ERROR_PIPE_BUSY: all instances have clients.
const pipeBusy = 231;

function timedOut(path: ParsedPath): SystemError {
  return systemErrorOf('ETIMEDOUT', { syscall: 'open', path: path.shown });
}

// WaitNamedPipe would keep a thread, and nothing ends it; so a busy pipe is tried again.
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
 * @throws ENOENT where nobody serves the name; ETIMEDOUT; AbortError
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

import type { Completion } from '../engine/completion.js';
import { decodeNothing } from '../engine/operation.js';
import {
  createMailslotAt,
  openMailslotAt,
  setMailslotTimeoutTo,
  statusOfMailslot,
} from '../engine/requests.js';
import { FileHandle } from '../file-handle/file-handle.js';
import { requireCore } from '../handle/core-of.js';
import { openBy } from '../handle/open.js';
import { decodeOpened } from '../handle/opened-file.js';
import { unavailable } from '../node/errors.js';
import { validateInteger, validateObject, validateSignal } from '../node/validate.js';
import { isWindows, parseDeviceName, type SignalOptions } from './names.js';

/** Options of createMailslot(). */
export interface MailslotOptions {
  /** Bytes of the largest message that is accepted. Default 0: any size. */
  messageSizeMax?: number | undefined;
  /** Milliseconds before a read without a message fails with ETIMEDOUT. Default: no limit. */
  readTimeoutMs?: number | undefined;
}

/** The state and settings of a mailslot. */
export interface MailslotStatus {
  /** Bytes of the largest message that is accepted; 0 for any size. */
  messageSizeMax: number;
  /** Milliseconds that a read waits; Infinity for no limit. */
  readTimeoutMs: number;
  /** Unread messages. */
  messages: number;
  /** Bytes of the next message; null if there is none. */
  nextSize: number | null;
}

const numberMax = 2 ** 31 - 1;
// MAILSLOT_WAIT_FOREVER
const forever = 0xffffffff;

function checkWindows(feature: string): void {
  if (!isWindows) throw unavailable(feature);
}

function parseTimeout(timeoutMs: unknown, name: string): number {
  if (timeoutMs === Number.POSITIVE_INFINITY) return forever;
  validateInteger(timeoutMs, name, 0, numberMax);
  return timeoutMs;
}

/**
 * Creates a mailslot and returns the handle that reads from it; each read returns one message. A
 * read with a buffer that is too small fails with EINVAL and leaves the message in the mailslot
 * (mailslotStatus() reports its size). Windows only.
 * https://learn.microsoft.com/windows/win32/ipc/mailslots
 * @param name the part after `\\.\mailslot\`, or a full name
 * @throws EEXIST if the name is taken; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM
 * @example
 * const mailslot = await createMailslot('news', { readTimeoutMs: 1000 });
 * const { buffer, bytesRead } = await mailslot.read();
 */
export async function createMailslot(
  name: string,
  options: MailslotOptions = {},
): Promise<FileHandle> {
  const path = parseDeviceName(name, 'mailslot\\');
  validateObject(options, 'options');
  const { messageSizeMax = 0, readTimeoutMs = Number.POSITIVE_INFINITY } = options;
  validateInteger(messageSizeMax, 'options.messageSizeMax', 0, numberMax);
  const timeout = parseTimeout(readTimeoutMs, 'options.readTimeoutMs');
  checkWindows('createMailslot()');
  const request = {
    ...createMailslotAt({ path: path.native, messageSizeMax, readTimeoutMs: timeout }),
    subject: { syscall: 'createmailslot', path: path.shown },
    decode: decodeOpened,
  };
  const access = { readable: true, writable: false, append: false };
  return new FileHandle(await openBy(request, access));
}

/**
 * Opens a mailslot for writing; each write sends one message. Windows only.
 * @param name the part after `\\.\mailslot\`, or a full name
 * @throws ENOENT if the mailslot does not exist; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM; AbortError
 * @example
 * const mailslot = await openMailslot('news');
 * await mailslot.write('hello');
 */
export async function openMailslot(name: string, options: SignalOptions = {}): Promise<FileHandle> {
  const path = parseDeviceName(name, 'mailslot\\');
  validateObject(options, 'options');
  validateSignal(options.signal);
  checkWindows('openMailslot()');
  const request = {
    ...openMailslotAt(path.native),
    subject: { syscall: 'open', path: path.shown },
    decode: decodeOpened,
    signal: options.signal,
  };
  const access = { readable: false, writable: true, append: false };
  return new FileHandle(await openBy(request, access));
}

/**
 * Changes how long future reads of a mailslot wait; pending reads keep their limit
 * (SetMailslotInfo). Windows only.
 * @param timeoutMs milliseconds, or Infinity
 * @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM
 * @example
 * await setMailslotTimeout(mailslot, 500);
 */
export async function setMailslotTimeout(mailslot: FileHandle, timeoutMs: number): Promise<void> {
  const timeout = parseTimeout(timeoutMs, 'timeoutMs');
  checkWindows('setMailslotTimeout()');
  return requireCore(mailslot, 'mailslot').operate({
    ...setMailslotTimeoutTo(timeout),
    subject: { syscall: 'setmailslotinfo' },
    decode: decodeNothing,
  });
}

function decodeStatus(completion: Completion): MailslotStatus {
  const content = completion.takeContent() as Buffer;
  const [sizeMax, next, messages, timeout] = [0, 4, 8, 12].map((at) => content.readInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  return {
    messageSizeMax: sizeMax,
    readTimeoutMs: timeout < 0 ? Number.POSITIVE_INFINITY : timeout,
    messages,
    nextSize: next < 0 ? null : next,
  };
}

/**
 * Reports the unread messages and the settings of a mailslot (GetMailslotInfo). Windows only.
 * @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM
 * @example
 * const { messages } = await mailslotStatus(mailslot);
 */
export async function mailslotStatus(mailslot: FileHandle): Promise<MailslotStatus> {
  checkWindows('mailslotStatus()');
  return requireCore(mailslot, 'mailslot').operate({
    ...statusOfMailslot(),
    subject: { syscall: 'getmailslotinfo' },
    decode: decodeStatus,
  });
}

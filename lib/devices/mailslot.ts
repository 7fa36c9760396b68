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
  /** Bytes of the largest message that is taken. Default 0: any. */
  messageSizeMax?: number | undefined;
  /** Milliseconds that a read waits for a message; then ETIMEDOUT. Default: without end. */
  readTimeoutMs?: number | undefined;
}

/** What a mailslot has and how it is set. */
export interface MailslotStatus {
  /** Bytes; 0 for any. */
  messageSizeMax: number;
  /** Milliseconds that a read waits; Infinity for without end. */
  readTimeoutMs: number;
  /** Messages that have not been read. */
  messages: number;
  /** Bytes of the next one; null where there is none. */
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
 * Makes a mailslot, and gives the handle that reads from it: each read one message. A buffer that
 * is too small for the next message is EINVAL, and the message stays (mailslotStatus() has its
 * size). Windows.
 * @param name the part behind `\\.\mailslot\`, or a whole name
 * @throws EEXIST where the name is taken; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM
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
 * Opens a mailslot for writing: each write is one message. Windows.
 * @throws ENOENT where nobody has made it; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM
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
 * Changes how long reads of a mailslot wait, those that wait already excepted (SetMailslotInfo).
 * @param timeoutMs milliseconds, or Infinity
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

/** What waits in a mailslot, and how it is set (GetMailslotInfo). */
export async function mailslotStatus(mailslot: FileHandle): Promise<MailslotStatus> {
  checkWindows('mailslotStatus()');
  return requireCore(mailslot, 'mailslot').operate({
    ...statusOfMailslot(),
    subject: { syscall: 'getmailslotinfo' },
    decode: decodeStatus,
  });
}

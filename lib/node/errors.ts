import { getSystemErrorMap, inspect } from 'node:util';
import { giveCallersStack, withoutStack } from './own-frames.js';

/** How an operation is named when it fails. */
export interface Subject {
  readonly syscall: string;
  readonly path?: string | undefined;
  /** The second path of an operation that has two. */
  readonly dest?: string | undefined;
  /** The names of the later steps of a compound operation. */
  readonly laterSteps?: readonly string[];
  /** For an operation on a tree: turns the place where it failed into the path that errors show. */
  readonly showPlace?: (nativePath: string) => string;
}

/** An error with the fields of Node's own file system errors. */
export interface SystemError extends Error {
  /** The name of the error, such as 'ENOENT'. */
  code: string;
  /** The negative number of the error, libuv's. */
  errno: number;
  /** The call that failed, such as 'open'. */
  syscall: string;
  /** The path, as the caller named it. */
  path?: string;
  /** The second path of the call, as the caller named it. */
  dest?: string;
  /** Windows: what GetLastError() said. */
  win32Error?: number;
}

const systemErrors = getSystemErrorMap();

/**
 * An I/O error as Node shapes it: `ENOENT: no such file or directory, open 'x'`.
 * @param errno libuv's negative number
 * @param osError errno or GetLastError(), as the system gave it
 * @param hint what the caller can do about it, where the code alone does not say
 */
export function systemError(
  errno: number,
  subject: Subject,
  osError?: number,
  hint?: string,
): SystemError {
  // Node gives numbers that libuv has no name for the same code and text.
  const unnamed = `Unknown system error ${errno}`;
  const [code, text] = systemErrors.get(errno) ?? [unnamed, unnamed];
  const { syscall, path, dest } = subject;
  const from = path === undefined ? '' : ` '${path}'`;
  const where = dest === undefined ? from : `${from} -> '${dest}'`;
  const more = hint === undefined ? '' : ` (${hint})`;
  const message = `${code}: ${text}, ${syscall}${where}${more}`;
  const error = withoutStack(() => new Error(message)) as SystemError;
  giveCallersStack(error, systemError);
  error.errno = errno;
  error.code = code;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  if (process.platform === 'win32' && osError !== undefined) error.win32Error = osError;
  return error;
}

/** EBADF as Node's FileHandle has it: without errno. */
export function fileClosed(syscall: string): Error {
  const error = Object.assign(new Error('file closed'), { code: 'EBADF', syscall });
  giveCallersStack(error, fileClosed);
  return error;
}

const errnoByCode = new Map([...systemErrors].map(([errno, [code]]) => [code, errno]));

/** The same by its code, for what is refused before it reaches the system. */
export function systemErrorOf(code: string, subject: Subject, hint?: string): SystemError {
  return systemError(errnoByCode.get(code) as number, subject, undefined, hint);
}

/** The AbortError of a later part of a transfer, when the parts before it have moved. */
export function afterMoving(error: unknown): unknown {
  if (!(error instanceof AbortError) || error.bytesMayHaveMoved) return error;
  return new AbortError({ cause: error.cause }, true);
}

/**
 * AbortError as in Node: name, code 'ABORT_ERR', and the signal's reason as its cause. What ended
 * by cancel() or close({ cancel: true }) has no cause.
 */
export class AbortError extends Error {
  /** Always this code. */
  readonly code = 'ABORT_ERR';
  /**
   * Whether a part of the data may have been read or written all the same. false is certain:
   * nothing has moved. docs/windows.md says when it is true.
   */
  get bytesMayHaveMoved(): boolean {
    return this.#bytesMayHaveMoved;
  }
  // No property of its own, so that the error has the very fields of Node's.
  readonly #bytesMayHaveMoved: boolean;

  constructor(options?: ErrorOptions, bytesMayHaveMoved = false) {
    super('The operation was aborted', options);
    this.name = 'AbortError';
    giveCallersStack(this, AbortError);
    this.#bytesMayHaveMoved = bytesMayHaveMoved;
  }
}

export function abortError(signal: AbortSignal, bytesMayHaveMoved = false): AbortError {
  return new AbortError({ cause: signal.reason }, bytesMayHaveMoved);
}

type ErrorClass = new (message: string) => Error;

// Shown as Node shows its own: `TypeError [CODE]: …` in the stack, plain `TypeError` as the name.
function codedError(base: ErrorClass, code: string, message: string): Error {
  const error = new base(message);
  const { name } = error;
  Object.defineProperty(error, 'name', {
    value: `${name} [${code}]`,
    configurable: true,
    enumerable: false,
    writable: true,
  });
  // The stack takes its first line from the name when it is first read.
  giveCallersStack(error, codedError);
  void error.stack;
  delete (error as { name?: string }).name;
  Object.defineProperty(error, 'toString', {
    value: () => `${name} [${code}]: ${message}`,
    configurable: true,
    enumerable: false,
    writable: true,
  });
  return Object.assign(error, { code });
}

function describeReceived(value: unknown): string {
  if (value == null) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') {
    const name = (value as object).constructor?.name;
    const isNamed = typeof name === 'string';
    return isNamed
      ? ` Received an instance of ${name}`
      : ` Received ${inspect(value, { depth: -1 })}`;
  }
  let shown = inspect(value, { colors: false });
  if (shown.length > 28) shown = `${shown.slice(0, 25)}...`;
  return ` Received type ${typeof value} (${shown})`;
}

/** ERR_INVALID_ARG_TYPE; `expected` as in 'of type string' or 'an instance of Buffer'. */
export function invalidArgType(name: string, expected: string, value: unknown): Error {
  const kind = name.includes('.') ? 'property' : 'argument';
  const message = `The "${name}" ${kind} must be ${expected}.${describeReceived(value)}`;
  return codedError(TypeError, 'ERR_INVALID_ARG_TYPE', message);
}

/** ERR_INVALID_ARG_VALUE. */
export function invalidArgValue(name: string, value: unknown, reason = 'is invalid'): Error {
  let shown = inspect(value);
  if (shown.length > 128) shown = `${shown.slice(0, 128)}...`;
  const kind = name.includes('.') ? 'property' : 'argument';
  const message = `The ${kind} '${name}' ${reason}. Received ${shown}`;
  return codedError(TypeError, 'ERR_INVALID_ARG_VALUE', message);
}

function withSeparators(text: string): string {
  const sign = text.startsWith('-') ? '-' : '';
  return sign + text.slice(sign.length).replace(/\B(?=(\d{3})+$)/g, '_');
}

/** ERR_OUT_OF_RANGE; `range` as in '>= 0 && <= 10'. */
export function outOfRange(name: string, range: string, value: unknown): Error {
  let shown: string;
  if (Number.isInteger(value) && Math.abs(value as number) > 2 ** 32) {
    shown = withSeparators(String(value));
  } else if (typeof value === 'bigint') {
    const large = value > 2n ** 32n || value < -(2n ** 32n);
    shown = `${large ? withSeparators(String(value)) : String(value)}n`;
  } else {
    shown = inspect(value);
  }
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`;
  return codedError(RangeError, 'ERR_OUT_OF_RANGE', message);
}

/** ERR_INVALID_STATE. */
export function invalidState(reason: string): Error {
  return codedError(Error, 'ERR_INVALID_STATE', `Invalid state: ${reason}`);
}

/** ERR_METHOD_NOT_IMPLEMENTED. */
export function notImplemented(method: string): Error {
  const message = `The ${method} method is not implemented`;
  return codedError(Error, 'ERR_METHOD_NOT_IMPLEMENTED', message);
}

/** ERR_FEATURE_UNAVAILABLE_ON_PLATFORM: an option that this platform cannot honour. */
export function unavailable(feature: string): Error {
  const message =
    `The feature ${feature} is unavailable on the current platform, ` +
    'which is being used to run Node.js';
  return codedError(TypeError, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', message);
}

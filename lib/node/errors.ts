import process from 'node:process';
import { getSystemErrorMap, inspect } from 'node:util';
import { giveCallersStack, withoutStack } from './own-frames.js';
import { ownOptions } from './own-options.js';

/** The names under which errors report a failed operation. */
export interface Subject {
  readonly syscall: string;
  readonly path?: string | undefined;
  /** The second path of an operation that has two. */
  readonly dest?: string | undefined;
  /** The names of the later steps of a compound operation. */
  readonly laterSteps?: readonly string[];
  /** Whether errors of the later steps name the path, too. */
  readonly isNamedLater?: boolean;
  /** For tree operations: turns the place of a failure into the path that errors show. */
  readonly showPlace?: (nativePath: string) => string;
}

/** An error with the fields of Node's own file system errors. */
export interface SystemError extends Error {
  /** The name of the error, such as 'ENOENT'. */
  code: string;
  /** The negative libuv number of the error. */
  errno: number;
  /** The call that failed, such as 'open'. */
  syscall: string;
  /** The path, as the caller named it. */
  path?: string;
  /** The second path of the call, as the caller named it. */
  dest?: string;
  /** Windows: the value of GetLastError(). */
  win32Error?: number;
}

const systemErrors = getSystemErrorMap();

/**
 * An I/O error in Node's format: `ENOENT: no such file or directory, open 'x'`.
 * @param errno the negative libuv number
 * @param osError errno or GetLastError(), as reported by the system
 * @param hint what the caller can do about it, if the code alone does not say
 */
export function systemError(
  errno: number,
  subject: Subject,
  osError?: number,
  hint?: string,
): SystemError {
  // For numbers that libuv does not name, Node uses the same string as code and text.
  const unnamed = `Unknown system error ${errno}`;
  const [code, text] = systemErrors.get(errno) ?? [unnamed, unnamed];
  const { syscall, path, dest } = ownOptions(subject);
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

/** Names the path in the error of a read that knew only the open file. */
export function withPath(error: SystemError, path: string | undefined): SystemError {
  const { errno, syscall, win32Error } = error;
  if (syscall !== 'read' || typeof errno !== 'number' || error.path !== undefined) return error;
  return systemError(errno, { syscall, path }, win32Error);
}

/** EBADF in the format of Node's FileHandle: without errno. */
export function fileClosed(syscall: string): Error {
  const error = Object.assign(new Error('file closed'), { code: 'EBADF', syscall });
  giveCallersStack(error, fileClosed);
  return error;
}

const errnoByCode = new Map([...systemErrors].map(([errno, [code]]) => [code, errno]));

/** Returns the negative libuv number of an error, such as that of 'ECANCELED'. */
export function errnoOf(code: string): number {
  return errnoByCode.get(code) as number;
}

/** A system error by its code, for requests that are rejected before they reach the system. */
export function systemErrorOf(code: string, subject: Subject, hint?: string): SystemError {
  return systemError(errnoOf(code), subject, undefined, hint);
}

/** Marks an AbortError as one that came after earlier parts of a transfer had moved data. */
export function afterMoving(error: unknown): unknown {
  if (!(error instanceof AbortError) || error.bytesMayHaveMoved) return error;
  return new AbortError({ cause: error.cause }, true);
}

/**
 * AbortError as in Node, with the name 'AbortError', the code 'ABORT_ERR' and the signal's reason
 * as its cause. An operation that cancel() or close({ cancel: true }) ended has no cause.
 * @example
 * try {
 *   await readFile('data.bin', { signal: AbortSignal.timeout(1000) });
 * } catch (error) {
 *   if (error instanceof AbortError) console.log(error.bytesMayHaveMoved);
 * }
 */
export class AbortError extends Error {
  /** Always this code. */
  readonly code = 'ABORT_ERR';
  /**
   * Whether some of the data may have been read or written anyway; false guarantees that nothing
   * was. docs/windows.md lists the cases in which it is true.
   */
  get bytesMayHaveMoved(): boolean {
    return this.#bytesMayHaveMoved;
  }
  // A private field, so that the error has exactly the properties of Node's.
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

// Formatted as in Node: `TypeError [CODE]: …` in the stack, plain `TypeError` as the name.
function codedError(base: ErrorClass, code: string, message: string): Error {
  const error = new base(message);
  const { name } = error;
  Object.defineProperty(error, 'name', {
    value: `${name} [${code}]`,
    configurable: true,
    enumerable: false,
    writable: true,
  });
  // V8 builds the first line of the stack from the name when the stack is first read.
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
  const shown = typeof value === 'string' ? quoteStart(value) : inspect(value, { colors: false });
  return ` Received type ${typeof value} (${shown})`;
}

function quoteStart(text: string): string {
  const start = text.length > 28 ? `${text.slice(0, 25)}...` : text;
  return start.includes("'") ? JSON.stringify(start) : `'${start}'`;
}

/** ERR_INVALID_ARG_TYPE; `expected` is a phrase such as 'of type string'. */
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

/** ERR_OUT_OF_RANGE; `range` is a phrase such as '>= 0 && <= 10'. */
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

/** ERR_FS_FILE_TOO_LARGE, for a file that no Buffer can hold. @param size bytes */
export function fileTooLarge(size: number): Error {
  const message = `File size (${size}) is greater than a Buffer can hold`;
  return codedError(RangeError, 'ERR_FS_FILE_TOO_LARGE', message);
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

/** ERR_FEATURE_UNAVAILABLE_ON_PLATFORM, for an option that this platform cannot honor. */
export function unavailable(feature: string): Error {
  const message =
    `The feature ${feature} is unavailable on the current platform, ` +
    'which is being used to run Node.js';
  return codedError(TypeError, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', message);
}

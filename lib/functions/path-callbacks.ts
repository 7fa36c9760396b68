import type * as fs from 'node:fs';
import { promisify } from 'node:util';
import { getEngine } from '../engine/engine.js';
import { type Callback, callBack } from '../engine/outcome.js';
import { validateBufferOption } from '../file-handle/read-into.js';
import {
  bytesOfData,
  decodeContent,
  parseEncodingOptions,
  readBuffered,
  validateText,
} from '../file-handle/whole-file.js';
import { parseFlags, parseMode } from '../handle/open-flags.js';
import { asRequest } from '../node/callback-resource.js';
import { abortError, invalidArgType } from '../node/errors.js';
import { nextTick } from '../node/globals.js';
import { nodeFs, nodeMajor } from '../node/node-fs.js';
import { noOptions, ownOptions } from '../node/own-options.js';
import { parsePath } from '../node/paths.js';
import { validateBoolean } from '../node/validate.js';
import * as heldByOthers from '../win32/held-by-others.js';
import { readableFileOf, servesDescriptors } from './descriptor-io.js';
import {
  afterRead,
  type ReadFilePathOptions,
  readPathInto,
  readRequest,
  type WriteFilePathOptions,
  writePathFor,
} from './file-content.js';
import { type ReaddirOptions, readdirFor } from './read-directory.js';
import { startRm } from './remove.js';
import { type StatOptions, startStat, statusRequest } from './status.js';

// The bodies of the callback functions that the engine serves. As in Node, invalid arguments throw
// at once; every other outcome reaches the callback exactly once, never before the function has
// returned.

// Node also accepts numeric flags, although its types do not say so.
type NodeReadOptions = { encoding?: BufferEncoding | null; flag?: string; signal?: AbortSignal };

function validateCallback(callback: unknown): asserts callback is Callback {
  if (typeof callback !== 'function') throw invalidArgType('cb', 'of type function', callback);
}

function isDescriptor(path: unknown): path is number {
  return typeof path === 'number' && (path | 0) === path;
}

function isAborted(signal: AbortSignal | undefined, callback: Callback): boolean {
  if (!signal?.aborted) return false;
  nextTick(callback, abortError(signal));
  return true;
}

// A closed descriptor and an aborted signal are left to Node, which reports them in its own way.
function readFileOfNumber(fd: number, options: ReadFilePathOptions, callback: Callback): void {
  const { signal, encoding, buffer } = options;
  const byNode = (): void => nodeFs.readFile(fd, options as NodeReadOptions, callback);
  if (!servesDescriptors || buffer !== undefined || signal?.aborted) {
    byNode();
    return;
  }
  const called = asRequest(callback);
  readBuffered(readableFileOf(fd), signal)
    .then((content) => decodeContent(content, encoding))
    .then(
      (content) => nextTick(called, null, content),
      (error) => (error.code === 'EBADF' ? byNode() : nextTick(called, error)),
    );
}

/**
 * fs.readFile() of a path or a descriptor, served by the engine.
 * https://nodejs.org/api/fs.html#fsreadfilepath-options-callback
 */
export function readFileByCallback(path: unknown, given: unknown, last?: unknown): void {
  const callback = last || given;
  validateCallback(callback);
  const options = parseEncodingOptions<ReadFilePathOptions>(given);
  validateBufferOption(options.buffer);
  if (isDescriptor(path)) {
    readFileOfNumber(path, options, callback);
    return;
  }
  if (isAborted(options.signal, callback)) return;
  const flags = parseFlags(options.flag, 'options.flag');
  const request = readRequest(parsePath(path), flags, options);
  if (request === undefined) callBack(readPathInto(path, options), asRequest(callback));
  else getEngine().call(request, asRequest(callback), afterRead(request, options));
}

/** fs.writeFile(). The engine serves paths; Node serves descriptors and `flush`. */
export function writeFileByCallback(
  path: unknown,
  data: unknown,
  given: unknown,
  last?: unknown,
): void {
  const callback = last || given;
  validateCallback(callback);
  write(path, data, parseEncodingOptions<WriteFilePathOptions>(given), 'w', callback);
}

/** fs.appendFile(). The engine serves paths; Node serves descriptors and `flush`. */
export function appendFileByCallback(
  path: unknown,
  data: unknown,
  given: unknown,
  last?: unknown,
): void {
  const callback = last || given;
  validateCallback(callback);
  const options = parseEncodingOptions<WriteFilePathOptions>(given);
  // A descriptor is written at its cursor, whatever the flag says.
  write(path, data, options, 'a', callback);
}

function write(
  path: unknown,
  data: unknown,
  options: WriteFilePathOptions,
  defaultFlag: string,
  callback: Callback,
): void {
  validateBoolean(options.flush ?? false, 'options.flush');
  // Unlike the promise functions, this function does not accept iterables.
  validateText(data);
  const { encoding, signal, flush } = options;
  const flag = options.flag || defaultFlag;
  // The engine is no faster for a single write to a descriptor, or when waiting for the device.
  if (isDescriptor(path) || flush) {
    const given = { encoding, signal, flush, flag, mode: options.mode } as fs.WriteFileOptions;
    nodeFs.writeFile(path as number, data, given, callback);
    return;
  }
  // An encoding that cannot encode throws at once.
  const bytes = bytesOfData(data, encoding) as Uint8Array;
  if (isAborted(signal, callback)) return;
  const parsed = parsePath(path);
  const flags = parseFlags(flag);
  const mode = parseMode(options.mode, 0o666);
  writePathFor(parsed, bytes, flags, { signal, mode }, asRequest(callback));
}

/** fs.stat(), served by the engine. */
export function statByCallback(path: unknown, given: unknown, last?: unknown): void {
  const callback = typeof given === 'function' ? given : last;
  validateCallback(callback);
  // Node 24 treats everything but an object as missing options.
  const options = statusOptionsOf(given);
  if (options.throwIfNoEntry === false) callBack(startStat(path, options), asRequest(callback));
  else getEngine().call(statusRequest('stat', path, options), asRequest(callback));
}

function statusOptionsOf(given: unknown): StatOptions {
  if (typeof given !== 'object' || given === null) return noOptions;
  // Since Node 26 an invalid encoding is an error, although there is nothing to encode.
  return nodeMajor >= 26 ? parseEncodingOptions<StatOptions>(given) : ownOptions(given);
}

/** fs.lstat(), served by the engine. */
export function lstatByCallback(path: unknown, given: unknown, last?: unknown): void {
  const callback = typeof given === 'function' ? given : last;
  validateCallback(callback);
  // Before Node 26, null options are an error.
  const options = given === null && nodeMajor < 26 ? given : statusOptionsOf(given);
  getEngine().call(statusRequest('lstat', path, options as StatOptions), asRequest(callback));
}

/** fs.readdir(), served by the engine. */
export function readdirByCallback(path: unknown, given: unknown, last?: unknown): void {
  const callback = typeof given === 'function' ? given : last;
  validateCallback(callback);
  const options = parseEncodingOptions<ReaddirOptions>(given);
  if (options.recursive != null) {
    parsePath(path);
    validateBoolean(options.recursive, 'options.recursive');
  }
  readdirFor(path, options, asRequest(callback));
}

/** fs.rm(), served by the engine. */
export function rmByCallback(path: unknown, given: unknown, last?: unknown): void {
  const callback = typeof given === 'function' ? given : last;
  validateCallback(callback);
  const options = typeof given === 'function' ? undefined : given;
  callBack(startRm(path, options, promisify(nodeFs.rm)), asRequest(callback));
}

/** fs.unlink(). On Windows it waits up to 2 s for other programs that hold the file. */
export function unlinkByCallback(path: unknown, callback: unknown): void {
  validateCallback(callback);
  parsePath(path);
  callBack(heldByOthers.unlink(path as fs.PathLike), asRequest(callback));
}

/** fs.rename(). On Windows it waits up to 2 s for other programs that hold a file. */
export function renameByCallback(oldPath: unknown, newPath: unknown, callback: unknown): void {
  validateCallback(callback);
  parsePath(oldPath, 'oldPath');
  parsePath(newPath, 'newPath');
  callBack(
    heldByOthers.rename(oldPath as fs.PathLike, newPath as fs.PathLike),
    asRequest(callback),
  );
}

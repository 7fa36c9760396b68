import { Buffer } from 'node:buffer';
import type * as nodeTypes from 'node:fs/promises';
import type { Completion } from '../engine/completion.js';
import { getEngine } from '../engine/engine.js';
import { type CompleteRequest, complete, type Decode, decodeNothing } from '../engine/operation.js';
import { type Callback, callBack } from '../engine/outcome.js';
import { readWholePath, writeWholePath } from '../engine/requests.js';
import { FileHandle } from '../file-handle/file-handle.js';
import { validateBufferOption } from '../file-handle/read-into.js';
import {
  bytesOfData,
  type Content,
  checkNotAborted,
  decodeContent,
  parseEncodingOptions,
  type ReadFileOptions,
  readWholeFile,
  validateData,
  type WriteData,
  type WriteFileOptions,
  writeWholeFile,
} from '../file-handle/whole-file.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { coreOfOpened, openCore } from '../handle/open.js';
import { accessOf, parseFlags, parseMode } from '../handle/open-flags.js';
import { decodeOpened, type OpenedFile } from '../handle/opened-file.js';
import { abortError, withPath } from '../node/errors.js';
import { nodeMajor, nodePromises } from '../node/node-fs.js';
import { type ParsedPath, type PathLike, parsePath } from '../node/paths.js';
import { validateBoolean } from '../node/validate.js';

/** Options of readFile(). */
export interface ReadFilePathOptions extends ReadFileOptions {
  /** How the file is opened. Default 'r'. */
  flag?: string | number | undefined;
}
/** Options of writeFile() and appendFile(). */
export interface WriteFilePathOptions extends WriteFileOptions {
  /** How the file is opened. Default 'w', or 'a' for appendFile(). */
  flag?: string | number | undefined;
  /** Permission bits of a new file. Default 0o666. */
  mode?: number | string | undefined;
}

/** An open file of this package or of node:fs/promises. */
export type AnyFileHandle = FileHandle | nodeTypes.FileHandle;

type OrNull<T> = T | null | undefined;
type WithEncoding<T> = BufferEncoding | (T & { encoding: BufferEncoding });
type WithoutEncoding<T> = T & { encoding?: null | undefined };

function isOpenFile(path: unknown): path is AnyFileHandle {
  if (path instanceof FileHandle) return true;
  const handle = path as Partial<nodeTypes.FileHandle> | null | undefined;
  return typeof handle?.fd === 'number' && typeof handle.readFile === 'function';
}

/**
 * Reads a whole file.
 * @param path a path, or an open FileHandle, which is read from its cursor
 * @param options an encoding, or encoding, flag ('r') and signal
 * @returns a Buffer, or a string if there is an encoding
 * @throws a system error (ENOENT, EACCES, EISDIR, …); ERR_FS_FILE_TOO_LARGE; AbortError
 * @example
 * const text = await readFile('notes.txt', 'utf8');
 */
export function readFile(
  path: PathLike | AnyFileHandle,
  options?: OrNull<WithoutEncoding<ReadFilePathOptions>>,
): Promise<Content>;
export function readFile(
  path: PathLike | AnyFileHandle,
  options: WithEncoding<ReadFilePathOptions>,
): Promise<string>;
export function readFile(
  path: PathLike | AnyFileHandle,
  options?: OrNull<ReadFilePathOptions | BufferEncoding>,
): Promise<Content | string>;
export function readFile(
  path: PathLike | AnyFileHandle,
  options?: OrNull<ReadFilePathOptions | BufferEncoding>,
): Promise<Buffer | string> {
  // An async function would take three more turns of the microtask queue.
  try {
    const given = parseEncodingOptions<ReadFilePathOptions>(options);
    validateBufferOption(given.buffer);
    if (isOpenFile(path)) return (path as FileHandle).readFile(given);
    if (given.signal?.aborted) throw abortError(given.signal);
    if (failsToDecode(given)) return nodePromises.readFile(path as string, options as never);
    const request = readRequest(parsePath(path), parseFlags(given.flag || 'r'), given);
    if (request === undefined) return readPathInto(path, given);
    return getEngine().start(request, afterRead(request, given));
  } catch (error) {
    return Promise.reject(error);
  }
}

// Before Node 26, 'buffer' is an error even if there is nothing to decode, or nothing to read.
function failsToDecode({ encoding }: { encoding?: unknown }): boolean {
  return encoding === 'buffer' && nodeMajor < 26;
}

// Since Node 26, reading a path is one step, whose errors name the path.
const isReadNamed = nodeMajor >= 26;

const readSteps = ['read', 'close'];
const writeSteps = ['write', 'close'];

// A small file arrives as its content; a large file, or one that is not regular, as an open file.
function decodeReadPath(completion: Completion): Buffer | string | OpenedFile {
  return completion.takeContent() ?? decodeOpened(completion);
}

// A function that decodes the content to a string, without a Buffer if it is in shared memory.
function decodingTo(encoding: BufferEncoding): Decode {
  return (completion) => {
    const text = completion.textOfRun(encoding);
    if (text !== undefined) return text;
    const content = decodeReadPath(completion);
    return Buffer.isBuffer(content) ? decodeContent(content, encoding) : content;
  };
}

/** The request of readFile(); undefined if the caller has the memory to read into. */
export function readRequest(
  path: ParsedPath,
  flags: number,
  { encoding, signal, buffer }: ReadFileOptions,
): CompleteRequest | undefined {
  if (buffer !== undefined) return undefined;
  const { shown } = path;
  const subject = {
    syscall: 'open',
    path: shown,
    laterSteps: readSteps,
    isNamedLater: isReadNamed,
  };
  const decode = encoding ? decodingTo(encoding) : decodeReadPath;
  const encoded = readWholePath({ path: path.native, flags, mode: 0o666 });
  return complete(encoded, subject, decode, signal);
}

/** Reads the rest of a file that the request has opened. */
export function afterRead(
  { flags, subject }: CompleteRequest,
  { encoding, signal }: ReadFileOptions,
): (content: Buffer | string | OpenedFile) => Promise<Buffer | string> | Buffer | string {
  return (content) => {
    if (typeof content === 'string' || Buffer.isBuffer(content)) {
      checkNotAborted(signal);
      return content;
    }
    const reading = using(coreOfOpened(content, accessOf(flags)), (core) =>
      readWholeFile(core, { encoding, signal }),
    );
    if (!isReadNamed) return reading;
    return reading.catch((error) => {
      throw withPath(error, subject.path);
    });
  };
}

/** readFile() into memory of the caller, with validated options. */
export async function readPathInto(
  path: unknown,
  options: ReadFilePathOptions,
): Promise<Buffer | string> {
  const { flag, signal } = options;
  const core = await openCore(path as PathLike, parseFlags(flag || 'r'), { signal });
  return using(core, () => readWholeFile(core, options));
}

async function using<T>(core: CoreHandle, use: (core: CoreHandle) => Promise<T>): Promise<T> {
  try {
    return await use(core);
  } finally {
    await core.close();
  }
}

/**
 * Writes a whole file: creates it, or replaces its content.
 * @param path a path, or an open FileHandle, which is written at its cursor
 * @param options an encoding for strings (default utf8), or encoding, mode, flag ('w'), flush and
 *   signal
 * @throws a system error (EACCES, ENOSPC, …) or AbortError; the file may hold part of the data
 * @example
 * await writeFile('notes.txt', 'hello', { flush: true });
 */
export function writeFile(
  path: PathLike | AnyFileHandle,
  data: WriteData,
  options?: OrNull<WriteFilePathOptions | BufferEncoding>,
): Promise<void> {
  try {
    return startWriteFile(path, data, parseEncodingOptions<WriteFilePathOptions>(options), 'w');
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Appends to a file, and creates it if necessary.
 * @param options as for writeFile(), but the default flag is 'a'
 * @throws the errors of writeFile()
 * @example
 * await appendFile('app.log', 'started\n');
 */
export function appendFile(
  path: PathLike | AnyFileHandle,
  data: WriteData,
  options?: OrNull<WriteFilePathOptions | BufferEncoding>,
): Promise<void> {
  try {
    return startWriteFile(path, data, parseEncodingOptions<WriteFilePathOptions>(options), 'a');
  } catch (error) {
    return Promise.reject(error);
  }
}

function startWriteFile(
  path: PathLike | AnyFileHandle,
  data: WriteData,
  given: WriteFilePathOptions,
  defaultFlag: string,
): Promise<void> {
  const { flush, signal } = given;
  const flag = given.flag || defaultFlag;
  validateBoolean(flush ?? false, 'options.flush');
  validateData(data);
  if (isOpenFile(path)) return (path as FileHandle).writeFile(data, given);
  if (signal?.aborted) throw abortError(signal);
  const how = { encoding: given.encoding, mode: given.mode, signal, flush };
  return writePath(parsePath(path), data, parseFlags(flag), how);
}

// Larger content is written in parts, so that an abort takes effect between them.
const oneOperationMax = 512 * 1024;

/** writeFile() with validated arguments, except `options.mode`, which is checked last. */
function writePath(
  path: ParsedPath,
  data: WriteData,
  flags: number,
  options: WriteFilePathOptions,
): Promise<void> {
  const { encoding, signal } = options;
  const bytes = bytesOfData(data, encoding);
  const request = bytes === undefined ? undefined : writeRequest(path, bytes, flags, options);
  if (request === undefined) return writeInParts(path, data, flags, options);
  const writing = getEngine().submit<void>(request);
  // As in Node, which checks between its write steps: the data may already be written.
  return signal === undefined ? writing : writing.then(() => checkNotAborted(signal));
}

/** writeFile() for a callback, with validated arguments except `options.mode`. */
export function writePathFor(
  path: ParsedPath,
  bytes: Uint8Array,
  flags: number,
  options: WriteFilePathOptions,
  callback: Callback<void>,
): void {
  const request = writeRequest(path, bytes, flags, options);
  if (request === undefined) callBack(writeInParts(path, bytes, flags, options), callback);
  else getEngine().submitFor(request, callback, () => checkNotAborted(options.signal));
}

/** The request of writeFile(); undefined if one operation is not enough. */
function writeRequest(
  path: ParsedPath,
  content: Uint8Array,
  flags: number,
  { signal, flush, mode: givenMode }: WriteFilePathOptions,
): CompleteRequest | undefined {
  const mode = parseMode(givenMode, 0o666);
  if (flush || content.byteLength > oneOperationMax) return undefined;
  const encoded = writeWholePath({ path: path.native, flags, mode, content });
  const subject = { syscall: 'open', path: path.shown, laterSteps: writeSteps };
  return complete(encoded, subject, decodeNothing, signal);
}

async function writeInParts(
  path: ParsedPath,
  data: WriteData,
  flags: number,
  { encoding, signal, flush, mode: givenMode }: WriteFilePathOptions,
): Promise<void> {
  const mode = parseMode(givenMode, 0o666);
  const opened = await openCore(path.native as PathLike, flags, { mode, signal });
  return using(opened, (core) => writeWholeFile(core, data, { encoding, signal, flush }));
}

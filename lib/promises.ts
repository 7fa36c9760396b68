import type { BigIntStats, Stats } from 'node:fs';
import { getEngine } from './engine/engine.js';
import { Opcode } from './engine/native.js';
import type { Operation } from './engine/operation.js';
import { abortError } from './errors.js';
import { decodeOpened, FileHandle, type OpenedFile } from './file-handle.js';
import {
  accessOf,
  type OpenOptions,
  parseFlags,
  parseMode,
  parseOpenOptions,
} from './open-options.js';
import { type PathLike, parsePath } from './paths.js';
import { decodeBigIntStats, decodeStats } from './stats.js';
import { validateBoolean, validateSignal } from './validate.js';
import {
  bytesOfData,
  type Data,
  decodeContent,
  parseEncodingOptions,
  type ReadFileOptions,
  validateData,
  type WriteFileOptions,
} from './whole-file.js';

export interface ReadFilePathOptions extends ReadFileOptions {
  flag?: string | number | undefined;
}
export interface WriteFilePathOptions extends WriteFileOptions {
  flag?: string | number | undefined;
  mode?: number | string | undefined;
}

/**
 * Opens a file.
 * @param path string, Buffer or file: URL
 * @param flags Node's, as 'r+', or a number of fs.constants.O_*; default 'r'
 * @param modeOrOptions permission bits of a new file (default 0o666), or options
 * @throws a system error (ENOENT, EACCES, EINVAL where direct I/O is refused, …); AbortError
 */
export async function open(
  path: PathLike,
  flags: string | number | null = 'r',
  modeOrOptions?: number | string | OpenOptions | null,
): Promise<FileHandle> {
  const { native, shown } = parsePath(path);
  const request = parseOpenOptions(flags, modeOrOptions);
  const opened = await getEngine().submit<OpenedFile>({
    opcode: Opcode.open,
    subject: { syscall: 'open', path: shown },
    decode: decodeOpened,
    file: request.options,
    flags: request.flags,
    position: request.preallocate,
    offset: request.mode,
    object: native,
    signal: request.signal,
  });
  const handle = new FileHandle(opened, accessOf(request.flags));
  if (request.signal?.aborted) {
    // It was opened before the abort could reach it, and nobody else will close it.
    await handle.close();
    throw abortError(request.signal);
  }
  return handle;
}

const readSteps = ['read', 'close'];
const writeSteps = ['write', 'close'];

// A small file comes as its content, a large one, or no regular file, as an open file.
function decodeReadPath(_operation: Operation, value: number, index: number): Buffer | OpenedFile {
  const content = getEngine().completions.takeResult(index) as Buffer | undefined;
  return content ?? decodeOpened(_operation, value, index);
}

/**
 * Reads a whole file.
 * @param path a path, or an open FileHandle, which is read from its cursor on
 * @returns a Buffer, or a string when there is an encoding
 */
export function readFile(
  path: PathLike | FileHandle,
  options?: (ReadFilePathOptions & { encoding?: null | undefined }) | null,
): Promise<Buffer>;
export function readFile(
  path: PathLike | FileHandle,
  options: BufferEncoding | (ReadFilePathOptions & { encoding: BufferEncoding }),
): Promise<string>;
export function readFile(
  path: PathLike | FileHandle,
  options?: ReadFilePathOptions | BufferEncoding | null,
): Promise<Buffer | string>;
export async function readFile(
  path: PathLike | FileHandle,
  options?: ReadFilePathOptions | BufferEncoding | null,
): Promise<Buffer | string> {
  const { encoding, flag, signal } = parseEncodingOptions<ReadFilePathOptions>(options);
  if (path instanceof FileHandle) return path.readFile({ encoding, signal });
  const { native, shown } = parsePath(path);
  const flags = parseFlags(flag ?? 'r');
  const content = await getEngine().submit<Buffer | OpenedFile>({
    opcode: Opcode.readPath,
    subject: { syscall: 'open', path: shown, laterSteps: readSteps },
    decode: decodeReadPath,
    flags,
    offset: 0o666,
    object: native,
    signal,
  });
  if (Buffer.isBuffer(content)) return decodeContent(content, encoding);
  const handle = new FileHandle(content, accessOf(flags));
  try {
    return await handle.readFile({ encoding, signal });
  } finally {
    await handle.close();
  }
}

/**
 * Writes a whole file: creates it or replaces what it holds.
 * @param path a path, or an open FileHandle, which is written at its cursor
 * @param options an encoding (of strings; default utf8), or encoding, mode, flag ('w'), flush, signal
 */
export async function writeFile(
  path: PathLike | FileHandle,
  data: Data,
  options?: WriteFilePathOptions | BufferEncoding | null,
): Promise<void> {
  const given = parseEncodingOptions<WriteFilePathOptions>(options);
  const { encoding, signal, flush = false } = given;
  validateBoolean(flush, 'options.flush');
  validateData(data);
  if (path instanceof FileHandle) return path.writeFile(data, { encoding, signal, flush });
  const { native, shown } = parsePath(path);
  const flags = parseFlags(given.flag ?? 'w');
  const mode = parseMode(given.mode, 0o666);
  if (signal?.aborted) throw abortError(signal);
  const bytes = bytesOfData(data, encoding);
  if (bytes === undefined || flush || bytes.byteLength > oneOperationMax) {
    return writeThroughHandle(path, data, { encoding, signal, flush, flags, mode });
  }
  await getEngine().submit({
    opcode: Opcode.writePath,
    subject: { syscall: 'open', path: shown, laterSteps: writeSteps },
    decode: decodeNothing,
    flags,
    offset: mode,
    length: bytes.byteLength,
    object: [native, bytes],
    signal,
  });
}

// What is larger is written in parts, between which an abort takes effect.
const oneOperationMax = 512 * 1024;

function decodeNothing(): undefined {
  return undefined;
}

async function writeThroughHandle(
  path: PathLike,
  data: Data,
  options: WriteFileOptions & { flags: number; mode: number },
): Promise<void> {
  const { encoding, signal, flush, flags, mode } = options;
  const handle = await open(path, flags, { mode, signal });
  try {
    await handle.writeFile(data, { encoding, signal, flush });
  } finally {
    await handle.close();
  }
}

/** Appends to a file and creates it if need be. @param options as writeFile()'s; flag 'a' */
export async function appendFile(
  path: PathLike | FileHandle,
  data: Data,
  options?: WriteFilePathOptions | BufferEncoding | null,
): Promise<void> {
  const given = parseEncodingOptions<WriteFilePathOptions>(options);
  return writeFile(path, data, { ...given, flag: given.flag ?? 'a' });
}

/**
 * Status of what a path leads to, as Node's Stats or, with `bigint: true`, BigIntStats.
 * @param options.signal aborts it
 */
export function stat(
  path: PathLike,
  options?: { bigint?: false | undefined; signal?: AbortSignal | undefined },
): Promise<Stats>;
export function stat(
  path: PathLike,
  options: { bigint: true; signal?: AbortSignal | undefined },
): Promise<BigIntStats>;
export function stat(
  path: PathLike,
  options?: { bigint?: boolean | undefined; signal?: AbortSignal | undefined },
): Promise<Stats | BigIntStats>;
export async function stat(
  path: PathLike,
  options: { bigint?: boolean | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Stats | BigIntStats> {
  const { native, shown } = parsePath(path);
  const { bigint = false, signal } = options;
  validateSignal(signal);
  return getEngine().submit({
    opcode: Opcode.statPath,
    subject: { syscall: 'stat', path: shown },
    decode: bigint ? decodeBigIntStats : decodeStats,
    object: native,
    signal,
  });
}

import { Buffer } from 'node:buffer';
import type { Stats } from 'node:fs';
import type { Stream } from 'node:stream';
import { isArrayBufferView } from 'node:util/types';
import type { CoreHandle } from '../handle/core-handle.js';
import { abortError, afterMoving, fileTooLarge, invalidArgType } from '../node/errors.js';
import { noOptions, ownOptions } from '../node/own-options.js';
import { validateBoolean, validateEncoding, validateSignal } from '../node/validate.js';
import { allocAligned } from '../transfer/aligned-buffer.js';
import { alignUp } from '../transfer/alignment.js';
import { readUnaligned, writeUnaligned } from '../transfer/unaligned-io.js';
import { type BufferOption, readIntoBuffer, validateBufferOption } from './read-into.js';

/** Data that writeFile() accepts. */
export type WriteData =
  | string
  | ArrayBufferView
  | Iterable<string | ArrayBufferView>
  | AsyncIterable<string | ArrayBufferView>
  | Stream;

/** The result of reading: memory that is not shared. */
export type Content = Buffer<ArrayBuffer>;

export interface EncodingOptions {
  encoding?: BufferEncoding | null | undefined;
  signal?: AbortSignal | undefined;
}
/** Options of handle.readFile(). */
export interface ReadFileOptions extends EncodingOptions {
  /** Memory for the content: a view, or a function that returns one for the file's size. */
  buffer?: BufferOption | undefined;
}
/** Options of handle.writeFile() and handle.appendFile(). */
export interface WriteFileOptions extends EncodingOptions {
  /** Syncs the file after writing. Default false. */
  flush?: boolean | undefined;
}

/** Parses an encoding, or an object with one; a callback may stand instead of options. */
export function parseEncodingOptions<T extends object>(options: unknown): T {
  if (options == null || typeof options === 'function') return noOptions;
  const parsed = ownOptions(typeof options === 'string' ? { encoding: options } : options);
  if (typeof parsed !== 'object') {
    throw invalidArgType('options', 'one of type string or object', options);
  }
  const { encoding, signal } = parsed as EncodingOptions;
  // Node accepts 'buffer' everywhere; functions that cannot use it fail when they decode.
  if ((encoding as string) !== 'buffer') validateEncoding(encoding);
  validateSignal(signal);
  return parsed as T;
}

/** Copies options with inherited ones, so that a later change by the caller has no effect. */
export function copyOptions<T extends object>(options: T): T {
  const copy = Object.create(null);
  for (const key in options) copy[key] = options[key];
  return copy;
}

/** Converts the content of a file to the requested form. */
export function decodeContent(
  content: Buffer,
  encoding: BufferEncoding | null | undefined,
): Buffer | string {
  if (!encoding) return content;
  // From 2 GiB on, Buffer's utf8 returns '' instead of failing; less is already too long.
  return content.subarray(0, 2 ** 31 - 1).toString(encoding);
}

/** Checks before anything is read, as Node does, that the encoding can decode. */
export function checkDecoding(options: unknown): void {
  const { encoding } = parseEncodingOptions<{ encoding?: unknown }>(options);
  if (encoding === 'buffer') decodeContent(Buffer.alloc(1), encoding as BufferEncoding);
}

// An abort takes effect between two parts of a whole-file transfer.
const partSize = 16 * 1024 * 1024;
const unknownSizeStart = 64 * 1024;

/** @throws AbortError */
export function checkNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** Reads from the handle's cursor to the end. */
export async function readWholeFile(
  handle: CoreHandle,
  options: unknown,
): Promise<Buffer | string> {
  handle.file.checkReadable();
  const { encoding, signal, buffer } = parseEncodingOptions<ReadFileOptions>(options);
  validateBufferOption(buffer);
  checkNotAborted(signal);
  if (buffer !== undefined) {
    return decodeContent(await readIntoBuffer(handle, buffer, signal), encoding);
  }
  const reading =
    handle.alignment === null
      ? readBuffered(handle, signal)
      : handle.cursor.inOrder(() => readUnbuffered(handle, signal));
  const content = await reading.catch((error) => {
    throw afterMoving(error);
  });
  checkNotAborted(signal);
  return decodeContent(content, encoding);
}

interface Part {
  offset: number;
  length: number;
  signal: AbortSignal | undefined;
}

/** The part of an open file needed to read it from its cursor on, without alignment. */
export interface ReadableFile {
  stat(options: { signal: AbortSignal | undefined }): Promise<Stats>;
  read(memory: Uint8Array, part: Part): Promise<{ bytesRead: number }>;
}

// From this size on, Node reads no file.
const largeMin = 2 ** 31 - 1;

/** Allocates memory for a file. @throws ERR_FS_FILE_TOO_LARGE */
function memoryFor<T>(size: number, allocate: (size: number) => T): T {
  try {
    return allocate(size);
  } catch (error) {
    throw size > largeMin ? fileTooLarge(size) : error;
  }
}

/** Reads from the cursor to the end. */
export async function readBuffered(handle: ReadableFile, signal?: AbortSignal): Promise<Buffer> {
  const status = await handle.stat({ signal });
  const size = status.isFile() ? status.size : 0;
  let content: Buffer = memoryFor(size || unknownSizeStart, Buffer.allocUnsafeSlow);
  let filled = 0;
  for (;;) {
    checkNotAborted(signal);
    const length = Math.min(content.byteLength - filled, partSize);
    const { bytesRead } = await handle.read(content, { offset: filled, length, signal });
    filled += bytesRead;
    // As in Node, a file of known size is read no further, even if it grows.
    if (bytesRead === 0 || (size > 0 && filled === size)) break;
    if (filled === content.byteLength) content = grow(content);
  }
  return filled === content.byteLength ? content : content.subarray(0, filled);
}

function grow(content: Buffer): Buffer {
  const larger = Buffer.allocUnsafeSlow(content.byteLength * 2);
  larger.set(content);
  return larger;
}

async function readUnbuffered(handle: CoreHandle, signal?: AbortSignal): Promise<Buffer> {
  const { alignment } = handle;
  const { position } = handle.cursor;
  const length = Math.max(0, (await handle.size(signal)) - position);
  if (length === 0 || alignment === null) return Buffer.alloc(0);
  // Room for whole sectors, so that an aligned file is read in place.
  const memory = memoryFor(alignUp(length, alignment.length), (size) =>
    allocAligned(size, { alignment: alignment.memory }),
  );
  const bytes = Math.min(length, await readUnaligned(handle, memory, position, signal));
  handle.cursor.position = position + bytes;
  return memory.subarray(0, bytes);
}

function isIterable(data: unknown): data is Iterable<unknown> | AsyncIterable<unknown> {
  return (
    data !== null &&
    typeof data === 'object' &&
    (Symbol.asyncIterator in data || Symbol.iterator in data)
  );
}

function toBytes(data: unknown, encoding: BufferEncoding | null | undefined): Uint8Array {
  if (isArrayBufferView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (typeof data === 'string') return Buffer.from(data, encoding ?? 'utf8');
  // The data may be iterable, too, but this is Node's message.
  const expected = 'of type string or an instance of Buffer, TypedArray, or DataView';
  throw invalidArgType('data', expected, data);
}

// As in Node, a part is passed to Buffer.from(), which throws for invalid parts.
function partBytes(part: unknown, encoding: BufferEncoding | null | undefined): Uint8Array {
  return isArrayBufferView(part)
    ? toBytes(part, encoding)
    : Buffer.from(part as string, encoding || 'utf8');
}

/** Checks data for writeFile() before a file is opened. */
export function validateData(data: unknown): asserts data is WriteData {
  if (!isArrayBufferView(data) && !isIterable(data)) toBytes(data, undefined);
}

/** Checks that data is in one piece. */
export function validateText(data: unknown): asserts data is string | NodeJS.ArrayBufferView {
  toBytes(data, undefined);
}

/** Returns data in memory as bytes; undefined for data in parts. */
export function bytesOfData(
  data: WriteData,
  encoding: BufferEncoding | null | undefined,
): Uint8Array | undefined {
  return !isArrayBufferView(data) && isIterable(data) ? undefined : toBytes(data, encoding);
}

/** Writes all of the data at the handle's cursor, or at the end in append mode. */
export async function writeWholeFile(
  handle: CoreHandle,
  data: WriteData,
  options: unknown,
): Promise<void> {
  const given = parseEncodingOptions<WriteFileOptions>(options);
  const { encoding, signal } = given;
  const flush = given.flush ?? false;
  validateBoolean(flush, 'options.flush');
  validateData(data);
  checkNotAborted(signal);
  const write = (bytes: Uint8Array): Promise<void> =>
    handle.alignment === null
      ? writeBuffered(handle, bytes, signal)
      : handle.cursor.inOrder(() => writeUnbuffered(handle, bytes, signal));
  try {
    const bytes = bytesOfData(data, encoding);
    if (bytes !== undefined) {
      await write(bytes);
    } else {
      for await (const part of data as AsyncIterable<string | ArrayBufferView>) {
        checkNotAborted(signal);
        await write(partBytes(part, encoding));
      }
    }
  } catch (error) {
    throw afterMoving(error);
  }
  if (flush) await handle.sync();
  checkNotAborted(signal);
}

async function writeBuffered(
  handle: CoreHandle,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    checkNotAborted(signal);
    const length = Math.min(bytes.byteLength - written, partSize);
    const { bytesWritten } = await handle.write(bytes, { offset: written, length, signal });
    written += bytesWritten;
  }
}

async function writeUnbuffered(
  handle: CoreHandle,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const position = handle.access.append ? await handle.size() : handle.cursor.position;
  await writeUnaligned(handle, bytes, position, signal);
  handle.cursor.position = position + bytes.byteLength;
}

import type { ReadableStream } from 'node:stream/web';
import type { PathLike } from '../node/paths.js';
import { validateObject } from '../node/validate.js';
import type { FileReaderOptions } from './file-reader.js';
import type { FileWriterOptions } from './file-writer.js';
import { byteStreamOf, type FileWritableStream, writableStreamOf } from './web-streams.js';

/** Files as web streams: `overlapped/web`. */

export type ReadableStreamOptions = FileReaderOptions;
/** Options of createWritableStream(). */
export type WritableStreamOptions = FileWriterOptions;
export type { FileWritableStream, WebChunk } from './web-streams.js';

/**
 * Creates a byte stream for a file, or a part of it, that reads ahead of its consumer. Chunks have
 * up to `readAhead.chunkSize` bytes (default 1 MiB). A reader with `mode: 'byob'` has its views
 * filled directly from the file, one read at a time, if nothing has been read ahead and, on an
 * unbuffered file, position and address are aligned; otherwise the bytes are copied. cancel()
 * resolves when nothing is in flight and the file is closed.
 * @param path string, Buffer or file: URL; ignored if `options.fd` is a handle
 * @param options see `ReadableStreamOptions`
 * @returns a stream that fails with system errors, with AbortError, and with EBADF if its handle is
 *   closed
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 * @example
 * await createReadableStream('in.bin').pipeTo(createWritableStream('out.bin'));
 */
export function createReadableStream(
  path: PathLike | null | undefined,
  options: ReadableStreamOptions = {},
): ReadableStream<Uint8Array> {
  validateObject(options, 'options');
  return byteStreamOf(path, options);
}

/**
 * Creates a WritableStream that writes a file behind its producer. A write resolves when the memory
 * of its chunk is free and there is room for more; close() resolves when all bytes are in the file
 * and it is closed. All bytes before `flushedPosition` are in the file. abort() cancels writes in
 * flight. Chunks are strings (encoded as UTF-8), ArrayBuffers and views.
 * @param path string, Buffer or file: URL; ignored if `options.fd` is a handle
 * @param options see `WritableStreamOptions`
 * @returns a stream that fails like that of createReadableStream()
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 * @example
 * await createReadableStream('in.bin').pipeTo(createWritableStream('out.bin'));
 */
export function createWritableStream(
  path: PathLike | null | undefined,
  options: WritableStreamOptions = {},
): FileWritableStream {
  validateObject(options, 'options');
  return writableStreamOf(path, options);
}

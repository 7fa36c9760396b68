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
 * A file, or a part of it, as a byte stream, read ahead of its consumer. Chunks have up to
 * `readAhead.chunkSize` bytes (default 1 MiB). A reader with `mode: 'byob'`
 * has its views read into right from the file, one read at a time, where nothing has been read
 * ahead, and on an unbuffered file place and address are aligned; else the bytes are copied into
 * them. cancel() resolves when nothing is in flight and the file is closed.
 * @param path string, Buffer or file: URL; not looked at where `options.fd` is a handle
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. The stream fails with
 *   system errors, with AbortError, and with EBADF where its handle is closed.
 */
export function createReadableStream(
  path: PathLike | null | undefined,
  options: ReadableStreamOptions = {},
): ReadableStream<Uint8Array> {
  validateObject(options, 'options');
  return byteStreamOf(path, options);
}

/**
 * A WritableStream into a file, written behind its producer. A write resolves when the memory of
 * its chunk is free and there is room for more, close() when all bytes are in the file and that is
 * closed; `flushedPosition` says how far the file is complete. abort() cancels what is in flight.
 * Chunks are strings (as UTF-8), ArrayBuffers and views.
 * @param path string, Buffer or file: URL; not looked at where `options.fd` is a handle
 * @throws as createReadableStream()
 */
export function createWritableStream(
  path: PathLike | null | undefined,
  options: WritableStreamOptions = {},
): FileWritableStream {
  validateObject(options, 'options');
  return writableStreamOf(path, options);
}

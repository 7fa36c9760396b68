import type { BinaryToTextEncoding, Hash } from 'node:crypto';
import type { FileHandle } from '../file-handle/file-handle.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { coreOf } from '../handle/core-of.js';
import { openCore } from '../handle/open.js';
import { type SystemError, withPath } from '../node/errors.js';
import { ownOptions } from '../node/own-options.js';
import { type PathLike, showPath } from '../node/paths.js';
import { validateObject, validateOneOf, validateSignal } from '../node/validate.js';
import { type ByteSource, bytesOf, isByteSource, untilAborted } from './byte-source.js';
import { systemPathOf } from './destination.js';
import { type DiskOptions, readingOfPath } from './disk-options.js';
import { makeHash } from './make-hash.js';
import { type ByteProgress, ProgressMeter } from './progress.js';
import { type ChunkOptions, readChunks } from './read-chunks.js';
import { sizeOfSource } from './source-size.js';
import type { CopySource } from './stream-ends.js';

/** Options of hashFile(). */
export interface HashFileOptions extends ChunkOptions, DiskOptions {
  /** Algorithm of node:crypto, as for copy(). Default 'sha256'. */
  hash?: string | undefined;
  /** Alias of `hash`. */
  algorithm?: string | undefined;
  /** Encoding of the digest. Default 'hex'. */
  encoding?: BinaryToTextEncoding | undefined;
  /**
   * Reads a path past the system's cache; 'prefer' falls back to the cache. Handles and streams are
   * read as they were opened. Default false.
   */
  unbuffered?: boolean | 'prefer' | undefined;
  /** Called as bytes are hashed. */
  onProgress?: ((progress: ByteProgress) => void) | undefined;
}

const encodings = ['hex', 'base64', 'base64url', 'latin1', 'binary'];

/**
 * Computes the hash of a whole file, read at explicit positions with several chunks in flight.
 * FIFOs, files that do not report their size (/proc) and streams are read to their end.
 * @param file a path, a handle open for reading, whose cursor does not move, or a stream of bytes
 * @param options see `HashFileOptions`
 * @returns the digest in the requested encoding
 * @throws SourceChangedError when the file shrinks while it is read; AbortError; system errors;
 *   ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 * @example
 * const digest = await hashFile('disk.img', { hash: 'sha512' });
 */
export async function hashFile(
  file: CopySource | FileHandle,
  options: HashFileOptions = {},
): Promise<string> {
  validateObject(options, 'options');
  const { algorithm = 'sha256', hash = algorithm, encoding = 'hex' } = ownOptions(options);
  validateOneOf(encoding, 'options.encoding', encodings);
  const running = makeHash(hash, 'options.hash');
  await hashInto(running, file, options);
  return running.digest(encoding);
}

async function hashInto(
  hash: Hash,
  file: CopySource | FileHandle,
  options: HashFileOptions,
): Promise<void> {
  const core = coreOf(file);
  if (core !== undefined) return hashHandle(hash, core, options);
  if (isByteSource(file)) return hashStream(hash, file, options);
  const own = ownOptions(options);
  const path = file as PathLike;
  const place = systemPathOf(path, 'file');
  const opening = await readingOfPath(own, place);
  const { signal } = own;
  const opened = await openCore(path, 'r', { ...opening, signal, access: 'sequential' });
  try {
    return await hashHandle(hash, opened, options);
  } catch (error) {
    throw withPath(error as SystemError, showPath(String(place)));
  } finally {
    await opened.close();
  }
}

/** Feeds what a stream yields to a hash. */
async function hashStream(hash: Hash, source: ByteSource, options: HashFileOptions): Promise<void> {
  const { signal, onProgress } = ownOptions(options);
  validateSignal(signal);
  const meter = new ProgressMeter(null);
  let bytesDone = 0;
  for await (const chunk of untilAborted(source, signal)) {
    const bytes = bytesOf(chunk);
    hash.update(bytes);
    bytesDone += bytes.byteLength;
    onProgress?.(meter.at(bytesDone));
  }
}

/** Feeds a whole open file to a hash. */
export async function hashHandle(
  hash: Hash,
  handle: CoreHandle,
  options: ChunkOptions & Pick<HashFileOptions, 'onProgress'>,
): Promise<void> {
  const { onProgress, ...chunkOptions } = ownOptions(options);
  const size = await sizeOfSource(handle, await handle.stat({ bigint: true }));
  const meter = new ProgressMeter(size);
  let bytesDone = 0;
  const onMoved = (bytes: number): void => {
    bytesDone += bytes;
    onProgress?.(meter.at(bytesDone));
  };
  const onChunk = (bytes: Buffer): void => void hash.update(bytes);
  const start = handle.file.isSeekable ? 0 : null;
  const range = { start, end: size ?? Number.POSITIVE_INFINITY };
  await readChunks(handle, range, { ...chunkOptions, onChunk, onMoved });
}

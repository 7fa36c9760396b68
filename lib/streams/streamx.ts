import { Buffer } from 'node:buffer';
import { isUint8Array } from 'node:util/types';
import {
  Readable,
  type ReadableOptions,
  Writable,
  type WritableEvents,
  type WritableOptions,
} from 'streamx';
import { invalidArgType } from '../node/errors.js';
import { nextTick } from '../node/globals.js';
import type { PathLike } from '../node/paths.js';
import { validateEncoding } from '../node/validate.js';
import { FileReader, type FileReaderOptions } from './file-reader.js';
import { FileWriter, type FileWriterOptions } from './file-writer.js';

/** Files as streamx streams: `overlapped/streamx`. */

export interface ReadStreamOptions
  extends FileReaderOptions,
    Pick<ReadableOptions, 'highWaterMark' | 'eagerOpen' | 'encoding'> {}

/** Options of createWriteStream() of overlapped/streamx. */
export interface WriteStreamOptions
  extends FileWriterOptions,
    Pick<WritableOptions, 'highWaterMark' | 'eagerOpen'> {
  /** Encoding of written strings. Default 'utf8'. */
  encoding?: BufferEncoding | undefined;
}

type Callback = (error: Error | null) => void;

const readableNames = ['highWaterMark', 'eagerOpen', 'encoding'] as const;
const writableNames = ['highWaterMark', 'eagerOpen'] as const;

// Other options are functions that would replace this package's functions, and a signal that would
// end a stream with another error than the rest of this package.
function only<T extends object, K extends keyof T>(options: T, names: readonly K[]): Pick<T, K> {
  const given = names.filter((name) => options[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, options[name]])) as Pick<T, K>;
}

/**
 * A streamx Readable for a file, or a part of it, that reads ahead of its consumer. The file is
 * opened at the first read, unless `eagerOpen` is set. Chunks have up to `readAhead.chunkSize`
 * bytes. destroy() cancels reads in flight; 'close' is emitted when they have ended and the file is
 * closed.
 * @example
 * for await (const chunk of new ReadStream('disk.img')) hash.update(chunk);
 */
export class ReadStream extends Readable {
  readonly #reader: FileReader;
  #onRead: Callback | undefined;

  /**
   * @param path string, Buffer or file: URL; ignored if `options.fd` is a handle
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
   */
  constructor(path: PathLike | null | undefined, options: ReadStreamOptions = {}) {
    validateEncoding(options.encoding);
    super(only(options, readableNames) as ReadableOptions);
    this.#reader = new FileReader(path, options, (error) => this.destroy(error));
  }

  /** The path as it was given; undefined for a handle. */
  get path(): PathLike | undefined {
    return this.#reader.path;
  }
  /** Bytes that have been read and delivered. */
  get bytesRead(): number {
    return this.#reader.bytesRead;
  }
  /** Whether the file is not open yet. */
  get pending(): boolean {
    return this.#reader.pending;
  }

  /** @internal */
  override _open(callback: Callback): void {
    settle(this.#reader.open(), callback);
  }

  /** @internal */
  override _read(callback: Callback): void {
    this.#onRead = callback;
    this.#push();
  }

  readonly #continue = (): void => {
    if (this.#onRead !== undefined) this.#push();
  };

  // Runs outside of the promise's reaction, so that an error thrown by a listener is an uncaught
  // exception.
  readonly #onReady = (): void => {
    nextTick(this.#continue);
  };

  #push(): void {
    let error: Error | null = null;
    try {
      for (;;) {
        const chunk = this.destroying ? null : this.#reader.take();
        if (chunk === undefined) {
          this.#reader.whenReady(this.#onReady);
          return;
        }
        if (this.destroying) break;
        if (!this.push(chunk)) break;
      }
    } catch (failure) {
      error = failure as Error;
    }
    const onRead = this.#onRead as Callback;
    this.#onRead = undefined;
    onRead(error);
  }

  /** @internal */
  override _predestroy(): void {
    this.#reader.cancel();
  }

  /** @internal */
  override _destroy(callback: Callback): void {
    settle(this.#reader.close(), callback);
  }
}

interface WriteStreamEvents extends WritableEvents {
  /** flushedPosition */
  progress: [position: number];
}

/**
 * A streamx Writable for a file, or a part of it, that writes behind its producer. The file is
 * opened at the first write or end(), unless `eagerOpen` is set. 'drain' means that there is room
 * for more and, unless a stream is piped in, that the memory of written chunks is free; 'finish'
 * means that all bytes are in the file. 'progress' reports a new flushedPosition. destroy() cancels
 * writes in flight; 'close' is emitted when they have ended and the file is closed.
 * @example
 * await pipeline(source, new WriteStream('disk.img'));
 */
export class WriteStream extends Writable<WriteStreamEvents> {
  readonly #writer: FileWriter;

  /** @see ReadStream */
  constructor(path: PathLike | null | undefined, options: WriteStreamOptions = {}) {
    const { encoding = 'utf8' } = options;
    validateEncoding(encoding);
    const map = (chunk: unknown): Uint8Array => bytesOf(chunk, encoding);
    super({ ...(only(options, writableNames) as WritableOptions), map });
    this.#writer = new FileWriter(
      path,
      options,
      (error) => this.destroy(error),
      (position) => this.#progress(position),
    );
  }

  /** The path as it was given; undefined for a handle. */
  get path(): PathLike | undefined {
    return this.#writer.path;
  }
  /** Bytes of the stream that are in the file. */
  get bytesWritten(): number {
    return this.#writer.bytesWritten;
  }
  /** All bytes before this position are in the file; they are durable after a sync of the file. */
  get flushedPosition(): number {
    return this.#writer.flushedPosition;
  }
  /** Whether the file is not open yet. */
  get pending(): boolean {
    return this.#writer.pending;
  }

  #progress(position: number): void {
    const emitter = this as unknown as NodeJS.EventEmitter;
    if (emitter.listenerCount('progress') === 0) return;
    nextTick(() => {
      if (!this.destroyed) emitter.emit('progress', position);
    });
  }

  // streamx records a pipeline in the state of the destination stream; Node's pipe() adds a
  // listener.
  get #isPiped(): boolean {
    const { pipeline } = (this as unknown as { _writableState: { pipeline: unknown } })
      ._writableState;
    const emitter = this as unknown as NodeJS.EventEmitter;
    return pipeline !== null || emitter.listenerCount('unpipe') > 0;
  }

  /** @internal */
  override _open(callback: Callback): void {
    settle(this.#writer.open(), callback);
  }

  /** @internal */
  override _writev(chunks: unknown[], callback: Callback): void {
    let isLater = false;
    this.#writer.write(chunks as Uint8Array[], !this.#isPiped, (error) => {
      const failure = (error as Error | undefined) ?? null;
      if (isLater) nextTick(callback, failure);
      else callback(failure);
    });
    isLater = true;
  }

  /** @internal */
  override _final(callback: Callback): void {
    settle(this.#writer.finish(), callback);
  }

  /** @internal */
  override _predestroy(): void {
    this.#writer.cancel();
  }

  /** @internal */
  override _destroy(callback: Callback): void {
    settle(this.#writer.close(), callback);
  }
}

function settle(promise: Promise<void>, callback: Callback): void {
  promise.then(
    () => nextTick(callback, null),
    (error) => nextTick(callback, error),
  );
}

function bytesOf(chunk: unknown, encoding: BufferEncoding): Uint8Array {
  if (isUint8Array(chunk)) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding);
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  const expected = 'of type string or an instance of Buffer, TypedArray, or DataView';
  throw invalidArgType('chunk', expected, chunk);
}

/** Creates a streamx Readable for a file, or a part of it. @see ReadStream */
export function createReadStream(
  path: PathLike | null | undefined,
  options?: ReadStreamOptions,
): ReadStream {
  return new ReadStream(path, options);
}

/** Creates a streamx Writable for a file. @see WriteStream */
export function createWriteStream(
  path: PathLike | null | undefined,
  options?: WriteStreamOptions,
): WriteStream {
  return new WriteStream(path, options);
}

import { Buffer } from 'node:buffer';
import {
  type ReadableByteStreamController,
  ReadableStream,
  WritableStream,
  type WritableStreamDefaultController,
  type WritableStreamDefaultWriter,
} from 'node:stream/web';
import { types } from 'node:util';
import { isUint8Array } from 'node:util/types';
import { invalidArgType } from '../node/errors.js';
import type { PathLike } from '../node/paths.js';
import { FileReader, type FileReaderOptions } from './file-reader.js';
import { FileWriter, type FileWriterOptions } from './file-writer.js';

// ---- Reading

/**
 * The source of a byte stream over a FileReader. A view supplied by a reader is held, and its
 * stream neither closed nor answered, until the read into it has settled: the memory may not be
 * returned or freed while the system may still write to it.
 */
class ByteSource {
  readonly type = 'bytes';
  readonly #reader: FileReader;
  readonly #endsQuietly: boolean;
  #controller!: ReadableByteStreamController;
  #failure: { error: unknown } | undefined;
  #isBusy = true;
  #isInterrupted = false;
  /** Whether the controller has been told of the end, or no longer needs to be. */
  #isOver = false;

  constructor(path: PathLike | null | undefined, options: FileReaderOptions, endsQuietly: boolean) {
    this.#endsQuietly = endsQuietly;
    this.#reader = new FileReader(path, options, this.#interrupt);
  }

  async start(controller: ReadableByteStreamController): Promise<void> {
    this.#controller = controller;
    try {
      await this.#reader.open();
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#isBusy = false;
    await this.#endIfTold();
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    this.#isBusy = true;
    try {
      const request = controller.byobRequest;
      if (request === null) await this.#enqueueNext();
      else await this.#readInto(request);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#isBusy = false;
    await this.#endIfTold();
  }

  async #enqueueNext(): Promise<void> {
    const chunk = await this.#reader.next();
    if (this.#isOver || this.#isInterrupted) return;
    if (chunk === null) await this.#end();
    else this.#controller.enqueue(chunk);
  }

  async #readInto(request: ReadableStreamBYOBRequest): Promise<void> {
    const bytes = await this.#reader.readInto(request.view as Uint8Array);
    if (this.#isOver || this.#isInterrupted) return;
    if (bytes === 0) await this.#end();
    else request.respond(bytes);
  }

  async #end(): Promise<void> {
    await this.#reader.close();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.close();
    // A reader that waits with its own view learns of the end only by this call.
    this.#controller.byobRequest?.respond(0);
  }

  // Ends the stream after an interruption or a failure.
  async #endIfTold(): Promise<void> {
    const failure = this.#failure;
    if (failure === undefined) {
      if (this.#isInterrupted) await this.#end();
      return;
    }
    await this.#reader.close().catch(() => {});
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.error(failure.error);
  }

  // While a pull waits, it ends the stream itself, since only then nothing is in flight.
  readonly #interrupt = (error: Error & { code?: string }): void => {
    this.#reader.cancel();
    this.#isInterrupted = true;
    if (!this.#endsQuietly || error.code !== 'EBADF') this.#failure ??= { error };
    if (this.#isBusy) return;
    this.#endIfTold().catch((reason) => this.#controller.error(reason));
  };

  async cancel(): Promise<void> {
    this.#isOver = true;
    await this.#reader.close();
  }
}

interface ReadableStreamBYOBRequest {
  readonly view: ArrayBufferView | null;
  respond(bytesWritten: number): void;
}

/**
 * Creates a byte stream for a file.
 * @param endsQuietly whether the stream ends if its handle is closed; otherwise it fails with EBADF
 */
export function byteStreamOf(
  path: PathLike | null | undefined,
  options: FileReaderOptions,
  endsQuietly = false,
): ReadableStream<Uint8Array> {
  return new ReadableStream(new ByteSource(path, options, endsQuietly) as never, {
    highWaterMark: 0,
  }) as ReadableStream<Uint8Array>;
}

// ---- Writing

/** Types that can be written to a file; strings are encoded as UTF-8. */
export type WebChunk = string | ArrayBufferView | ArrayBufferLike;

class FileSink {
  readonly #writer: FileWriter;
  readonly #isPiped: () => boolean;
  #controller!: WritableStreamDefaultController;
  #ended: Promise<void> | undefined;

  constructor(
    path: PathLike | null | undefined,
    options: FileWriterOptions,
    isPiped: () => boolean,
  ) {
    this.#isPiped = isPiped;
    this.#writer = new FileWriter(path, options, this.#interrupt, () => {});
  }

  get flushedPosition(): number {
    return this.#writer.flushedPosition;
  }

  async start(controller: WritableStreamDefaultController): Promise<void> {
    this.#controller = controller;
    // abort() is called only after the pending write has ended.
    const { signal } = controller as unknown as { signal: AbortSignal };
    signal.addEventListener('abort', () => this.#writer.cancel(signal.reason), { once: true });
    await this.#orEnd(() => this.#writer.open());
  }

  write(chunk: unknown): Promise<void> {
    return this.#orEnd(
      () =>
        new Promise((resolve, reject) => {
          this.#writer.write([bytesOf(chunk)], !this.#isPiped(), (error) =>
            error === undefined ? resolve() : reject(error),
          );
        }),
    );
  }

  close(): Promise<void> {
    return this.#orEnd(async () => {
      await this.#writer.finish();
      await this.#writer.close();
    });
  }

  async abort(reason: unknown): Promise<void> {
    await this.#end(reason);
  }

  // A stream that fails is not aborted as well, so nothing else would close the file.
  async #orEnd(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      await this.#end(error).catch(() => {});
      throw error;
    }
  }

  #end(reason: unknown): Promise<void> {
    this.#writer.cancel(reason);
    this.#ended ??= this.#writer.close();
    return this.#ended;
  }

  readonly #interrupt = (error: Error): void => {
    this.#controller.error(error);
    // The writer receives the error itself.
    this.#end(error).catch(() => {});
  };
}

/** A WritableStream that writes a file. */
export interface FileWritableStream extends WritableStream<WebChunk> {
  /** All bytes before this position are in the file; they are durable after a sync of the file. */
  readonly flushedPosition: number;
}

type FileWritableStreamClass = new (
  path: PathLike | null | undefined,
  options: FileWriterOptions,
) => FileWritableStream;

let streamClass: FileWritableStreamClass | undefined;

/** Creates a FileWritableStream. */
export function writableStreamOf(
  ...args: ConstructorParameters<FileWritableStreamClass>
): FileWritableStream {
  // Node loads WritableStream on first use, which takes time, and few programs need it.
  streamClass ??= defineStreamClass();
  return new streamClass(...args);
}

function defineStreamClass(): FileWritableStreamClass {
  return class FileWritableStream extends WritableStream<WebChunk> {
    readonly #sink: FileSink;
    #isPiped = true;

    constructor(...[path, options]: ConstructorParameters<FileWritableStreamClass>) {
      let isPiped = (): boolean => true;
      const sink = new FileSink(path, options, () => isPiped());
      super({
        start: (controller) => sink.start(controller),
        write: (chunk) => sink.write(chunk),
        close: () => sink.close(),
        abort: (reason) => sink.abort(reason),
      });
      isPiped = () => this.#isPiped;
      this.#sink = sink;
    }

    get flushedPosition(): number {
      return this.#sink.flushedPosition;
    }

    // A program that writes by hand may reuse the memory once the write has resolved. pipeTo() does
    // not, and does not get its writer from this method.
    override getWriter(): WritableStreamDefaultWriter<WebChunk> {
      this.#isPiped = false;
      return super.getWriter();
    }
  };
}

function bytesOf(chunk: unknown): Uint8Array {
  if (isUint8Array(chunk)) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  if (types.isAnyArrayBuffer(chunk)) return new Uint8Array(chunk);
  const expected = 'of type string or an instance of ArrayBuffer, TypedArray, or DataView';
  throw invalidArgType('chunk', expected, chunk);
}

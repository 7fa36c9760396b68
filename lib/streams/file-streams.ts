import type * as fs from 'node:fs';
import { flushEngine } from '../engine/started.js';
import { coreOf } from '../handle/core-of.js';
import { type StreamOpenOptions, streamOpenOptionsOf } from '../handle/open-options.js';
import type { PublicHandle } from '../handle/public-handle.js';
import { invalidArgValue, notImplemented } from '../node/errors.js';
import { isForNode } from '../node/layers.js';
import { nodeFs } from '../node/node-fs.js';
import { noOptions, ownOptions } from '../node/own-options.js';
import type { WindowOptions } from '../transfer/window.js';
import { type Described, defineDescriptor, getPending, quietly } from './descriptor.js';
import type { HeldFile } from './held-file.js';
import { nodeFileOf, readSourceOf, wholeReadOf, writeSinkOf } from './movers.js';
import type { NodeFile } from './node-file.js';
import { afterNodesOperations } from './nodes-operations.js';
import { fileOfPath } from './path-file.js';
import type { AfterSource, NodeReadStream, ReadSource } from './read-source.js';
import {
  callsBack,
  type Done,
  lifeOf,
  nodeReader,
  nodeWriter,
  openFile,
  openWriter,
  type Reader,
  streamFile,
  type Writer,
  windowOptions,
} from './stream-life.js';
import {
  callBase,
  copyOptions,
  letGo,
  type Options,
  type StreamConstructor,
  validateWindowOption,
} from './stream-options.js';
import { type Chunk, encodeKept, writeChunk } from './text-chunks.js';
import type { WholeRead } from './whole-read.js';
import type { WriteSink } from './write-sink.js';

/** Options of this package's streams, in addition to Node's options. */
export interface ReadStreamExtras extends StreamOpenOptions {
  /** Bounds of the window of reads. */
  readAhead?: WindowOptions | undefined;
}
export interface WriteStreamExtras extends StreamOpenOptions {
  /** Bounds of the window of writes. */
  writeBehind?: WindowOptions | undefined;
}

// ---- The file of a stream

/**
 * Returns this package's file for a stream that would otherwise use Node's functions.
 * @param options changed to the form that Node's constructor takes
 */
function fileOf(
  stream: Reader | Writer,
  options: Options,
  more: StreamOpenOptions,
): NodeFile | undefined {
  const { fd } = options;
  const isOpen = fd != null || options.windowsHandle != null || options.fs != null;
  const [name] = Object.keys(more);
  if (isOpen && name !== undefined) {
    const reason = 'takes effect where the stream itself opens a path';
    throw invalidArgValue(`options.${name}`, options[name], reason);
  }
  const core = coreOf(fd);
  if (core === undefined) {
    // Node's own methods open and read the path then.
    return isOpen || isForNode() ? undefined : fileOfPath(more, stream);
  }
  if (options.fs) throw notImplemented('FileHandle with fs');
  options.fd = core.file.streamDescriptor;
  const given = { handle: fd as PublicHandle, core, onClosing: () => letGo(stream) };
  return nodeFileOf(given, stream);
}

// Code that knows the descriptor can use the cursor, and close the file where Node's docs say so. A
// child that inherits it writes behind what the stream was given before.
function shareDescriptor(this: Described): void {
  const stream = this as Reader | Writer;
  const held = stream[streamFile]?.held;
  held?.shareDescriptor(!stream.autoClose);
  if ('readableEnded' in stream) {
    if (stream.readableEnded) held?.leaveToDescriptor();
    return;
  }
  stream[streamFile]?.mover?.beginWrites?.();
  flushEngine();
  if (stream.writableFinished) leaveWritten(stream);
}

// With `flush` the file is synced when the stream is closed.
function leaveWritten(stream: Writer): void {
  const { flush } = stream as { flush?: boolean };
  if (flush !== true) stream[streamFile]?.held?.leaveToDescriptor();
}

// The program wants another file to be read or written, and keeps the one that was opened.
function replaceDescriptor(this: Described): void {
  const file = (this as Reader | Writer)[streamFile];
  if (file?.held?.isOwn !== true || file.mover !== undefined) return;
  file.held.handle?.file.shareDescriptor(true);
  file.held = undefined;
}

/** Sets up a stream as Node does, and ties it to a given handle. */
function construct(
  base: StreamConstructor,
  stream: Reader | Writer,
  path: unknown,
  given: unknown,
  windowName: string,
): void {
  // Node refuses other types, except a callback, which counts as no options.
  if (given != null && !['object', 'string', 'function'].includes(typeof given)) {
    callBase(base, stream, path, given);
    return;
  }
  const options = copyOptions(given);
  const named = given == null || typeof given === 'string' ? noOptions : ownOptions(given);
  stream[windowOptions] = validateWindowOption(named, windowName);
  const file = fileOf(stream, options, streamOpenOptionsOf(named));
  if (file !== undefined) {
    options.fs = file;
    stream[streamFile] = file;
    defineDescriptor(stream, shareDescriptor, replaceDescriptor);
  }
  callBase(base, stream, path, options);
  // The handle is held only now: Node may have refused the options, or destroyed the stream.
  if (!stream.destroyed) file?.held?.hold();
}

// ---- ReadStream

/**
 * fs.ReadStream over a window of reads: an instance of Node's class, with its events. `options.fd`
 * may be a descriptor or a FileHandle. `options.fs` replaces the engine.
 */
function ReadStreamOf(this: Reader, path: unknown, options: unknown): unknown {
  if (!(this instanceof ReadStreamOf)) return Reflect.construct(ReadStreamOf, [path, options]);
  construct(nodeFs.ReadStream as unknown as StreamConstructor, this, path, options, 'readAhead');
  return this;
}

function windowedSource(stream: Reader, held: HeldFile): ReadSource {
  return readSourceOf(stream, held, stream[windowOptions], afterSource);
}

// Node's own code handles a failure: it reads from its `fs`, which returns the error.
function failReader(stream: NodeReadStream, error: unknown, size: number): void {
  const reader = stream as Reader;
  (reader[streamFile] as NodeFile).failure = { error };
  quietly(reader, () => nodeReader._read.call(reader, size));
}

const afterSource: AfterSource = {
  resume(stream, file, size) {
    const reader = stream as Reader;
    const source = windowedSource(reader, file);
    (reader[streamFile] as NodeFile).mover = source;
    source.read(size);
  },
  fail: failReader,
};

function sourceOf(stream: Reader, size: number): ReadSource | WholeRead | undefined {
  const file = stream[streamFile];
  if (file === undefined) return undefined;
  if (file.mover !== undefined) return file.mover as ReadSource | WholeRead;
  const { held, windowed } = file;
  if (held === undefined || windowed === undefined) return undefined;
  const source =
    wholeReadOf(stream, held, stream[windowOptions], size, afterSource) ??
    windowedSource(stream, held);
  file.mover = source;
  return source;
}

const readerLife = lifeOf(nodeReader, openFile);
const readerMethods = {
  ...readerLife,
  _destroy(this: Reader, error: Error | null, done: Done): void {
    const isEnd = error === null && this.readableEnded;
    const closed: Done = (failure) => afterNodesOperations(() => done(failure));
    readerLife._destroy.call(this, error, isEnd ? closed : done);
  },
  _read(this: Reader, size: number): void {
    const source = sourceOf(this, size);
    if (source === undefined) quietly(this, () => nodeReader._read.call(this, size));
    else source.read(size);
  },
};

// ---- WriteStream

/**
 * fs.WriteStream over a window of writes, like ReadStream. The callback of a write is called when
 * the bytes are in the file. All bytes before `flushedPosition` are in the file, and the event
 * 'progress' reports that it has moved.
 */
function WriteStreamOf(this: Writer, path: unknown, options: unknown): unknown {
  if (!(this instanceof WriteStreamOf)) return Reflect.construct(WriteStreamOf, [path, options]);
  construct(nodeFs.WriteStream as unknown as StreamConstructor, this, path, options, 'writeBehind');
  if (this[streamFile] !== undefined) finishBefore(this);
  return this;
}

// A stream's own _final must find all bytes written.
function finishBefore(stream: Writer): void {
  const own = stream._final;
  if (own === writerMethods._final) return;
  stream._final = (done): void => {
    writerMethods._final.call(stream, (error) => {
      if (error) done(error);
      else own.call(stream, done);
    });
  };
}

function sinkOf(stream: Writer): WriteSink | undefined {
  const file = stream[streamFile];
  if (file === undefined) return undefined;
  if (file.mover !== undefined) return file.mover as WriteSink;
  if (file.held === undefined || file.windowed === undefined) return undefined;
  const sink = writeSinkOf(stream, file.held, stream[windowOptions], writerMethods);
  file.mover = sink;
  return sink;
}

function moverOf(stream: Writer): WriteSink | undefined {
  return stream[streamFile]?.mover as WriteSink | undefined;
}

const openToWrite: typeof openFile = (stream, file, done) => {
  openWriter(stream as Writer, file, done, writerMethods);
};

function accept(stream: Writer, chunk: unknown, encoding: unknown, done: unknown): boolean {
  return writeChunk(stream, chunk, encoding, done, nodeWriter.write, writerMethods);
}

const writerMethods = {
  ...lifeOf(nodeWriter, openToWrite),
  _write(this: Writer, chunk: Chunk, encoding: unknown, done: Done): void {
    const sink = sinkOf(this);
    if (sink !== undefined) {
      sink.writeOne(chunk, done);
      return;
    }
    const entry = { chunk, encoding };
    encodeKept(this, [entry]);
    quietly(this, () => nodeWriter._write.call(this, entry.chunk, entry.encoding, done));
  },
  _writev(this: Writer, chunks: { chunk: Chunk; encoding: unknown }[], done: Done): void {
    const sink = sinkOf(this);
    if (sink !== undefined) {
      sink.writeHeld(chunks, done);
      return;
    }
    encodeKept(this, chunks);
    quietly(this, () => nodeWriter._writev.call(this, chunks, done));
  },
  _final(this: Writer, done: Done): void {
    const sink = moverOf(this);
    const finished: Done = (error) => {
      if (!error) leaveWritten(this);
      done(error);
    };
    if (sink === undefined) finished();
    else sink.finish(finished);
  },
  write(this: Writer, chunk: unknown, encoding: unknown, done?: unknown): boolean {
    const callback = typeof encoding === 'function' ? encoding : done;
    if (this[streamFile] === undefined) return nodeWriter.write.call(this, chunk, encoding, done);
    if (typeof callback !== 'function') return accept(this, chunk, encoding, done);
    this[callsBack] = true;
    // The stream accepts more before the bytes are in the file; the callback runs when they are.
    const taken = (error?: Error | null): void => {
      const sink = moverOf(this);
      if (error || sink === undefined) callback(error);
      else sink.whenFlushed(callback as Done);
    };
    return accept(this, chunk, typeof encoding === 'function' ? undefined : encoding, taken);
  },
  end(this: Writer, chunk: unknown, encoding: unknown, done?: unknown): unknown {
    const isFunction = (given: unknown): boolean => typeof given === 'function';
    if ([chunk, encoding, done].some(isFunction)) this[callsBack] = true;
    return nodeWriter.end.call(this, chunk, encoding, done);
  },
};

// ---- Classes

// Functions rather than classes, as in Node: some programs call them without `new`, or on an object
// of a class derived in the old way.
function derive(derived: StreamConstructor, base: StreamConstructor, methods: object): void {
  Object.defineProperty(derived, 'name', { value: base.name });
  Object.setPrototypeOf(derived, base);
  Object.setPrototypeOf(derived.prototype, base.prototype);
  Object.assign(derived.prototype, methods);
}
derive(
  ReadStreamOf as StreamConstructor,
  nodeFs.ReadStream as unknown as StreamConstructor,
  readerMethods,
);
derive(
  WriteStreamOf as StreamConstructor,
  nodeFs.WriteStream as unknown as StreamConstructor,
  writerMethods,
);
for (const { prototype } of [ReadStreamOf, WriteStreamOf]) {
  const { get } = Object.getOwnPropertyDescriptor(nodeReader, 'pending') ?? {};
  Object.defineProperty(prototype, 'pending', {
    configurable: true,
    get(this: Reader | Writer): boolean {
      return this[streamFile] === undefined ? get?.call(this) : getPending.call(this);
    },
  });
}
Object.defineProperty(WriteStreamOf.prototype, 'writableBuffer', {
  configurable: true,
  get(this: Writer): unknown {
    const waiting = Reflect.get(nodeWriter, 'writableBuffer', this);
    if (Array.isArray(waiting)) encodeKept(this, waiting);
    return waiting;
  },
});
Object.defineProperty(WriteStreamOf.prototype, 'flushedPosition', {
  configurable: true,
  get(this: Writer): number {
    const sink = moverOf(this);
    return (
      sink?.flushedPosition ?? (this.pos ?? 0) + (this.pos === undefined ? this.bytesWritten : 0)
    );
  },
});

/** Node's class fs.ReadStream, with streams that read ahead. */
export const ReadStream = ReadStreamOf as unknown as typeof fs.ReadStream;
/** Node's class fs.WriteStream, with streams that write behind. */
export const WriteStream = WriteStreamOf as unknown as typeof fs.WriteStream;

/** An fs.WriteStream that reports up to which position its file is complete. */
export interface WindowedWriteStream extends fs.WriteStream {
  /**
   * All bytes before this position are in the file; they are durable after a sync of the file. The
   * event 'progress' reports changes. It counts from 0 if writes have no position.
   */
  readonly flushedPosition: number;
}

type NodeOptions<F extends (path: never, options?: never) => unknown> = Exclude<
  Parameters<F>[1],
  string
>;
/** Options of createReadStream(): Node's, and those of this package. */
export type ReadStreamOptions = NodeOptions<typeof fs.createReadStream> & ReadStreamExtras;
/** Options of createWriteStream(): Node's, and those of this package. */
export type WriteStreamOptions = NodeOptions<typeof fs.createWriteStream> & WriteStreamExtras;

/**
 * Creates a stream that reads a file, or a part of it.
 * @param path string, Buffer or file: URL
 * @param options Node's options, `readAhead`, and the options of open()
 * @returns a stream; it fails with system errors, and with AbortError when `signal` aborts
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 * @example
 * createReadStream('disk.img', { readAhead: { depth: 4 } }).pipe(process.stdout);
 */
export const createReadStream = function createReadStream(path: unknown, options: unknown) {
  return Reflect.construct(ReadStreamOf, [path, options]);
} as (path: fs.PathLike, options?: BufferEncoding | ReadStreamOptions) => fs.ReadStream;

/**
 * Creates a stream that writes a file. When it drains, or calls a write's callback, the bytes are
 * in the file; while another stream is piped into it, it accepts chunks ahead and drains when it
 * has room.
 * @param path string, Buffer or file: URL
 * @param options Node's options, `writeBehind`, and the options of open()
 * @returns a stream; it fails with system errors, and with AbortError when `signal` aborts
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 * @example
 * await pipeline(source, createWriteStream('disk.img', { flush: true }));
 */
export const createWriteStream = function createWriteStream(path: unknown, options: unknown) {
  return Reflect.construct(WriteStreamOf, [path, options]);
} as (path: fs.PathLike, options?: BufferEncoding | WriteStreamOptions) => WindowedWriteStream;

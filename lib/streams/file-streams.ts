import type * as fs from 'node:fs';
import { notImplemented } from '../errors.js';
import type { FileHandle } from '../file-handle.js';
import { nodeFs } from '../node-fs.js';
import { ioOfHandle, ioOfPath, type OpenFile, type StreamIo } from './handle-io.js';

let openFile: OpenFile | undefined;

/**
 * Says how streams of a path open it. They stand below that, since a handle makes streams, too.
 */
export function provideOpen(open: OpenFile): void {
  openFile = open;
}

type Options = Record<string, unknown>;
type StreamConstructor = (this: object, path: unknown, options: unknown) => void;

function isOurHandle(value: unknown): value is FileHandle {
  return typeof (value as Partial<FileHandle> | null | undefined)?.hold === 'function';
}

/** Makes the `fs` of a stream. */
interface IoMaker {
  ofHandle(handle: FileHandle): StreamIo;
  ofPath(): StreamIo;
}

/** Options with an `fs` of ours, where the stream would use Node's own for a file of ours. */
function withOurIo(given: unknown, maker: IoMaker): unknown {
  // Node refuses the rest, but for a callback, which it takes for no options.
  const isRefused = given != null && !['object', 'string', 'function'].includes(typeof given);
  if (isRefused) return given;
  const options: Options = {};
  if (typeof given === 'string') options.encoding = given;
  // With what it inherits, as Node copies it.
  else for (const name in given as Options) options[name] = (given as Options)[name];
  const { fd } = options;
  if (isOurHandle(fd)) {
    if (options.fs) throw notImplemented('FileHandle with fs');
    return { ...options, fd: fd.fd, fs: maker.ofHandle(fd) };
  }
  const isOpenElsewhere = fd != null || options.windowsHandle != null;
  return options.fs || isOpenElsewhere ? options : { ...options, fs: maker.ofPath() };
}

/** Sets a stream up as Node does, and ties it to the handle that it was given. */
function construct(
  base: StreamConstructor,
  stream: fs.ReadStream | fs.WriteStream,
  path: unknown,
  options: unknown,
): void {
  let held: FileHandle | undefined;
  let release = (): void => {};
  const maker: IoMaker = {
    ofHandle(handle) {
      held = handle;
      return ioOfHandle(handle, () => release());
    },
    ofPath: () => ioOfPath(openFile as OpenFile, () => stream.closed),
  };
  base.call(stream, path, withOurIo(options, maker));
  // Only now, since Node may have refused the options.
  if (held) release = (held as FileHandle).hold(() => stream.close());
}

/**
 * fs.ReadStream whose reads are the engine's: an instance of Node's class, with its events. Besides
 * a number, `options.fd` may be a FileHandle. `options.fs` takes the place of the engine.
 */
function ReadStreamOf(this: fs.ReadStream, path: unknown, options: unknown): unknown {
  if (!(this instanceof ReadStreamOf)) return Reflect.construct(ReadStreamOf, [path, options]);
  construct(nodeFs.ReadStream as unknown as StreamConstructor, this, path, options);
  return this;
}

/** fs.WriteStream whose writes are the engine's, as ReadStream. */
function WriteStreamOf(this: fs.WriteStream, path: unknown, options: unknown): unknown {
  if (!(this instanceof WriteStreamOf)) return Reflect.construct(WriteStreamOf, [path, options]);
  construct(nodeFs.WriteStream as unknown as StreamConstructor, this, path, options);
  return this;
}

// Functions and no classes, as in Node: there are programs that call them without `new`, or on an
// object of a class that they have derived in the old way.
function derive(derived: StreamConstructor, base: StreamConstructor): void {
  Object.defineProperty(derived, 'name', { value: base.name });
  Object.setPrototypeOf(derived, base);
  Object.setPrototypeOf(derived.prototype, base.prototype);
}
derive(ReadStreamOf as StreamConstructor, nodeFs.ReadStream as unknown as StreamConstructor);
derive(WriteStreamOf as StreamConstructor, nodeFs.WriteStream as unknown as StreamConstructor);

export const ReadStream = ReadStreamOf as unknown as typeof fs.ReadStream;
export const WriteStream = WriteStreamOf as unknown as typeof fs.WriteStream;

/** A stream of a file, or of a part of it; the options are Node's. */
export const createReadStream: typeof fs.createReadStream = (path, options) =>
  Reflect.construct(ReadStreamOf, [path, options]);

/** A stream into a file; the options are Node's. */
export const createWriteStream: typeof fs.createWriteStream = (path, options) =>
  Reflect.construct(WriteStreamOf, [path, options]);

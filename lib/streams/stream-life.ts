import process from 'node:process';
import { flushEngine } from '../engine/started.js';
import type { FirstBytes } from '../handle/open.js';
import { placeholderDescriptor } from '../handle/open-file.js';
import { clearImmediate, setImmediate } from '../node/globals.js';
import { nodeFs } from '../node/node-fs.js';
import type { WindowOptions } from '../transfer/window.js';
import { type Described, descriptor, emitOpen, quietly } from './descriptor.js';
import { firstBytesOf, hasEnded, isPiped, type NodeWriteStream } from './first-bytes.js';
import { sinkAfterOpening } from './movers.js';
import type { NodeFile } from './node-file.js';
import type { NodeReadStream } from './read-source.js';
import type { WritingMethods } from './text-chunks.js';

/** How the streams of this package are opened and closed. */

export type Done = (error?: Error | null) => void;

/** The methods of Node's classes that this package's methods stand in for. */
export interface NodeMethods {
  open: unknown;
  _construct(this: object, done: Done): void;
  _destroy(this: object, error: Error | null, done: Done): void;
  destroy(this: object, error?: Error, done?: Done): unknown;
  _read(this: object, size: number): void;
  _write(this: object, chunk: unknown, encoding: unknown, done: Done): void;
  _writev(this: object, chunks: readonly { chunk: unknown }[], done: Done): void;
  write(this: object, chunk: unknown, encoding: unknown, done?: unknown): boolean;
  end(this: object, chunk: unknown, encoding: unknown, done?: unknown): unknown;
}

export const nodeReader = nodeFs.ReadStream.prototype as unknown as NodeMethods;
export const nodeWriter = nodeFs.WriteStream.prototype as unknown as NodeMethods;

export const streamFile = Symbol('file');
export const windowOptions = Symbol('windowOptions');
/** Whether the program has passed a callback to write() or end(). */
export const callsBack = Symbol('callsBack');

interface OurState extends Described {
  /** Undefined if Node's own functions or those of the `fs` option are used. */
  [streamFile]?: NodeFile;
  [windowOptions]: WindowOptions;
  [callsBack]?: boolean;
  open: unknown;
  path: string;
  flags: string | number;
  mode: number;
}
export type Reader = NodeReadStream & OurState;
export type Writer = NodeWriteStream & OurState;

const resolved = Promise.resolve();

type Opened = (bytesWritten: number) => void;

/** @param opened called before the stream learns that its file is open */
export function openFile(
  stream: Reader | Writer,
  file: NodeFile,
  done: Done,
  opened?: Opened,
  first?: FirstBytes,
): void {
  const called = (error: unknown, fd?: unknown, bytes?: unknown): void => {
    if (error) {
      done(file.isGivenUp ? null : (error as Error));
      return;
    }
    opened?.(bytes as number);
    if (fd !== undefined) stream[descriptor] = fd as number;
    done();
    // Without a descriptor nobody was listening when the file was opened.
    emitOpen(stream, (fd ?? placeholderDescriptor) as number);
  };
  file.open(stream.path, stream.flags, stream.mode, called, first);
}

const isWindows = process.platform === 'win32';

// A pipe from a small file brings its bytes within this turn of the event loop. A relative path is
// opened at once, because the program may change its folder.
function isFedSoon(stream: Writer): boolean {
  return !isWindows && isPiped(stream) && String(stream.path).startsWith('/');
}

/**
 * Opens the file of a write stream. Bytes that the stream has by then are written by the same
 * operation. It begins after the program's current turn, in which the program may add listeners,
 * and for a pipe after the current turn of the event loop.
 */
export function openWriter(stream: Writer, file: NodeFile, done: Done, own: WritingMethods): void {
  const window = stream[windowOptions];
  const opened: Opened = (bytes) => {
    const { held } = file;
    // The program's own functions may have opened the file.
    if (held !== undefined) file.mover = sinkAfterOpening(stream, held, window, own, bytes);
  };
  const open = (): void => {
    const first = firstBytesOf(stream, own, stream[callsBack] === true);
    openFile(stream, file, done, first === undefined ? undefined : opened, first);
  };
  if (window.depth !== undefined || window.chunkSize !== undefined) {
    openFile(stream, file, done);
  } else if (hasEnded(stream)) {
    resolved.then(open);
  } else if (isFedSoon(stream)) {
    openAfterTurn(stream, file, done, open);
  } else {
    openFile(stream, file, done);
  }
}

// A program that destroys the stream may remove the file next, so its opening begins before that.
function openAfterTurn(stream: Writer, file: NodeFile, done: Done, open: () => void): void {
  const immediate = setImmediate(() => {
    file.openAtOnce = undefined;
    open();
  });
  file.openAtOnce = () => {
    file.openAtOnce = undefined;
    clearImmediate(immediate);
    openFile(stream, file, done);
    flushEngine();
  };
}

/**
 * Returns the methods by which the streams of a class open and close. A program may have replaced
 * open(), which Node then calls.
 */
export function lifeOf(
  node: NodeMethods,
  open: typeof openFile,
): Pick<NodeMethods, '_construct' | '_destroy' | 'destroy'> {
  return {
    _construct(this: Reader | Writer, done: Done): void {
      const file = this[streamFile];
      if (file === undefined || this.open !== node.open) node._construct.call(this, done);
      else if (this[descriptor] !== null) done();
      else open(this, file, done);
    },
    _destroy(this: Reader | Writer, error: Error | null, done: Done): void {
      quietly(this, () => node._destroy.call(this, error, done));
    },
    destroy(this: Reader | Writer, error?: Error, done?: Done): unknown {
      this[streamFile]?.cancelOpening(this.path);
      return node.destroy.call(this, error, done);
    },
  };
}

import { Buffer } from 'node:buffer';
import type * as fs from 'node:fs';
import { isUint8Array } from 'node:util/types';
import type { FirstBytes } from '../handle/open.js';
import { isOpenSeen } from './descriptor.js';
import { isFinishSeen } from './finish-listeners.js';
import { bytesOf, type Chunk, join, passesUnchanged, type WritingMethods } from './text-chunks.js';

/** Members of Node's class that its types leave out. */
export type NodeWriteStream = fs.WriteStream & {
  pos: number | undefined;
  readonly autoClose: boolean;
};

type Done = (error?: Error | null) => void;

/** More bytes are written once the file is open, since one more operation hardly matters then. */
const bytesMax = 64 * 1024;

/** A chunk that a stream keeps until it can be written. */
interface Waiting {
  readonly chunk: unknown;
}
interface Inner {
  /** The state of Node's class. getBuffer() returns the waiting chunks, and is not documented. */
  readonly _writableState?: { getBuffer?(): readonly Waiting[] };
  readonly flush?: boolean;
}

/** Returns the chunks that a stream has accepted and not yet passed to _write(), in order. */
export function waitingChunks(stream: NodeWriteStream): readonly Waiting[] {
  const buffer = (stream as Inner)._writableState?.getBuffer?.();
  return Array.isArray(buffer) ? buffer : [];
}

/** Returns the bytes of all chunks; undefined if they are not of this length or of other types. */
function contentOf(waiting: readonly Waiting[], length: number): Uint8Array | undefined {
  const chunks: Chunk[] = [];
  let left = length;
  for (const { chunk } of waiting) {
    if (!isUint8Array(chunk) && typeof chunk !== 'string') return undefined;
    chunks.push(chunk);
    left -= chunk.length;
  }
  const [first] = chunks;
  if (left !== 0 || first === undefined) return undefined;
  if (chunks.length === 1) return bytesOf(first);
  const all = Buffer.allocUnsafe(length);
  join(chunks, all);
  return all;
}

/** Whether a stream has ended before its file is open, so that all of its bytes are known. */
export function hasEnded(stream: NodeWriteStream): boolean {
  return stream.writableEnded && stream.writableLength > 0;
}

/** Whether another stream pipes into this one. */
export function isPiped(stream: NodeWriteStream): boolean {
  return stream.listenerCount('unpipe') > 0;
}

/**
 * Returns the bytes that a stream has before its file is open: one operation opens the file and
 * writes them. If the stream has ended, it also closes the file, unless the program can see it
 * open. Undefined if the stream has to be written in steps, which is as well if the program can see
 * the steps.
 * @param own our methods
 * @param callsBack whether the program has passed a callback to write() or end()
 */
export function firstBytesOf(
  stream: NodeWriteStream,
  own: WritingMethods,
  callsBack: boolean,
): FirstBytes | undefined {
  const { writableLength: length } = stream;
  const isPlain =
    !stream.destroyed &&
    !stream.writableObjectMode &&
    stream.pos === undefined &&
    length > 0 &&
    length <= bytesMax &&
    (stream.writableEnded || stream.writableCorked === 0) &&
    passesUnchanged(stream, own) &&
    !isOpenSeen(stream);
  const content = isPlain ? contentOf(waitingChunks(stream), length) : undefined;
  if (content?.byteLength !== length) return undefined;
  const staysOpen =
    !stream.writableEnded ||
    callsBack ||
    !stream.autoClose ||
    (stream as Inner).flush === true ||
    stream._final !== own._final ||
    stream._destroy !== own._destroy ||
    ['prefinish', 'progress'].some((name) => stream.listenerCount(name) > 0) ||
    isFinishSeen(stream);
  return { content, staysOpen };
}

/** Stands for the file of a stream that has been written and closed. */
export class WrittenWhole {
  readonly #stream: NodeWriteStream;

  /** @param bytes length of the file's content */
  constructor(stream: NodeWriteStream, bytes: number) {
    this.#stream = stream;
    stream.bytesWritten = bytes;
  }

  get flushedPosition(): number {
    return this.#stream.bytesWritten;
  }
  writeOne(_chunk: unknown, done: Done): void {
    done(null);
  }
  writeHeld(_chunks: readonly unknown[], done: Done): void {
    done(null);
  }
  whenFlushed(done: Done): void {
    done(null);
  }
  finish(done: Done): void {
    done(null);
  }
  settle(): undefined {}
}

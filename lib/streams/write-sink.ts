import { isPromise, isUint8Array } from 'node:util/types';
import type { CoreHandle } from '../handle/core-handle.js';
import { nextTick } from '../node/globals.js';
import type { WindowOptions } from '../transfer/window.js';
import type { WriteBehind } from '../transfer/write-behind.js';
import type { WriteCallback } from '../transfer/write-part.js';
import { canWriteDirectly, DirectWrites, type HeldChunk } from './direct-writes.js';
import { beginWriting, type Writing } from './file-writer.js';
import { isPiped, type NodeWriteStream } from './first-bytes.js';
import type { HeldFile } from './held-file.js';
import type { Mover } from './node-file.js';
import { bytesOf, type Chunk, chunksBehind, lengthOf, type WritingMethods } from './text-chunks.js';

type Done = (error?: Error | null) => void;

/** Returns the same error as Node's streams. */
export function streamDestroyed(method = 'write'): Error {
  const error = new Error(`Cannot call ${method} after a stream was destroyed`);
  return Object.assign(error, { code: 'ERR_STREAM_DESTROYED' });
}

// Runs outside of the promise's reaction, so that an error thrown by a listener is an uncaught
// exception, as in Node.
function later(done: Done): WriteCallback {
  return (error) => nextTick(done, error ?? null);
}

/** A pipe that has written less than this, in bytes, needs no window. */
const pipedMax = 64 * 1024;
/**
 * Chunks of up to this average size, in bytes, need no window either. Node's stream holds them back
 * during a write, which costs less than passing each to a window.
 */
const lineMax = 1024;

/**
 * Writes the chunks of a stream: directly while the stream waits for each write, and by a
 * WriteBehind as soon as another stream has piped much into it, or a write is long.
 */
export class WriteSink implements Mover {
  readonly #stream: NodeWriteStream;
  readonly #file: HeldFile;
  readonly #windowOptions: WindowOptions;
  /** Whether unaligned bytes are copied, so that their memory is free before they are written. */
  readonly #isCopying: boolean;
  #direct: DirectWrites | undefined;
  #ready: Promise<void> | undefined;
  #behind!: WriteBehind;
  /** Position of the first byte; 0 at the cursor. */
  #start = 0;
  /** What the window's positions have more than the number of bytes of the stream. */
  #shift = 0;
  #hasFinished = false;

  /**
   * @param own our methods of the stream
   * @param ahead bytes of the first chunks that are in the file already
   */
  constructor(
    stream: NodeWriteStream,
    file: HeldFile,
    window: WindowOptions,
    own: WritingMethods,
    ahead = 0,
  ) {
    this.#stream = stream;
    this.#file = file;
    this.#windowOptions = window;
    this.#isCopying = (file.handle as CoreHandle).alignment !== null;
    if (canWriteDirectly(file, window)) {
      this.#start = stream.pos ?? 0;
      this.#direct = new DirectWrites(stream, file, own, (bytes) => this.#moved(bytes), ahead);
    } else {
      this.#beginWindow();
    }
  }

  #beginWindow(): void {
    const stream = this.#stream;
    const start = stream.pos;
    this.#direct = undefined;
    const skipped = start === undefined ? stream.bytesWritten : 0;
    const writing = beginWriting(this.#file, {
      start,
      skipped,
      autoClose: stream.autoClose,
      window: this.#windowOptions,
      onFlushed: (position) => this.#flushed(position),
      onFailed: (error) => {
        // No later call may report the error.
        if (stream.autoClose && !stream.destroyed) stream.destroy(error as Error);
      },
    });
    if (isPromise(writing)) {
      this.#ready = writing.then((begun) => this.#begin(begun));
      this.#ready.catch(() => {});
    } else {
      this.#begin(writing);
    }
  }

  #begin({ behind, start }: Writing): void {
    const { bytesWritten } = this.#stream;
    this.#behind = behind;
    this.#shift = start - bytesWritten;
    if (bytesWritten === 0) this.#start = start;
  }

  #moved(bytes: number): void {
    this.#stream.bytesWritten += bytes;
    this.#tell();
  }

  #flushed(position: number): void {
    this.#stream.bytesWritten = position - this.#shift;
    this.#tell();
  }

  #tell(): void {
    const stream = this.#stream;
    if (stream.listenerCount('progress') > 0) {
      const position = this.flushedPosition;
      nextTick(() => stream.emit('progress', position));
    }
  }

  get flushedPosition(): number {
    return this.#start + this.#stream.bytesWritten;
  }

  /** Writes chunks that the stream has held back. */
  writeHeld(held: readonly HeldChunk[], done: Done): void {
    const skipped = this.#direct?.skipHeld(held) ?? 0;
    if (skipped > 0) {
      this.#skip(skipped);
      done(null);
      return;
    }
    this.write(
      held.map(({ chunk }) => chunk),
      done,
    );
  }

  /** Writes one chunk. Those of a long pipe are the most frequent, and pass without a list. */
  writeOne(chunk: Chunk, done: Done): void {
    const hasWindow = this.#direct === undefined && this.#ready === undefined;
    if (!hasWindow || !isUint8Array(chunk) || !isPiped(this.#stream)) {
      this.write([chunk], done);
      return;
    }
    this.#skip(chunk.byteLength);
    try {
      this.#behind.write(chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    this.#whenRoom(done);
  }

  write(given: readonly Chunk[], done: Done): void {
    let length: number;
    try {
      // With `objectMode`, chunks may have any type.
      length = lengthOf(given, !this.#stream.writableObjectMode);
    } catch (error) {
      done(error as Error);
      return;
    }
    const skipped = this.#direct?.skip(length) ?? 0;
    this.#skip(skipped);
    if (skipped === length && length > 0) {
      done(null);
      return;
    }
    const chunks = skipped === 0 ? given : chunksBehind(given, skipped);
    length -= skipped;
    if (this.#direct !== undefined && this.#writeDirectly(this.#direct, chunks, length, done)) {
      return;
    }
    if (this.#ready === undefined) this.#write(chunks, done);
    else this.#ready.then(() => this.#write(chunks, later(done)), later(done));
  }

  beginWrites(): void {
    this.#direct?.writeGathered();
  }

  #skip(bytes: number): void {
    const stream = this.#stream;
    if (stream.pos !== undefined) stream.pos += bytes;
  }

  /** Returns false if a window takes over, which begins where the direct writes have ended. */
  #writeDirectly(
    direct: DirectWrites,
    chunks: readonly Chunk[],
    length: number,
    done: Done,
  ): boolean {
    const stream = this.#stream;
    const isLong = isPiped(stream) && stream.bytesWritten + length > pipedMax;
    const isOfLines = length <= lineMax * chunks.length;
    if ((isLong && !isOfLines) || !direct.accepts(chunks, length)) {
      this.#beginWindow();
      return false;
    }
    const position = (this.#file.handle as CoreHandle).access.append ? undefined : stream.pos;
    if (stream.pos !== undefined) stream.pos += length;
    direct.write(chunks, length, position, (error) => {
      const method = chunks.length > 1 ? 'writev' : 'write';
      done(stream.destroyed ? (stream.errored ?? streamDestroyed(method)) : error);
    });
    return true;
  }

  // A program that writes by hand may rely on Node's behavior: when the stream drains, the bytes
  // are in the file and their memory is free. Neither matters to a piped stream.
  #write(chunks: readonly Chunk[], done: Done): void {
    const stream = this.#stream;
    const isFromPipe = isPiped(stream);
    const untilReleased = this.#isCopying && !isFromPipe;
    let unreleased = 1;
    const released = (error?: unknown): void => {
      unreleased--;
      if (unreleased > 0) return;
      if (error !== undefined) later(done)(error);
      else if (isFromPipe || untilReleased) this.#whenRoom(done);
      else this.whenFlushed((failure) => done(failure ?? this.#destroyedError()));
    };
    try {
      for (const given of chunks) {
        const chunk = bytesOf(given);
        if (stream.pos !== undefined) stream.pos += chunk.byteLength;
        if (untilReleased) unreleased++;
        this.#behind.write(chunk, untilReleased ? released : undefined);
      }
    } catch (error) {
      done(error as Error);
      return;
    }
    released();
  }

  // A stream that was corked after its end never finishes if its last write calls back at once:
  // Node then looks for the finish while the chunk still counts as buffered.
  #whenRoom(done: Done): void {
    if (this.#behind.hasRoom && !this.#stream.writableEnded) done();
    else this.#behind.whenRoom(later(done));
  }

  #destroyedError(): Error | null {
    return this.#stream.destroyed ? streamDestroyed() : null;
  }

  /** Calls back when all bytes written so far are in the file. */
  whenFlushed(done: Done): void {
    if (this.#direct === undefined) this.#behind.whenFlushed(later(done));
    // Each direct write ends before the stream learns of it.
    else done(null);
  }

  finish(done: Done): void {
    if (this.#direct !== undefined) {
      done(null);
    } else if (this.#ready === undefined && this.#behind.finishAtOnce()) {
      this.#hasFinished = true;
      nextTick(done, null);
    } else {
      this.#finish().then(() => later(done)(), later(done));
    }
  }

  async #finish(): Promise<void> {
    await this.#ready;
    await this.#behind.finish();
    this.#hasFinished = true;
  }

  /** Cancels writes in flight, and resolves when they have ended and the file is cut. */
  settle(): Promise<void> | undefined {
    if (this.#direct !== undefined) return this.#direct.settle();
    return this.#hasFinished ? undefined : this.#cancel();
  }

  async #cancel(): Promise<void> {
    const error = this.#stream.errored ?? streamDestroyed();
    await this.#ready;
    await this.#behind.cancel(error);
  }
}

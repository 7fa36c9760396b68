import type * as fs from 'node:fs';
import { isPromise, isUint8Array } from 'node:util/types';
import type { CoreHandle } from '../handle/core-handle.js';
import { invalidArgType } from '../node/errors.js';
import { nextTick } from '../node/globals.js';
import type { WindowOptions } from '../transfer/window.js';
import type { WriteBehind } from '../transfer/write-behind.js';
import type { WriteCallback } from '../transfer/write-part.js';
import { beginWriting, type Writing } from './file-writer.js';
import type { HeldFile } from './held-file.js';

/** Members of Node's class that its types leave out. */
export type NodeWriteStream = fs.WriteStream & {
  pos: number | undefined;
  readonly autoClose: boolean;
};

type Done = (error?: Error | null) => void;

/** Returns the same error as Node's streams. */
export function streamDestroyed(): Error {
  const error = new Error('Cannot call write after a stream was destroyed');
  return Object.assign(error, { code: 'ERR_STREAM_DESTROYED' });
}

// Runs outside of the promise's reaction, so that an error thrown by a listener is an uncaught
// exception, as in Node.
function later(done: Done): WriteCallback {
  return (error) => nextTick(done, error ?? null);
}

/** Passes the chunks of a stream to a WriteBehind. */
export class WriteSink {
  readonly #stream: NodeWriteStream;
  /** Whether unaligned bytes are copied, so that their memory is free before they are written. */
  readonly #isCopying: boolean;
  readonly #ready: Promise<void> | undefined;
  #behind!: WriteBehind;
  #start = 0;
  #hasFinished = false;

  constructor(stream: NodeWriteStream, file: HeldFile, window: WindowOptions) {
    this.#stream = stream;
    this.#isCopying = (file.handle as CoreHandle).alignment !== null;
    const writing = beginWriting(file, {
      start: stream.pos,
      autoClose: stream.autoClose,
      window,
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
    this.#behind = behind;
    this.#start = start;
  }

  #flushed(position: number): void {
    const stream = this.#stream;
    stream.bytesWritten = position - this.#start;
    if (stream.listenerCount('progress') > 0) {
      nextTick(() => stream.emit('progress', position));
    }
  }

  get flushedPosition(): number {
    return this.#start + this.#stream.bytesWritten;
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#ready === undefined) this.#write(chunks, done);
    else this.#ready.then(() => this.#write(chunks, later(done)), later(done));
  }

  #write(chunks: readonly Uint8Array[], done: Done): void {
    const stream = this.#stream;
    // With `objectMode`, chunks may have any type.
    const other = chunks.find((chunk) => !isUint8Array(chunk));
    if (other !== undefined) {
      done(invalidArgType('chunk', 'an instance of Buffer or Uint8Array', other));
      return;
    }
    // A program that writes by hand may rely on Node's behavior: when the stream drains, the bytes
    // are in the file and their memory is free. Neither matters to a piped stream.
    const isPiped = stream.listenerCount('unpipe') > 0;
    const untilReleased = this.#isCopying && !isPiped;
    let unreleased = 1;
    const released = (error?: unknown): void => {
      unreleased--;
      if (unreleased > 0) return;
      if (error !== undefined) later(done)(error);
      else if (isPiped || untilReleased) this.#whenRoom(done);
      else this.whenFlushed((failure) => done(failure ?? this.#destroyedError()));
    };
    try {
      for (const chunk of chunks) {
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

  #whenRoom(done: Done): void {
    if (this.#behind.hasRoom) done();
    else this.#behind.whenRoom(later(done));
  }

  #destroyedError(): Error | null {
    return this.#stream.destroyed ? streamDestroyed() : null;
  }

  /** Calls back when all bytes written so far are in the file. */
  whenFlushed(done: Done): void {
    this.#behind.whenFlushed(later(done));
  }

  finish(done: Done): void {
    if (this.#ready === undefined && this.#behind.finishAtOnce()) {
      this.#hasFinished = true;
      nextTick(done, null);
      return;
    }
    this.#finish().then(() => later(done)(), later(done));
  }

  async #finish(): Promise<void> {
    await this.#ready;
    await this.#behind.finish();
    this.#hasFinished = true;
  }

  /** Whether cancel() has nothing to do. */
  get hasFinished(): boolean {
    return this.#hasFinished;
  }

  /** @param error error passed to waiting callers */
  async cancel(error: unknown): Promise<void> {
    await this.#ready;
    await this.#behind.cancel(error);
  }
}

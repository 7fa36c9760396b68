import { Buffer } from 'node:buffer';
import type * as fs from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { nextTick } from '../node/globals.js';
import { blockSizeOf } from '../transfer/chunk-io.js';
import type { ReadAhead } from '../transfer/read-ahead.js';
import type { WindowOptions } from '../transfer/window.js';
import { lookForMore } from './file-end.js';
import { beginReading } from './file-reader.js';
import type { HeldFile } from './held-file.js';
import type { Mover } from './node-file.js';

/** Members of Node's class that its types leave out. */
export type NodeReadStream = fs.ReadStream & {
  pos: number | undefined;
  end: number;
  readonly autoClose: boolean;
};

/** Makes a stream fail while it waits for a chunk of `size` bytes. */
export type FailStream = (stream: NodeReadStream, error: unknown, size: number) => void;

/** What follows a source that does not read a file to its end. */
export interface AfterSource {
  /** Lets another source read the rest, beginning with a chunk of `size` bytes. */
  resume(stream: NodeReadStream, file: HeldFile, size: number): void;
  readonly fail: FailStream;
}

/** Pushes the bytes of a ReadAhead into a stream, in chunks of the size that Node uses. */
export class ReadSource implements Mover {
  readonly #stream: NodeReadStream;
  readonly #after: AfterSource;
  readonly #file: HeldFile;
  readonly #handle: CoreHandle;
  readonly #ahead: ReadAhead;
  readonly #start: number | null;
  /** Whether chunks of the stream may span two chunks of the window. */
  #isOdd: boolean;
  /** The last chunk of the window, if a part of it has not been pushed. */
  #chunk: Buffer | undefined;
  #at = 0;
  /** Bytes of the chunk that the stream waits for; 0 if it does not wait. */
  #wanted = 0;
  #isBusy = false;
  /** Whether a read finds out whether the file has grown. */
  #isLooking = false;
  /** Whether the rest is read at the cursor. */
  #isShared = false;

  constructor(stream: NodeReadStream, file: HeldFile, window: WindowOptions, after: AfterSource) {
    this.#after = after;
    this.#stream = stream;
    this.#file = file;
    this.#handle = file.handle as CoreHandle;
    const size = Math.max(1, stream.readableHighWaterMark);
    const { ahead, start } = beginReading(file, {
      start: stream.pos,
      end: stream.pos === undefined ? stream.end - stream.bytesRead : stream.end,
      autoClose: stream.autoClose,
      window,
      unit: size,
      cursorRead: size,
      skipped: stream.bytesRead,
      delivered: () => stream.bytesRead,
      onShared: () => this.#forgetChunk(),
    });
    this.#ahead = ahead;
    this.#start = start;
    this.#isOdd =
      start !== null && (ahead.unit % size !== 0 || start % blockSizeOf(this.#handle) !== 0);
  }

  // Bytes that were not delivered to the stream are read again, at the cursor.
  #forgetChunk(): void {
    this.#chunk = undefined;
    this.#isOdd = false;
    this.#isShared = true;
  }

  /** Pushes chunks of `size` bytes as long as the stream takes them. */
  read(size: number): void {
    this.#wanted = size;
    if (this.#isBusy || this.#isLooking) return;
    if (size === 0) this.#end();
    else if (this.#stream.readableFlowing === true) this.#push();
    // read() would return bytes pushed within it together with earlier ones; Node's own chunks come
    // later, one by one.
    else this.#onReady();
  }

  settle(): Promise<void> {
    // The window does not know of the look at the end.
    if (this.#isLooking && this.#file.isOwn) this.#handle.cancelAll();
    return this.#ahead.cancel();
  }

  readonly #onReady = (): void => {
    this.#isBusy = true;
    nextTick(this.#continue);
  };

  readonly #continue = (): void => {
    this.#isBusy = false;
    if (!this.#stream.destroyed) this.#push();
  };

  #push(): void {
    const stream = this.#stream;
    this.#isBusy = true;
    while (this.#wanted > 0 && !stream.destroyed) {
      const size = this.#wanted;
      const chunk = this.#next(size);
      if (chunk === undefined) {
        this.#ahead.whenReady(this.#onReady);
        return;
      }
      this.#wanted = 0;
      if (chunk === null) break;
      this.#count(chunk.byteLength);
      try {
        if (stream.push(chunk)) this.#wanted ||= size;
      } catch (error) {
        this.#isBusy = false;
        throw error;
      }
    }
    this.#isBusy = false;
  }

  #count(bytes: number): void {
    const stream = this.#stream;
    stream.bytesRead += bytes;
    if (stream.pos !== undefined) stream.pos += bytes;
    else if (this.#handle.alignment !== null) {
      this.#handle.cursor.position = (this.#start as number) + stream.bytesRead;
    }
  }

  // Returns the next chunk; null if the stream has ended or failed, undefined if it must wait.
  #next(size: number): Buffer | null | undefined {
    let chunk: Buffer | null | undefined;
    try {
      chunk = this.#take(size);
    } catch (error) {
      this.#after.fail(this.#stream, error, size);
      return null;
    }
    if (chunk === null) this.#lookFurther(size);
    return chunk;
  }

  // The file may have grown since the window found its end.
  #lookFurther(size: number): void {
    const stream = this.#stream;
    const place = stream.pos ?? stream.bytesRead;
    if (!this.#mayHaveGrown || place > stream.end) {
      this.#end();
      return;
    }
    this.#isLooking = true;
    lookForMore(this.#handle, place, (error, hasMore) => {
      this.#isLooking = false;
      if (stream.destroyed) return;
      if (hasMore || this.#isShared) this.#after.resume(stream, this.#file, size);
      else if (error) this.#after.fail(stream, error, size);
      else this.#end();
    });
  }

  // Reads at the cursor have found the end themselves, after the last chunk was delivered. Files
  // without a size may generate their content for each read.
  get #mayHaveGrown(): boolean {
    const { alignment, file } = this.#handle;
    const hasSize = !this.#file.isOwn || (file.sizeWhenOpened ?? 0) > 0;
    return this.#start !== null && !this.#isShared && alignment === null && hasSize;
  }

  #end(): void {
    this.#stream.push(null);
    this.#file.leaveToDescriptor();
  }

  #take(size: number): Buffer | null | undefined {
    if (this.#chunk === undefined) {
      const chunk = this.#ahead.take();
      if (chunk == null || (chunk.byteLength <= size && !this.#isOdd)) return chunk;
      this.#chunk = chunk;
      this.#at = 0;
    }
    const chunk = this.#chunk;
    const at = this.#at;
    const left = chunk.byteLength - at;
    if (left < size && this.#isOdd) return this.#join(chunk.subarray(at), size);
    this.#at += size;
    if (left <= size) this.#chunk = undefined;
    return chunk.subarray(at, at + size);
  }

  // Joins a chunk that spans two chunks of the window.
  #join(first: Buffer, size: number): Buffer | undefined {
    const second = this.#ahead.take();
    if (second === undefined) return undefined;
    this.#chunk = undefined;
    if (second === null) return first;
    const rest = second.subarray(0, size - first.byteLength);
    if (rest.byteLength < second.byteLength) {
      this.#chunk = second;
      this.#at = rest.byteLength;
    }
    return Buffer.concat([first, rest]);
  }
}

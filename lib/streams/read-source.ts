import type * as fs from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { nextTick } from '../node/globals.js';
import { blockSizeOf } from '../transfer/chunk-io.js';
import { ReadAhead } from '../transfer/read-ahead.js';
import type { WindowOptions } from '../transfer/window.js';
import { hasPlaces, placeWithoutStart } from './first-place.js';
import type { StreamFile } from './stream-file.js';

/** What Node's class has besides what its types say. */
export type NodeReadStream = fs.ReadStream & {
  pos: number | undefined;
  end: number;
  readonly autoClose: boolean;
};

function startOf(stream: NodeReadStream, file: StreamFile, handle: CoreHandle): number | null {
  if (stream.pos !== undefined) return stream.pos;
  if (file.isOwn && hasPlaces(handle)) return stream.bytesRead;
  return placeWithoutStart(handle, file.isOwn, stream.autoClose);
}

/** Pushes what a ReadAhead reads into a stream, in chunks of the size that Node's would have. */
export class ReadSource {
  readonly #stream: NodeReadStream;
  readonly #fail: (error: unknown, size: number) => void;
  readonly #handle: CoreHandle;
  readonly #ahead: ReadAhead;
  readonly #start: number | null;
  /** Whether chunks of the stream may begin in one chunk of the window and end in the next. */
  readonly #isOdd: boolean;
  /** What of the last chunk of the window has not been pushed. */
  #chunk: Buffer | undefined;
  #at = 0;
  /** Bytes of the chunk that the stream waits for; 0 if it does not. */
  #wanted = 0;
  #isBusy = false;

  /** @param fail makes the stream fail, while it waits for a chunk of this size */
  constructor(
    stream: NodeReadStream,
    file: StreamFile,
    handle: CoreHandle,
    options: WindowOptions,
    fail: (error: unknown, size: number) => void,
  ) {
    this.#fail = fail;
    this.#stream = stream;
    this.#handle = handle;
    const start = startOf(stream, file, handle);
    this.#start = start;
    const passed = stream.pos === undefined ? stream.bytesRead : 0;
    const end = stream.end + 1 - passed + (stream.pos === undefined ? (start ?? 0) : 0);
    const size = Math.max(1, stream.readableHighWaterMark);
    // At the cursor no more is read than the stream asks for, since others read on from there.
    const window = start === null ? { chunkSize: size } : options;
    this.#ahead = new ReadAhead(handle, { ...window, start, end, unit: size });
    this.#isOdd =
      start !== null && (this.#ahead.unit % size !== 0 || start % blockSizeOf(handle) !== 0);
  }

  /** Pushes chunks of `size` bytes as long as the stream takes them. */
  read(size: number): void {
    this.#wanted = size;
    if (this.#isBusy) return;
    if (size === 0) this.#stream.push(null);
    else if (this.#stream.readableFlowing === true) this.#push();
    // read() would give what is pushed within it together with what was there before; Node's own
    // chunks come later, and one by one.
    else this.#onReady();
  }

  cancel(): Promise<void> {
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

  // The next chunk; null where the stream has ended or failed, undefined if it must wait.
  #next(size: number): Buffer | null | undefined {
    let chunk: Buffer | null | undefined;
    try {
      chunk = this.#take(size);
    } catch (error) {
      this.#fail(error, size);
      return null;
    }
    if (chunk === null) this.#stream.push(null);
    return chunk;
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

  // A chunk that lies in two of the window.
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

import { Buffer } from 'node:buffer';
import { getEngine } from '../engine/engine.js';
import { Opcode } from '../engine/opcodes.js';
import { complete, decodeValue } from '../engine/operation.js';
import { transferWhole } from '../engine/requests.js';
import type { CoreHandle } from '../handle/core-handle.js';
import type { WindowOptions } from '../transfer/window.js';
import { lookForMore } from './file-end.js';
import { watchCursor } from './first-place.js';
import type { HeldFile } from './held-file.js';
import type { Mover } from './node-file.js';
import type { AfterSource, NodeReadStream } from './read-source.js';

const readSubject = { syscall: 'read' };

/** Returns the position at which a stream begins. */
function placeOf(stream: NodeReadStream): number {
  return stream.pos ?? 0;
}

/** Returns the bytes from there to the end of the stream or of its file, as it was opened. */
function lengthOf(stream: NodeReadStream, handle: CoreHandle): number {
  const { sizeWhenOpened = 0 } = handle.file;
  return Math.min(sizeWhenOpened, stream.end + 1) - placeOf(stream);
}

/**
 * Whether a stream can get its bytes in one chunk: it has opened the file itself, and the bytes
 * between its start and its end fit into a chunk.
 * @param chunkSize bytes
 */
export function fitsInChunk(
  stream: NodeReadStream,
  file: HeldFile,
  window: WindowOptions,
  chunkSize: number,
): boolean {
  const handle = file.handle as CoreHandle;
  const left = lengthOf(stream, handle);
  return (
    file.isOwn &&
    handle.file.isSeekable &&
    handle.alignment === null &&
    (stream.pos !== undefined || handle.cursor.isAtStart) &&
    left > 0 &&
    left <= chunkSize &&
    window.depth === undefined &&
    window.chunkSize === undefined
  );
}

/**
 * Reads what fits into one chunk of its stream: a file, or a part of one. The read asks for one
 * byte more than the file had when it was opened: if that is missing, the file ends there, and no
 * chunk has to be allocated to find its end. A stream that ends before the file asks for no more
 * than its own bytes. A file that has changed is read further by another source.
 */
export class WholeRead implements Mover {
  readonly #stream: NodeReadStream;
  readonly #handle: CoreHandle;
  readonly #file: HeldFile;
  readonly #after: AfterSource;
  readonly #watcher: (() => void) | undefined;
  /** Bytes of the stream, unless the file changes. */
  readonly #left: number;
  #isReading = false;
  #isShared = false;
  #hasRead = false;
  #isAtEnd = false;

  constructor(stream: NodeReadStream, file: HeldFile, after: AfterSource) {
    const handle = file.handle as CoreHandle;
    this.#stream = stream;
    this.#handle = handle;
    this.#file = file;
    this.#after = after;
    this.#left = lengthOf(stream, handle);
    if (stream.pos === undefined) {
      this.#watcher = watchCursor(handle, () => {
        this.#isShared = true;
        return stream.bytesRead;
      });
    }
  }

  /** Reads the file at the first call, and ends the stream at the second, if it has not grown. */
  read(size: number): void {
    if (this.#isReading) return;
    if (this.#isAtEnd && !this.#isShared) this.#lookFurther(size);
    else if (this.#hasRead || this.#isShared) this.#giveUp(size);
    else this.#start(size);
  }

  #start(size: number): void {
    const place = placeOf(this.#stream);
    const length = Math.min(this.#left + 1, this.#stream.end + 1 - place);
    const memory = Buffer.allocUnsafeSlow(length);
    const { file } = this.#handle;
    const encoded = transferWhole(Opcode.read, file.number, memory, length, place);
    const request = complete(encoded, readSubject, decodeValue, undefined, file);
    this.#isReading = true;
    getEngine().call<number>(request, (error, bytes) => {
      this.#isReading = false;
      if (this.#stream.destroyed) return;
      // Bytes that were read before the cursor was shared are read again, at the cursor.
      if (this.#isShared) this.#giveUp(size);
      else if (error) this.#failed(error, size);
      else this.#push(memory, bytes as number, size);
    });
  }

  // A file without positions is read at its cursor.
  #failed(error: unknown, size: number): void {
    const isUnplaced = (error as NodeJS.ErrnoException).code === 'ESPIPE';
    if (isUnplaced && this.#stream.pos === undefined) this.#giveUp(size);
    else this.#after.fail(this.#stream, error, size);
  }

  #push(memory: Buffer, bytes: number, size: number): void {
    const stream = this.#stream;
    this.#hasRead = true;
    this.#isAtEnd = bytes === this.#left || bytes === 0;
    let takesMore = true;
    if (bytes > 0) {
      stream.bytesRead += bytes;
      if (stream.pos !== undefined) stream.pos += bytes;
      takesMore = stream.push(memory.subarray(0, bytes));
    }
    if (takesMore && !stream.destroyed) this.read(size);
  }

  // The file may have grown since it was read.
  #lookFurther(size: number): void {
    const stream = this.#stream;
    const place = stream.pos ?? stream.bytesRead;
    if (place > stream.end) {
      this.#end();
      return;
    }
    this.#isReading = true;
    lookForMore(this.#handle, place, (error, hasMore) => {
      this.#isReading = false;
      if (stream.destroyed) return;
      if (hasMore || this.#isShared) this.#giveUp(size);
      else if (error) this.#failed(error, size);
      else this.#end();
    });
  }

  #end(): void {
    this.#stream.push(null);
    this.#file.leaveToDescriptor();
  }

  #giveUp(size: number): void {
    if (this.#watcher !== undefined) this.#handle.cursor.unwatch(this.#watcher);
    this.#after.resume(this.#stream, this.#file, size);
  }

  // Closing the file waits for the read.
  settle(): undefined {
    if (this.#isReading) this.#handle.cancelAll();
  }
}

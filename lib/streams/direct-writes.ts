import { Buffer } from 'node:buffer';
import { isUint8Array } from 'node:util/types';
import { getEngine } from '../engine/engine.js';
import { Opcode } from '../engine/opcodes.js';
import { complete, decodeValue } from '../engine/operation.js';
import { transferWhole } from '../engine/requests.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { systemErrorOf } from '../node/errors.js';
import { nextTick } from '../node/globals.js';
import { viewsBehind } from '../transfer/chunk-io.js';
import type { WindowOptions } from '../transfer/window.js';
import { type NodeWriteStream, waitingChunks } from './first-bytes.js';
import type { HeldFile } from './held-file.js';
import { bytesOf, type Chunk, join, passesUnchanged, type WritingMethods } from './text-chunks.js';

const writeSubject = { syscall: 'write' };
/** Longer writes are split by a window, so that a canceled one ends soon. */
const writeMax = 1024 * 1024;
/** Chunks of up to this average size are copied together; larger ones are written in place. */
const copiedMax = 8 * 1024;
// At most the number that the system accepts at once (IOV_MAX is 1,024).
const viewsMax = 512;

/** The stream takes no more bytes than this together with a small chunk. */
const gatheredMax = 64 * 1024;

const none: readonly Chunk[] = [];

/** Memory in which chunks are put together, for one write at a time. */
let sharedMemory: Buffer | undefined;
let isMemoryTaken = false;

const resolved = Promise.resolve();

type Done = (error?: Error | null) => void;

/** Whether a stream has opened its file itself, and can write it without a window. */
export function canWriteDirectly(file: HeldFile, { depth, chunkSize }: WindowOptions): boolean {
  const handle = file.handle as CoreHandle;
  const isPlain = depth === undefined && chunkSize === undefined;
  return file.isOwn && handle.alignment === null && isPlain;
}

/** A small chunk that is written together with those that the program writes in the same turn. */
interface Gathering {
  readonly chunk: Chunk;
  readonly position: number;
  readonly done: Done;
}

/** A chunk that a stream has held back until earlier ones were written. */
export interface HeldChunk {
  readonly chunk: Chunk;
}

/**
 * Writes the chunks of a stream one after another, as Node does: at the file's cursor, or at the
 * positions that follow the start. A program that waits for each write needs no window.
 */
export class DirectWrites {
  readonly #stream: NodeWriteStream;
  readonly #handle: CoreHandle;
  readonly #own: WritingMethods;
  readonly #onWritten: (bytes: number) => void;
  /** Bytes in the file of chunks that the stream has not passed to write() yet. */
  #ahead: number;
  #gathering: Gathering | undefined;
  /** The chunks that were last written together, but for the first one, and their bytes. */
  #gathered = none;
  #gatheredBytes = 0;
  #isWriting = false;
  #onIdle: (() => void) | undefined;

  /**
   * @param own our methods of the stream
   * @param onWritten called when bytes that the stream has passed are in the file
   * @param ahead bytes of the first chunks that are in the file already
   */
  constructor(
    stream: NodeWriteStream,
    file: HeldFile,
    own: WritingMethods,
    onWritten: (bytes: number) => void,
    ahead = 0,
  ) {
    this.#stream = stream;
    this.#handle = file.handle as CoreHandle;
    this.#own = own;
    this.#onWritten = onWritten;
    this.#ahead = ahead;
  }

  /** Whether chunks are few and short enough for one write. @param length bytes of all chunks */
  accepts(chunks: readonly Chunk[], length: number): boolean {
    return length <= writeMax && (chunks.length <= viewsMax || isSmall(chunks, length));
  }

  /** Returns how many of the next bytes are in the file already, at most `length`. */
  skip(length: number): number {
    const skipped = Math.min(this.#ahead, length);
    this.#ahead -= skipped;
    if (this.#ahead === 0) this.#gathered = none;
    if (skipped > 0) this.#onWritten(skipped);
    return skipped;
  }

  /**
   * Like skip(), for chunks that the stream passes as it has held them back. Most often they are
   * those that were last written together; then this returns their bytes, and otherwise 0.
   */
  skipHeld(held: readonly HeldChunk[]): number {
    const gathered = this.#gathered;
    const bytes = this.#gatheredBytes;
    const { length } = gathered;
    const isWritten =
      length > 0 &&
      this.#ahead === bytes &&
      held.length === length &&
      held[0]?.chunk === gathered[0] &&
      held[length - 1]?.chunk === gathered[length - 1];
    return isWritten ? this.skip(bytes) : 0;
  }

  /**
   * Writes chunks, after earlier ones.
   * @param position of the first byte, or undefined for the cursor
   */
  write(chunks: readonly Chunk[], length: number, position: number | undefined, done: Done): void {
    const [chunk] = chunks;
    if (chunks.length === 1 && chunk !== undefined && length <= copiedMax) {
      this.#gathering = { chunk, position: position ?? -1, done };
      resolved.then(this.writeGathered);
      return;
    }
    if (chunks.length > 1 && isSmall(chunks, length)) {
      this.#beginJoined(chunks, length, length, position ?? -1, done);
    } else {
      this.#begin(chunks.map(bytesOf), length, length, position ?? -1, done);
    }
  }

  // The stream passes one chunk, and keeps those that follow until that one is written. They are
  // written with it, and skip() passes over them when the stream passes them, too.
  readonly writeGathered = (): void => {
    const gathering = this.#gathering;
    if (gathering === undefined) return;
    this.#gathering = undefined;
    const { chunk, position, done } = gathering;
    const passed = chunk.length;
    const gathered: Chunk[] = [];
    let bytes = 0;
    for (const { chunk: next } of this.#waiting()) {
      if (!isUint8Array(next) && typeof next !== 'string') break;
      if (passed + bytes + next.length > gatheredMax) break;
      gathered.push(next);
      bytes += next.length;
    }
    this.#gathered = gathered;
    this.#gatheredBytes = bytes;
    if (bytes === 0) this.#begin([bytesOf(chunk)], passed, passed, position, done);
    else this.#beginJoined([chunk, ...gathered], passed + bytes, passed, position, done);
  };

  // Chunks in a corked stream are not to be written yet.
  #waiting(): ReturnType<typeof waitingChunks> {
    const stream = this.#stream;
    const keepsThem = stream.destroyed || stream.writableCorked > 0 || stream.writableObjectMode;
    return keepsThem || !passesUnchanged(stream, this.#own) ? [] : waitingChunks(stream);
  }

  #beginJoined(
    chunks: readonly Chunk[],
    length: number,
    passed: number,
    position: number,
    done: Done,
  ): void {
    const memory = takeMemory(length);
    join(chunks, memory);
    this.#begin([memory], length, passed, position, (error) => {
      giveMemory(memory);
      done(error);
    });
  }

  /**
   * @param views memory that begins with the bytes to write
   * @param length bytes to write
   * @param passed bytes of those that the stream has passed
   */
  #begin(
    views: readonly Uint8Array[],
    length: number,
    passed: number,
    position: number,
    done: Done,
  ): void {
    this.#isWriting = true;
    this.#submit(views, length, passed, position, false, (error) => {
      this.#isWriting = false;
      done(error);
      this.#onIdle?.();
    });
  }

  #submit(
    views: readonly Uint8Array[],
    length: number,
    passed: number,
    position: number,
    isStuck: boolean,
    done: Done,
  ): void {
    const written = (bytes: number): void => {
      this.#onWritten(Math.min(bytes, passed));
      this.#ahead = Math.max(0, bytes - passed);
      if (bytes >= passed || this.#stream.destroyed) done();
      else if (bytes === 0 && isStuck) done(systemErrorOf('EIO', writeSubject));
      else {
        // After a short write the rest is written.
        const next = position === -1 ? -1 : position + bytes;
        const rest = viewsBehind(views, bytes);
        this.#submit(rest, length - bytes, passed - bytes, next, bytes === 0, done);
      }
    };
    this.#move(views, length, position).then(
      (bytes) => nextTick(written, bytes),
      (error) => nextTick(done, error),
    );
  }

  #move(views: readonly Uint8Array[], length: number, position: number): Promise<number> {
    const { file } = this.#handle;
    const [first] = views;
    const isOne = views.length === 1;
    const opcode = isOne ? Opcode.write : Opcode.writeVector;
    const encoded = transferWhole(opcode, file.number, isOne ? first : views, length, position);
    const request = complete(encoded, writeSubject, decodeValue, undefined, file);
    return getEngine().submit<number>(request);
  }

  /**
   * Cancels a write in flight, and resolves when it has ended. A chunk that still waits for others
   * is not written.
   */
  settle(): Promise<void> | undefined {
    const gathering = this.#gathering;
    this.#gathering = undefined;
    if (gathering !== undefined) nextTick(gathering.done);
    if (!this.#isWriting) return undefined;
    this.#handle.cancelAll();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }
}

function isSmall(chunks: readonly Chunk[], length: number): boolean {
  return length <= copiedMax * chunks.length;
}

/** Returns memory of at least `length` bytes. */
function takeMemory(length: number): Buffer {
  if (isMemoryTaken || length > gatheredMax) return Buffer.allocUnsafe(length);
  isMemoryTaken = true;
  sharedMemory ??= Buffer.allocUnsafeSlow(gatheredMax);
  return sharedMemory;
}

function giveMemory(memory: Buffer): void {
  if (memory === sharedMemory) isMemoryTaken = false;
}

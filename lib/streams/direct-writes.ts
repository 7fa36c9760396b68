import { Buffer } from 'node:buffer';
import { getEngine } from '../engine/engine.js';
import { Opcode } from '../engine/opcodes.js';
import { complete, decodeValue } from '../engine/operation.js';
import { transferWhole } from '../engine/requests.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { systemErrorOf } from '../node/errors.js';
import { nextTick } from '../node/globals.js';
import { viewsBehind } from '../transfer/chunk-io.js';
import type { WindowOptions } from '../transfer/window.js';
import type { HeldFile } from './held-file.js';

const writeSubject = { syscall: 'write' };
/** Longer writes are split by a window, so that a canceled one ends soon. */
const writeMax = 1024 * 1024;
/** Chunks of up to this average size are copied together; larger ones are written in place. */
const copiedMax = 8 * 1024;
// At most the number that the system accepts at once (IOV_MAX is 1,024).
const viewsMax = 512;

type Done = (error?: Error | null) => void;
type Destroyable = { readonly destroyed: boolean };

/** Whether a stream has opened its file itself, and can write it without a window. */
export function canWriteDirectly(file: HeldFile, { depth, chunkSize }: WindowOptions): boolean {
  const handle = file.handle as CoreHandle;
  const isPlain = depth === undefined && chunkSize === undefined;
  return file.isOwn && handle.alignment === null && isPlain;
}

/**
 * Writes the chunks of a stream one after another, as Node does: at the file's cursor, or at the
 * positions that follow the start. A program that waits for each write needs no window.
 */
export class DirectWrites {
  readonly #stream: Destroyable;
  readonly #handle: CoreHandle;
  readonly #onWritten: (bytes: number) => void;
  #isWriting = false;
  #onIdle: (() => void) | undefined;

  /** @param onWritten called when bytes are in the file */
  constructor(stream: Destroyable, file: HeldFile, onWritten: (bytes: number) => void) {
    this.#stream = stream;
    this.#handle = file.handle as CoreHandle;
    this.#onWritten = onWritten;
  }

  /** Whether chunks are few and short enough for one write. @param length bytes of all chunks */
  accepts(chunks: readonly Uint8Array[], length: number): boolean {
    return length <= writeMax && (chunks.length <= viewsMax || isSmall(chunks, length));
  }

  /**
   * Writes chunks, after earlier ones.
   * @param position of the first byte, or undefined for the cursor
   */
  write(
    chunks: readonly Uint8Array[],
    length: number,
    position: number | undefined,
    done: Done,
  ): void {
    this.#isWriting = true;
    const views = chunks.length > 1 && isSmall(chunks, length) ? [joined(chunks, length)] : chunks;
    this.#submit(views, length, position ?? -1, false, (error) => {
      this.#isWriting = false;
      done(error);
      this.#onIdle?.();
    });
  }

  #submit(
    views: readonly Uint8Array[],
    length: number,
    position: number,
    isStuck: boolean,
    done: Done,
  ): void {
    const written = (bytes: number): void => {
      this.#onWritten(bytes);
      if (bytes >= length || this.#stream.destroyed) done();
      else if (bytes === 0 && isStuck) done(systemErrorOf('EIO', writeSubject));
      else {
        // After a short write the rest is written.
        const next = position === -1 ? -1 : position + bytes;
        this.#submit(viewsBehind(views, bytes), length - bytes, next, bytes === 0, done);
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

  /** Cancels a write in flight, and resolves when it has ended. */
  settle(): Promise<void> | undefined {
    if (!this.#isWriting) return undefined;
    this.#handle.cancelAll();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }
}

function isSmall(chunks: readonly Uint8Array[], length: number): boolean {
  return length <= copiedMax * chunks.length;
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const all = Buffer.allocUnsafe(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

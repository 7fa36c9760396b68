import type { Buffer } from 'node:buffer';
import type { CoreHandle } from '../handle/core-handle.js';
import { addressAt } from '../transfer/aligned-buffer.js';
import { alignDown, alignUp, isAligned } from '../transfer/alignment.js';
import { blockSizeOf, memoryAlignmentOf, readChunk, writeChunk } from '../transfer/chunk-io.js';
import { unsetMemory } from '../transfer/chunk-memory.js';
import { InFlight } from '../transfer/in-flight.js';
import type { Run } from './block-runs.js';

/** A chunk of a file of which only some parts are written. */
export interface SparseChunk {
  bytes: Buffer;
  /** Position of its first byte in the file. */
  position: number;
  /** The parts to write. */
  runs: readonly Run[];
  /** Called when the memory is free again, with an error if something was not written. */
  done: (error?: unknown) => void;
}

export interface RunWriterOptions {
  signal?: AbortSignal | undefined;
  /** Called with the position up to which the file is complete. */
  onFlushed?: ((position: number) => void) | undefined;
}

/**
 * Writes parts of chunks at their positions, all of them in flight at once; the caller bounds the
 * number of chunks. Parts of sectors of an unbuffered file are completed with what the file has,
 * and the file may then end with the last sector: the caller gives it its size.
 */
export class RunWriter {
  readonly #file: CoreHandle;
  readonly #inFlight: InFlight;
  readonly #block: number;
  readonly #alignment: number;
  readonly #onFlushed: ((position: number) => void) | undefined;
  /** The chunks that are not complete, in order. */
  readonly #chunks: { end: number; isDone: boolean }[] = [];
  /** Parts of sectors are written one after another, since two may share one sector. */
  #padded: Promise<void> = Promise.resolve();

  constructor(file: CoreHandle, options: RunWriterOptions) {
    this.#file = file;
    this.#block = blockSizeOf(file);
    this.#alignment = memoryAlignmentOf(file);
    this.#onFlushed = options.onFlushed;
    this.#inFlight = new InFlight(options, () => {});
    this.#inFlight.listen();
  }

  /** @throws the first error */
  write({ bytes, position, runs, done }: SparseChunk): void {
    const { failure } = this.#inFlight;
    if (failure !== undefined) throw failure.error;
    const chunk = { end: position + bytes.byteLength, isDone: false };
    this.#chunks.push(chunk);
    this.#inFlight.begin();
    const parts = runs.map(({ start, end }) =>
      this.#put(bytes.subarray(start, end), position + start),
    );
    // A failure must not free the memory while other parts are being written.
    Promise.allSettled(parts).then((results) => {
      const failed = results.find(({ status }) => status === 'rejected');
      if (failed !== undefined) this.#inFlight.fail((failed as PromiseRejectedResult).reason);
      chunk.isDone = failed === undefined;
      this.#reportFlushed();
      done(this.#inFlight.failure?.error);
      this.#inFlight.end();
    });
  }

  /** Waits until everything is written. @throws the first error */
  async finish(): Promise<void> {
    await this.#inFlight.whenIdle();
    this.#inFlight.unlisten();
    const { failure } = this.#inFlight;
    if (failure !== undefined) throw failure.error;
  }

  /** Cancels writes. Resolves when none is in flight. */
  async cancel(error?: unknown): Promise<void> {
    if (error !== undefined) this.#inFlight.fail(error);
    this.#inFlight.unlisten();
    this.#inFlight.cancel();
    await this.#inFlight.whenIdle();
  }

  #reportFlushed(): void {
    let flushed: number | undefined;
    while (this.#chunks[0]?.isDone) flushed = this.#chunks.shift()?.end;
    if (flushed !== undefined) this.#onFlushed?.(flushed);
  }

  async #put(bytes: Buffer, position: number): Promise<void> {
    const { signal } = this.#inFlight;
    const isPlaced =
      isAligned(position, this.#block) && isAligned(addressAt(bytes, 0), this.#alignment);
    const whole = isPlaced ? alignDown(bytes.byteLength, this.#block) : 0;
    if (whole > 0) await writeChunk(this.#file, bytes, whole, position, signal);
    if (whole === bytes.byteLength) return;
    const padded = this.#padded.then(() =>
      this.#putWithin(bytes.subarray(whole), position + whole),
    );
    this.#padded = padded.catch(() => {});
    await padded;
  }

  /** Writes bytes that begin or end within a sector. */
  async #putWithin(bytes: Buffer, position: number): Promise<void> {
    const { signal } = this.#inFlight;
    const start = alignDown(position, this.#block);
    const length = alignUp(position + bytes.byteLength, this.#block) - start;
    const memory = unsetMemory(length, this.#alignment);
    const there = await readChunk(this.#file, memory, length, start, signal);
    memory.fill(0, there);
    memory.set(bytes, position - start);
    await writeChunk(this.#file, memory, length, start, signal);
  }
}

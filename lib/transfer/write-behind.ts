import type { FileHandle } from '../file-handle/file-handle.js';
import { AbortError, abortError } from '../node/errors.js';
import { addressAt } from './aligned-buffer.js';
import { alignDown, alignUp, isAligned } from './alignment.js';
import { blockSizeOf, memoryAlignmentOf, readChunk, writeChunk, writeViews } from './chunk-io.js';
import { RecycledMemory, unsetMemory } from './chunk-memory.js';
import { PaddedFile, type Writer } from './padded-file.js';
import { type WindowOptions, WindowSize } from './window.js';

export interface WriteBehindOptions extends WindowOptions {
  /**
   * Place of the first byte; default 0. Null writes at the handle's cursor, at the end in append
   * mode, or to what has no cursor (a pipe, a terminal): one write at a time.
   */
  start?: number | null | undefined;
  /** Makes writes fail with an AbortError at once. */
  signal?: AbortSignal | undefined;
  /** Bytes that will surely be written: the window need not grow first. Default 0. */
  expected?: number | undefined;
  /** Called when flushedPosition has moved. */
  onFlushed?: ((flushedPosition: number) => void) | undefined;
  /** Called with the first error, after those who wait have heard it. */
  onFailed?: ((error: unknown) => void) | undefined;
}

/** Called without an error, or with the first error of the window. */
export type WriteCallback = (error?: unknown) => void;

/** What goes to the file with one write. */
interface Part {
  /** What it consists of, in memory of the caller or of ours. */
  readonly views: Uint8Array[];
  readonly position: number;
  length: number;
  /** How many of its bytes are new; the others are those of a sector that was there before. */
  newBytes: number;
  /** On unbuffered handles: memory of whole sectors that writes are copied into. */
  readonly memory: Buffer | undefined;
  readonly releases: WriteCallback[];
  isWritten: boolean;
}

// Smaller writes are copied together, larger ones are written from where they lie.
const copiedMax = 8 * 1024;
const stagingSize = 64 * 1024;
// No more than the system takes at once (IOV_MAX is 1,024).
const viewsMax = 512;

function nothing(): void {}

/**
 * Writes what it is given, one after another, with several writes in flight at explicit positions.
 * Small writes are put together while others are in flight. Nothing is submitted after the first
 * error.
 */
export class WriteBehind {
  readonly #handle: FileHandle;
  readonly #block: number;
  readonly #alignment: number;
  readonly #memory: RecycledMemory;
  readonly #window: WindowSize;
  readonly #atCursor: boolean;
  readonly #depth: number;
  readonly #start: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onFlushed: (flushedPosition: number) => void;
  readonly #onFailed: (error: unknown) => void;
  readonly #cancellation = new AbortController();
  /** Parts that wait for their turn, and the last, which may still grow. */
  readonly #sealed: Part[] = [];
  #open: Part | undefined;
  /** Parts in the order of the file, from the first that is not written. */
  readonly #order: Part[] = [];
  readonly #waiting: { position: number; callback: WriteCallback }[] = [];
  #staging: Buffer | undefined;
  #staged = 0;
  #position: number;
  #flushedPosition: number;
  #bytesWaiting = 0;
  #inFlight = 0;
  #sizeBefore = 0;
  #isReady: boolean;
  #hasBegun = false;
  #isScheduled = false;
  /** Whether nothing else may be in flight, since the last sector is. */
  #isAlone = false;
  /** The part that begins within a sector of the file. */
  #first: Part | undefined;
  /** What has been written of the last sector so far, when it had to be padded. */
  #lastSector: Buffer | undefined;
  /** Where a file ends that has been padded. */
  #paddedEnd = 0;
  #file: PaddedFile | undefined;
  readonly #self: Writer = { whenIdle: () => this.#whenIdle(), resume: () => this.#pump() };
  #failure: { error: unknown } | undefined;
  #onRoom: WriteCallback | undefined;
  #onIdle: (() => void) | undefined;

  constructor(handle: FileHandle, options: WriteBehindOptions = {}) {
    const { start = 0, signal, expected, onFlushed = nothing, onFailed = nothing } = options;
    this.#handle = handle;
    this.#block = blockSizeOf(handle);
    this.#alignment = memoryAlignmentOf(handle);
    this.#memory = new RecycledMemory(this.#alignment);
    this.#window = new WindowSize(options, this.#block, expected);
    this.#atCursor = start === null;
    this.#depth = this.#atCursor ? 1 : this.#window.depth;
    this.#start = start ?? 0;
    this.#position = this.#start;
    this.#flushedPosition = this.#start;
    this.#onFlushed = onFlushed;
    this.#onFailed = onFailed;
    this.#isReady = handle.alignment === null;
    this.#signal = signal;
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#position;
  }

  /** All bytes below it are in the file; after a sync of the file they are durable. */
  get flushedPosition(): number {
    return this.#flushedPosition;
  }

  /** Whether it is time to write more; write() takes more at any time. */
  get hasRoom(): boolean {
    return this.#bytesWaiting < this.#window.depth * this.#window.chunkSizeMax;
  }

  /**
   * Takes bytes. Their memory must stay as it is until `released` is called: they have been written
   * by then, or copied, or never will be, which it is called with an error for.
   * @throws the first error of the window
   */
  write(bytes: Uint8Array, released: WriteCallback = nothing): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    const pieces = new Pieces(released);
    this.#bytesWaiting += bytes.byteLength;
    if (this.#handle.alignment === null) this.#gather(bytes, pieces);
    else this.#align(bytes, pieces);
    pieces.done();
    this.#schedule();
  }

  /** Calls back, once, when there is room again, or with the first error. */
  whenRoom(callback: WriteCallback): void {
    if (this.#failure !== undefined) callback(this.#failure.error);
    else if (this.hasRoom) callback();
    else this.#onRoom = callback;
  }

  /** Calls back when all that has been taken so far is in the file, or with the first error. */
  whenFlushed(callback: WriteCallback): void {
    if (this.#failure !== undefined) callback(this.#failure.error);
    else if (this.#flushedPosition === this.#position) callback();
    else {
      this.#waiting.push({ position: this.#position, callback });
      this.#schedule();
    }
  }

  /** whenFlushed() as a promise. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.whenFlushed((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /**
   * Writes what is left. If the last sector of an unbuffered file had to be padded, the file is cut
   * to its true size and synced.
   */
  async finish(): Promise<void> {
    await this.flush();
    this.#signal?.removeEventListener('abort', this.#abort);
    await this.#cut();
  }

  /**
   * Cancels what is in flight. Resolves when all of it has ended.
   * @param error what those hear who wait
   */
  async cancel(error: unknown = new AbortError()): Promise<void> {
    this.#fail({ error });
    await this.#whenIdle();
    await this.#cut();
  }

  async #whenIdle(): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      const before = this.#onIdle;
      this.#onIdle = () => {
        before?.();
        resolve();
      };
    });
  }

  // ---- Putting writes together

  #newPart(position: number, memory?: Buffer): Part {
    const part: Part = {
      views: [],
      position,
      length: 0,
      newBytes: 0,
      memory,
      releases: [],
      isWritten: false,
    };
    this.#order.push(part);
    return part;
  }

  #add(part: Part, length: number): void {
    part.length += length;
    part.newBytes += length;
    this.#position += length;
    this.#window.grow(this.#position - this.#start);
  }

  #seal(): void {
    if (this.#open !== undefined) this.#sealed.push(this.#open);
    this.#open = undefined;
  }

  // On a buffered handle: views of the caller's memory, and copies of what is small.
  #gather(bytes: Uint8Array, pieces: Pieces): void {
    const isCopied = bytes.byteLength <= copiedMax;
    for (let at = 0; at < bytes.byteLength; ) {
      this.#open ??= this.#newPart(this.#position);
      const part = this.#open;
      const { chunkSize } = this.#window;
      const length = Math.min(chunkSize - part.length, bytes.byteLength - at);
      const view = bytes.subarray(at, at + length);
      addView(part.views, isCopied ? this.#copy(view) : view);
      if (!isCopied) pieces.addTo(part);
      this.#add(part, length);
      at += length;
      if (part.length >= chunkSize || part.views.length >= viewsMax) this.#seal();
    }
  }

  #copy(bytes: Uint8Array): Uint8Array {
    if (this.#staging === undefined || this.#staged + bytes.byteLength > stagingSize) {
      this.#staging = Buffer.allocUnsafeSlow(stagingSize);
      this.#staged = 0;
    }
    const copy = this.#staging.subarray(this.#staged, this.#staged + bytes.byteLength);
    copy.set(bytes);
    this.#staged += bytes.byteLength;
    return copy;
  }

  // On an unbuffered handle: whole sectors from where they lie, if that is aligned; the rest is
  // copied into memory that is.
  #align(bytes: Uint8Array, pieces: Pieces): void {
    for (let at = 0; at < bytes.byteLength; ) {
      const left = bytes.byteLength - at;
      if (this.#canWriteFrom(bytes, at)) {
        const part = this.#directPart(bytes, at);
        const whole = alignDown(left, this.#block);
        const length = Math.min(whole, this.#window.chunkSize - part.length);
        addView(part.views, bytes.subarray(at, at + length));
        pieces.addTo(part);
        this.#add(part, length);
        if (part.length === this.#window.chunkSize) this.#seal();
        at += length;
        continue;
      }
      if (this.#open?.memory === undefined) this.#seal();
      this.#open ??= this.#newAlignedPart();
      const part = this.#open;
      const memory = part.memory as Buffer;
      const length = Math.min(memory.byteLength - part.length, left);
      memory.set(bytes.subarray(at, at + length), part.length);
      this.#add(part, length);
      at += length;
      if (part.length === memory.byteLength) this.#seal();
    }
  }

  #canWriteFrom(bytes: Uint8Array, at: number): boolean {
    return (
      this.#open?.memory === undefined &&
      bytes.byteLength - at >= this.#block &&
      isAligned(this.#position, this.#block) &&
      isAligned(addressAt(bytes, at), this.#alignment)
    );
  }

  // The part that these bytes follow upon in memory, or a new one.
  #directPart(bytes: Uint8Array, at: number): Part {
    const last = this.#open?.views[0];
    const isNext =
      last?.buffer === bytes.buffer && last.byteOffset + last.byteLength === bytes.byteOffset + at;
    if (!isNext) this.#seal();
    this.#open ??= this.#newPart(this.#position);
    return this.#open;
  }

  #newAlignedPart(): Part {
    const position = alignDown(this.#position, this.#block);
    const part = this.#newPart(position, this.#memory.take(this.#window.chunkSize));
    part.length = this.#position - position;
    if (this.#lastSector !== undefined) part.memory?.set(this.#lastSector);
    // The bytes of the first sector are read meanwhile, before anything is written.
    else if (part.length > 0) this.#first = part;
    this.#lastSector = undefined;
    return part;
  }

  // ---- Writing

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.#isReady) this.#begin();
      else this.#pump();
    });
  }

  // What an unbuffered write must know of the file: its size, and the bytes before the start in
  // the sector where it lies.
  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#track(this.#readFirstSector(), () => {
      this.#isReady = true;
    });
  }

  async #readFirstSector(): Promise<void> {
    const { file, size } = await PaddedFile.of(this.#handle, this.#self);
    this.#file = file;
    this.#sizeBefore = size;
    if (this.#first !== undefined) await this.#readInto(this.#first, 0, this.#start);
  }

  /** Fills the sector of a part at this place in it with what the file has, up to `end`. */
  async #readInto(part: Part, at: number, end: number): Promise<void> {
    const memory = part.memory as Buffer;
    const sector = unsetMemory(this.#block, this.#alignment);
    const position = part.position + alignDown(at, this.#block);
    const isThere = position < this.#sizeBefore;
    const bytes = isThere ? await readChunk(this.#handle, sector, this.#block, position) : 0;
    sector.fill(0, bytes);
    const from = at % this.#block;
    sector.copy(memory, at, from, Math.min(end - position, this.#block));
  }

  #pump(): void {
    while (!this.#isAlone && this.#inFlight < this.#depth && this.#failure === undefined) {
      if (this.#file?.isBeingCut) return;
      const part = this.#sealed.shift() ?? this.#takeOpen();
      if (part === undefined) return;
      this.#track(this.#submit(part), () => this.#written(part), part);
    }
  }

  // While nothing is in flight there is no reason to wait for more, but on an unbuffered handle,
  // where what is no whole sector would have to be written again.
  #takeOpen(): Part | undefined {
    const part = this.#open;
    if (part === undefined || this.#inFlight > 0) return undefined;
    if (part.memory !== undefined && this.#waiting.length === 0) return undefined;
    this.#open = undefined;
    return part;
  }

  #submit(part: Part): Promise<void> {
    const { memory, views, length, position } = part;
    const { signal } = this.#cancellation;
    if (memory === undefined) {
      const [first] = views;
      if (this.#handle.alignment !== null) {
        return writeChunk(this.#handle, first as Uint8Array, length, position, signal);
      }
      return writeViews(this.#handle, views, length, this.#atCursor ? -1 : position, signal);
    }
    if (isAligned(length, this.#block)) {
      return writeChunk(this.#handle, memory, length, position, signal);
    }
    return this.#writePadded(part, memory);
  }

  // The last sector is written with what lies behind the end, and again when more comes: until it
  // has been written nothing else may be.
  async #writePadded(part: Part, memory: Buffer): Promise<void> {
    const { length, position } = part;
    const padded = alignUp(length, this.#block);
    this.#lastSector = Buffer.from(memory.subarray(alignDown(length, this.#block), length));
    this.#isAlone = true;
    await this.#readInto(part, length, position + padded);
    if (position + padded > this.#sizeBefore) this.#paddedEnd = position + padded;
    await writeChunk(this.#handle, memory, padded, position, this.#cancellation.signal);
    this.#isAlone = false;
  }

  #track(operation: Promise<void>, onDone: () => void, part?: Part): void {
    this.#inFlight++;
    const ended = (): void => {
      this.#inFlight--;
      if (this.#inFlight > 0) return;
      const onIdle = this.#onIdle;
      this.#onIdle = undefined;
      onIdle?.();
    };
    operation.then(
      () => {
        onDone();
        ended();
        this.#pump();
      },
      (error) => {
        this.#fail({ error });
        if (part !== undefined) this.#release(part, this.#failure?.error);
        ended();
      },
    );
  }

  #written(part: Part): void {
    part.isWritten = true;
    this.#bytesWaiting -= part.newBytes;
    this.#release(part);
    const before = this.#flushedPosition;
    while (this.#order[0]?.isWritten) {
      const first = this.#order.shift() as Part;
      this.#flushedPosition = first.position + first.length;
    }
    if (this.#flushedPosition > before) this.#onFlushed(this.#flushedPosition);
    while ((this.#waiting[0]?.position ?? Number.POSITIVE_INFINITY) <= this.#flushedPosition) {
      this.#waiting.shift()?.callback();
    }
    if (this.hasRoom) this.#callRoom();
  }

  #release(part: Part, error?: unknown): void {
    if (part.memory !== undefined) this.#memory.give(part.memory);
    for (const release of part.releases) release(error);
  }

  #callRoom(error?: unknown): void {
    const onRoom = this.#onRoom;
    this.#onRoom = undefined;
    onRoom?.(error);
  }

  readonly #abort = (): void => {
    this.#fail({ error: abortError(this.#signal as AbortSignal) });
  };

  #fail(failure: { error: unknown }): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#cancellation.abort();
    this.#callRoom(failure.error);
    for (const { callback } of this.#waiting.splice(0)) callback(failure.error);
    for (const part of this.#sealed.splice(0)) this.#release(part, failure.error);
    if (this.#open !== undefined) this.#release(this.#open, failure.error);
    this.#open = undefined;
    this.#onFailed(failure.error);
  }

  // What has been padded is cut to where the file is complete, or to what it had before.
  async #cut(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    const paddedEnd = this.#paddedEnd;
    this.#paddedEnd = 0;
    try {
      const size = Math.max(this.#sizeBefore, this.#flushedPosition);
      if (paddedEnd > 0) await file.cut(this.#handle, this.#self, paddedEnd, size);
    } finally {
      file.leave(this.#self);
    }
  }
}

/** Counts the parts that still need a caller's memory. */
class Pieces {
  #count = 1;
  #error: unknown;
  readonly #released: WriteCallback;
  readonly done = (error?: unknown): void => {
    this.#error ??= error;
    if (--this.#count === 0) this.#released(this.#error);
  };

  constructor(released: WriteCallback) {
    this.#released = released;
  }
  addTo(part: Part): void {
    if (this.#released === nothing) return;
    this.#count++;
    part.releases.push(this.done);
  }
}

// What follows directly upon the last view in memory is written with it.
function addView(views: Uint8Array[], view: Uint8Array): void {
  const last = views.at(-1);
  if (last?.buffer !== view.buffer || last.byteOffset + last.byteLength !== view.byteOffset) {
    views.push(view);
    return;
  }
  const length = last.byteLength + view.byteLength;
  views[views.length - 1] = new Uint8Array(last.buffer, last.byteOffset, length);
}

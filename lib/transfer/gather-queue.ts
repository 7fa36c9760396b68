import { Buffer } from 'node:buffer';
import { type OnMoved, writeViews } from './chunk-io.js';
import { endOf } from './file-size.js';
import { PartQueue } from './part-queue.js';
import type { CuttableFile, WritableFile } from './transfer-file.js';
import type { WindowSize } from './window.js';
import { addView, type MemoryUse, type Part } from './write-part.js';

// Smaller writes are copied together; larger ones are written directly from their memory.
const copiedMax = 8 * 1024;
const stagingSizeMin = 8 * 1024;
const stagingSizeMax = 64 * 1024;
// At most the number that the system accepts at once (IOV_MAX is 1,024).
const viewsMax = 512;

/** Memory for copies of small writes. */
interface Staging {
  readonly memory: Buffer;
  /** Parts that are not written yet and have bytes in it. */
  parts: number;
}

export interface GatherOptions {
  /**
   * Whether a failed or canceled window leaves no bytes after the first gap: the file is cut to its
   * complete part, or to its previous size. Default false.
   */
  leavesPrefix?: boolean | undefined;
  /** Size of the file before the window writes to it, if known. */
  size?: number | undefined;
}

/** Parts for a buffered file: views of the caller's memory, and copies of small writes. */
export class GatherQueue extends PartQueue {
  readonly mayUseCursor = true;
  readonly #file: WritableFile & CuttableFile;
  readonly #leavesPrefix: boolean;
  #sizeBefore: number | undefined;
  #staging: Staging | undefined;
  /** Memory of the greatest size, whose bytes are in the file. */
  readonly #free: Staging[] = [];
  #staged = 0;
  /** Start of the copies of the open part that are not among its views yet. */
  #copiedFrom = 0;

  constructor(
    file: WritableFile & CuttableFile,
    start: number | null,
    window: WindowSize,
    { leavesPrefix = false, size }: GatherOptions,
  ) {
    super(start, window);
    this.#file = file;
    this.#leavesPrefix = leavesPrefix && start !== null;
    this.#sizeBefore = size;
  }

  add(bytes: Uint8Array, use: MemoryUse): void {
    const { byteLength } = bytes;
    const isAlone = this.open === undefined && byteLength <= this.window.chunkSize;
    // A lone write needs no copy; most small files are written in one write.
    if (byteLength <= copiedMax && !(isAlone && use.isStable)) {
      for (let at = 0; at < byteLength; ) at += this.#addCopy(bytes, at, byteLength);
      return;
    }
    for (let at = 0; at < byteLength; ) {
      this.open ??= this.newPart(this.position);
      const part = this.open;
      const { chunkSize } = this.window;
      const length = Math.min(chunkSize - part.length, byteLength - at);
      this.#endCopies();
      addView(part.views, bytes.subarray(at, at + length));
      use.usedBy(part);
      this.extend(part, length);
      at += length;
      if (part.length >= chunkSize || part.views.length >= viewsMax) this.seal();
    }
  }

  // The most frequent case, which creates no view per write.
  #addCopy(bytes: Uint8Array, at: number, end: number): number {
    const { chunkSize } = this.window;
    this.open ??= this.newPart(this.position);
    const length = Math.min(chunkSize - this.open.length, end - at);
    const { memory } = this.#stagingFor(length);
    memory.set(length === bytes.byteLength ? bytes : bytes.subarray(at, at + length), this.#staged);
    this.#staged += length;
    this.extend(this.open, length);
    if (this.open.length >= chunkSize) this.seal();
    return length;
  }

  #stagingFor(length: number): Staging {
    const last = this.#staging;
    const size = last?.memory.byteLength ?? 0;
    if (last !== undefined && this.#staged + length <= size) return last;
    this.#endCopies();
    this.#staging = undefined;
    if (last !== undefined) this.#keepIfFree(last);
    const next = this.#free.pop() ?? {
      memory: Buffer.allocUnsafeSlow(Math.min(Math.max(2 * size, stagingSizeMin), stagingSizeMax)),
      parts: 0,
    };
    this.#staging = next;
    this.#staged = 0;
    this.#copiedFrom = 0;
    return next;
  }

  #endCopies(): void {
    const { open: part } = this;
    const staging = this.#staging;
    // A window that has failed drops the open part.
    if (part === undefined || staging === undefined || this.#copiedFrom === this.#staged) return;
    const copies = staging.memory.subarray(this.#copiedFrom, this.#staged);
    this.#copiedFrom = this.#staged;
    addView(part.views, copies);
    staging.parts++;
    part.releases.push(() => {
      staging.parts--;
      this.#keepIfFree(staging);
    });
  }

  // Garbage of this size would make V8 collect often, and stay resident until then.
  #keepIfFree(staging: Staging): void {
    const isFree = staging.parts === 0 && staging !== this.#staging;
    if (isFree && staging.memory.byteLength === stagingSizeMax) this.#free.push(staging);
  }

  protected override seal(): void {
    this.#endCopies();
    super.seal();
  }

  override next(inFlight: number, isAwaited: boolean): Part | undefined {
    if (this.sealed.length === 0 && inFlight === 0) this.#endCopies();
    return super.next(inFlight, isAwaited);
  }

  write(part: Part, signal: AbortSignal | undefined, onMoved: OnMoved): Promise<void> {
    const { views, length, position, isAtCursor } = part;
    return writeViews(this.#file, views, length, isAtCursor ? -1 : position, signal, onMoved);
  }

  // A single write leaves no gap. Before there are two, the size shows what must not be cut.
  mustLearn(inFlight: number): boolean {
    return this.#leavesPrefix && inFlight > 0 && this.#sizeBefore === undefined;
  }

  async learn(): Promise<void> {
    this.#sizeBefore = await endOf(this.#file);
  }

  get mayNeedCut(): boolean {
    return false;
  }

  // While nothing is in flight there is no reason to wait for more.
  protected isWorthWriting(): boolean {
    return true;
  }

  async cut(flushedPosition: number, hasFailed: boolean): Promise<void> {
    if (!hasFailed || !this.#leavesPrefix || this.#sizeBefore === undefined) return;
    const kept = Math.max(this.#sizeBefore, flushedPosition);
    if (this.submittedEnd <= kept) return;
    try {
      const end = await endOf(this.#file);
      // A file that extends further has been extended by others.
      if (end > kept && end <= this.submittedEnd) await this.#file.truncate(kept);
    } catch {
      // The write has failed already, and its error says more.
    }
  }
}

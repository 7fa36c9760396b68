import { type OnMoved, writeViews } from './chunk-io.js';
import { endOf } from './file-size.js';
import { PartQueue } from './part-queue.js';
import type { CuttableFile, WritableFile } from './transfer-file.js';
import type { WindowSize } from './window.js';
import { addView, newPart, type Part, type Pieces } from './write-part.js';

// Smaller writes are copied together, larger ones are written from where they lie.
const copiedMax = 8 * 1024;
const stagingSize = 64 * 1024;
// No more than the system takes at once (IOV_MAX is 1,024).
const viewsMax = 512;

export interface GatherOptions {
  /**
   * Whether a failed or cancelled window leaves no bytes behind the first gap: the file is cut to
   * where it is complete, or to what it had before. Default false.
   */
  leavesPrefix?: boolean | undefined;
  /** Size of the file before the window writes to it, where that is known. */
  size?: number | undefined;
}

/** Parts for a buffered file: views of the caller's memory, and copies of small writes. */
export class GatherQueue extends PartQueue {
  readonly #file: WritableFile & CuttableFile;
  readonly #leavesPrefix: boolean;
  #sizeBefore: number | undefined;
  #staging: Buffer | undefined;
  #staged = 0;

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

  add(bytes: Uint8Array, pieces: Pieces): void {
    const isCopied = bytes.byteLength <= copiedMax;
    for (let at = 0; at < bytes.byteLength; ) {
      this.open ??= this.newPart(this.position);
      const part = this.open;
      const { chunkSize } = this.window;
      const length = Math.min(chunkSize - part.length, bytes.byteLength - at);
      const view = bytes.subarray(at, at + length);
      addView(part.views, isCopied ? this.#copy(view) : view);
      if (!isCopied) pieces.addTo(part);
      this.extend(part, length);
      at += length;
      if (part.length >= chunkSize || part.views.length >= viewsMax) this.seal();
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

  write(part: Part, signal: AbortSignal | undefined, onMoved: OnMoved): Promise<void> {
    const { views, length, position, isAtCursor } = part;
    return writeViews(this.#file, views, length, isAtCursor ? -1 : position, signal, onMoved);
  }

  /** Puts parts back that the file would not take at a place. */
  putBack(parts: readonly Part[]): void {
    const all = [...parts, ...this.sealed.splice(0)].sort((a, b) => a.position - b.position);
    if (this.open !== undefined) all.push(this.open);
    this.open = undefined;
    this.order.length = 0;
    this.useCursor();
    for (const { views, length, newBytes, position, releases } of all) {
      const part = newPart(position, true);
      part.views.push(...views);
      part.releases.push(...releases);
      this.sealed.push(Object.assign(part, { length, newBytes }));
    }
    this.order.push(...this.sealed);
  }

  // One write leaves no gap. Before there are two, the size says what must not be cut.
  mustLearn(inFlight: number): boolean {
    return this.#leavesPrefix && inFlight > 0 && this.#sizeBefore === undefined;
  }

  async learn(): Promise<void> {
    this.#sizeBefore = await endOf(this.#file);
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
      // A file that reaches further has been extended by others.
      if (end > kept && end <= this.submittedEnd) await this.#file.truncate(kept);
    } catch {
      // The write has failed already, and its error says more.
    }
  }
}

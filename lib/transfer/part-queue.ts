import type { OnMoved } from './chunk-io.js';
import type { WindowSize } from './window.js';
import { type MemoryUse, newPart, type Part } from './write-part.js';

/**
 * The bytes of a WriteBehind on their way to the file, cut into parts of one write each. There are
 * two kinds: GatherQueue gathers small writes, and SectorQueue pads sectors.
 */
export abstract class PartQueue {
  /** Parts in file order, from the first that is not written. */
  readonly order: Part[] = [];
  readonly start: number;
  /** Position of the next byte. */
  position: number;
  /** Position after the last byte that was submitted to the system. */
  submittedEnd = 0;
  protected readonly window: WindowSize;
  /** Parts that wait to be written. */
  protected readonly sealed: Part[] = [];
  /** The last part, which may still grow. */
  protected open: Part | undefined;
  #isAtCursor: boolean;

  /** @param start null for writes at the cursor */
  constructor(start: number | null, window: WindowSize) {
    this.start = start ?? 0;
    this.position = this.start;
    this.#isAtCursor = start === null;
    this.window = window;
  }

  /** Adds bytes; `use` counts the parts that need their memory. */
  abstract add(bytes: Uint8Array, use: MemoryUse): void;
  /** @param onMoved called when a portion of the part is in the file */
  abstract write(part: Part, signal: AbortSignal | undefined, onMoved: OnMoved): Promise<void>;
  /**
   * Whether a fact about the file must be known before another part is written.
   * @param inFlight writes in flight
   */
  abstract mustLearn(inFlight: number): boolean;
  abstract learn(): Promise<void>;
  /** Whether the open part may be written before it is full. */
  protected abstract isWorthWriting(part: Part, isAwaited: boolean): boolean;
  /** Cuts bytes that do not belong to the file: padding, or bytes after a failed write. */
  abstract cut(flushedPosition: number, hasFailed: boolean): Promise<void>;

  /** Whether nothing may be written now; the window is told when that ends. */
  get isBlocked(): boolean {
    return false;
  }

  /** Whether the file can be written at its cursor; an unbuffered one has none of the system. */
  abstract readonly mayUseCursor: boolean;

  /** Whether cut() has work to do after writes that have not failed. */
  abstract get mayNeedCut(): boolean;

  get isAtCursor(): boolean {
    return this.#isAtCursor;
  }

  /** Writes further bytes at the cursor; bytes added before keep their positions. */
  useCursor(): void {
    this.seal();
    this.#isAtCursor = true;
  }

  /** Requeues parts that the file refused to write at a position, for writes at the cursor. */
  putBack(parts: readonly Part[]): void {
    this.useCursor();
    const all = [...parts, ...this.sealed.splice(0)].sort((a, b) => a.position - b.position);
    for (const { views, length, newBytes, position, releases } of all) {
      const part = newPart(position, true);
      part.views.push(...views);
      part.releases.push(...releases);
      this.sealed.push(Object.assign(part, { length, newBytes }));
    }
    this.order.splice(0, this.order.length, ...this.sealed);
  }

  /**
   * Returns the next part to write. @param isAwaited whether a caller waits for all bytes so far
   */
  next(inFlight: number, isAwaited: boolean): Part | undefined {
    const part = this.sealed[0] ?? (inFlight === 0 ? this.open : undefined);
    if (part === undefined || (part.isAtCursor && inFlight > 0)) return undefined;
    if (part === this.open) {
      if (!this.isWorthWriting(part, isAwaited)) return undefined;
      this.open = undefined;
    } else {
      this.sealed.shift();
    }
    this.submittedEnd = Math.max(this.submittedEnd, part.position + part.length);
    return part;
  }

  /** Drops all parts that have not been submitted; their memory is free. */
  drop(error: unknown): void {
    for (const part of this.sealed.splice(0)) this.release(part, error);
    if (this.open !== undefined) this.release(this.open, error);
    this.open = undefined;
  }

  release(part: Part, error?: unknown): void {
    for (const release of part.releases) release(error);
  }

  protected newPart(position: number, memory?: Buffer): Part {
    const part = newPart(position, this.#isAtCursor, memory);
    this.order.push(part);
    return part;
  }

  protected extend(part: Part, length: number): void {
    part.length += length;
    part.newBytes += length;
    this.position += length;
    this.window.grow(this.position - this.start);
  }

  protected seal(): void {
    if (this.open !== undefined) this.sealed.push(this.open);
    this.open = undefined;
  }
}

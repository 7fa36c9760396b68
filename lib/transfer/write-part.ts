/** Called without an error on success, or with the first error of the window. */
export type WriteCallback = (error?: unknown) => void;

/** The bytes of one write to the file. */
export interface Part {
  /** The bytes, in memory of the caller or of the window. */
  readonly views: Uint8Array[];
  readonly position: number;
  /** Whether it is written at the file's cursor, after everything before it. */
  readonly isAtCursor: boolean;
  length: number;
  /** Number of new bytes; the others belong to an existing sector. */
  newBytes: number;
  /** For unbuffered files: memory of whole sectors into which writes are copied. */
  readonly memory: Buffer | undefined;
  readonly releases: WriteCallback[];
  /** Number of bytes that are in the file. */
  moved: number;
  isWritten: boolean;
}

export function newPart(position: number, isAtCursor: boolean, memory?: Buffer): Part {
  return {
    views: [],
    position,
    isAtCursor,
    length: 0,
    newBytes: 0,
    memory,
    releases: [],
    moved: 0,
    isWritten: false,
  };
}

/** Counts the parts that use a caller's memory, and calls back when none does any longer. */
export class MemoryUse {
  #count = 1;
  #error: unknown;
  readonly #released: WriteCallback | undefined;
  readonly done = (error?: unknown): void => {
    this.#error ??= error;
    if (--this.#count === 0) this.#released?.(this.#error);
  };

  constructor(released: WriteCallback | undefined) {
    this.#released = released;
  }

  /** Whether no callback waits for the memory, so that it stays unchanged until it is written. */
  get isStable(): boolean {
    return this.#released === undefined;
  }

  /** Counts a part, until it is released. */
  usedBy(part: Part): void {
    if (this.#released === undefined) return;
    this.#count++;
    part.releases.push(this.done);
  }
}

/** Adds a view to a part; one that follows the last view in memory extends it. */
export function addView(views: Uint8Array[], view: Uint8Array): void {
  const last = views.at(-1);
  if (last?.buffer !== view.buffer || last.byteOffset + last.byteLength !== view.byteOffset) {
    views.push(view);
    return;
  }
  const length = last.byteLength + view.byteLength;
  views[views.length - 1] = new Uint8Array(last.buffer, last.byteOffset, length);
}

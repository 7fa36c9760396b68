/** Called without an error, or with the first error of the window. */
export type WriteCallback = (error?: unknown) => void;

/** What goes to the file with one write. */
export interface Part {
  /** Its bytes, in memory of the caller or of the window. */
  readonly views: Uint8Array[];
  readonly position: number;
  /** Written at the file's cursor, after everything before it. */
  readonly isAtCursor: boolean;
  length: number;
  /** How many of its bytes are new; the others are those of a sector that was there before. */
  newBytes: number;
  /** On unbuffered files: memory of whole sectors that writes are copied into. */
  readonly memory: Buffer | undefined;
  readonly releases: WriteCallback[];
  /** How many of its bytes are in the file. */
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

/** Calls back when none of the parts that need a caller's memory needs it any more. */
export class Pieces {
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

  /** Whether nobody waits for the memory, which stays as it is until it has been written. */
  get mayKeep(): boolean {
    return this.#released === undefined;
  }

  addTo(part: Part): void {
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

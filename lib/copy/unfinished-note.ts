import { Buffer } from 'node:buffer';
import type { BigIntStats } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { monotonicMs } from '../node/globals.js';

/** The note stored beside an unfinished copy. Numbers are decimal digits. */
interface Note {
  size: string;
  mtimeNs: string;
  /** Position up to which the copy was complete and durable. */
  flushed: string;
}

const noteSize = 512;
const msBetweenNotes = 500;

/** What identifies the source of an unfinished copy. */
export type SourceIdentity = Pick<BigIntStats, 'size' | 'mtimeNs'>;

/** The status of a device has neither its size nor the time when its content changed. */
export function identityOf({
  before,
  size,
}: {
  before: BigIntStats;
  size: number | null;
}): SourceIdentity {
  return before.isBlockDevice() ? { size: BigInt(size ?? 0), mtimeNs: 0n } : before;
}

// Device and inode numbers are left out: some file systems change them, and the comparison decides
// what is kept.
function noteOf({ size, mtimeNs }: SourceIdentity, flushed: number): Note {
  return {
    size: `${size}`,
    mtimeNs: `${mtimeNs}`,
    flushed: `${flushed}`,
  };
}

/** A note of an earlier copy. */
export interface EarlierNote extends SourceIdentity {
  /** Position up to which the copy was complete and durable. */
  flushed: number;
}

/** Returns the content of a note; undefined if it is new or incomplete. */
export async function noteIn(file: CoreHandle): Promise<EarlierNote | undefined> {
  const content = Buffer.alloc(noteSize);
  const { bytesRead } = await file.read(content, { length: noteSize, position: 0 });
  try {
    const found = JSON.parse(content.toString('utf8', 0, bytesRead)) as Note;
    const flushed = Number(found.flushed);
    if (!Number.isSafeInteger(flushed) || flushed < 0) return undefined;
    return { size: BigInt(found.size), mtimeNs: BigInt(found.mtimeNs), flushed };
  } catch {
    return undefined;
  }
}

/** Returns how far an earlier copy of this source had progressed, according to its note. */
export async function flushedByNote(note: CoreHandle, before: SourceIdentity): Promise<number> {
  const found = await noteIn(note);
  const isOfThis = found?.size === before.size && found.mtimeNs === before.mtimeNs;
  return isOfThis ? found.flushed : 0;
}

/** Keeps the note of an unfinished copy up to date in the background. */
export class NoteKeeper {
  readonly #file: CoreHandle;
  readonly #target: CoreHandle;
  readonly #before: SourceIdentity;
  #lastMs = monotonicMs();
  #writing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(file: CoreHandle, target: CoreHandle, before: SourceIdentity) {
    this.#file = file;
    this.#target = target;
    this.#before = before;
  }

  onFlushed(position: number): void {
    const now = monotonicMs();
    if (this.#writing !== undefined || now - this.#lastMs < msBetweenNotes) return;
    this.#lastMs = now;
    this.#writing = this.#syncAndWrite(position).finally(() => {
      this.#writing = undefined;
    });
  }

  // A sync reports an error only once, so the error is kept.
  async #syncAndWrite(position: number): Promise<void> {
    try {
      await this.#target.datasync();
      await this.write(position);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** Writes a fixed length at once, so that a reader finds the old note or the new one. */
  async write(flushed: number): Promise<void> {
    const text = JSON.stringify(noteOf(this.#before, flushed)).padEnd(noteSize);
    await this.#file.write(Buffer.from(text), { length: noteSize, position: 0 });
  }

  /** Waits for the write in progress. @throws the first error */
  async settle(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

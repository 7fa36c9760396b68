import type { BigIntStats } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { partialNameFor, syncFolder } from './destination.js';
import type { FallbackLog } from './fallbacks.js';
import { openLocked } from './own-file.js';
import type { Spot } from './spot.js';
import { unlinkIfThere } from './unfinished.js';
import { identityOf, NoteKeeper, noteIn } from './unfinished-note.js';

/** An update in place that ended before it was complete. */
export interface InterruptedUpdate {
  /** Bytes before this position were right; those after it may be old or new. */
  position: number;
  /** Whether it copied the same source, by its size and time of change. */
  sameSource: boolean;
}

/** Returns the name of the file that says that an update of a spot is not complete. */
export function markerNameFor(spot: Spot): string {
  return `${partialNameFor(spot)}.update`;
}

/** Removes what an interrupted update has left, because the destination has been replaced. */
export function forgetUpdate(spot: Spot): Promise<void> {
  return unlinkIfThere(spot.directory, markerNameFor(spot));
}

/**
 * The file beside a destination that exists while it is updated in place. It is written and synced
 * before the first block changes, and removed when all blocks are durable, so a killed update
 * leaves it. A lock on it keeps a second update out.
 */
export class UpdateMarker {
  /** The earlier update that left the file. */
  readonly interrupted: InterruptedUpdate | undefined;
  readonly #spot: Spot;
  readonly #file: CoreHandle;
  readonly #note: NoteKeeper;
  readonly #fallbacks: FallbackLog;
  #hasBegun = false;

  private constructor(
    spot: Spot,
    file: CoreHandle,
    note: NoteKeeper,
    fallbacks: FallbackLog,
    interrupted: InterruptedUpdate | undefined,
  ) {
    this.#spot = spot;
    this.#file = file;
    this.#note = note;
    this.#fallbacks = fallbacks;
    this.interrupted = interrupted;
  }

  /**
   * Opens and locks the marker, or creates it.
   * @param target the file that is updated
   * @throws EBUSY while another process updates the destination; EEXIST, EACCES, EROFS, …
   */
  static async open(
    target: CoreHandle,
    {
      destination,
      before,
      size,
      settings,
    }: {
      destination: Spot;
      before: BigIntStats;
      size: number | null;
      settings: { signal: AbortSignal | undefined };
    },
    fallbacks: FallbackLog,
  ): Promise<UpdateMarker> {
    const name = markerNameFor(destination);
    const file = await openLocked(destination, name, settings.signal, fallbacks);
    try {
      const identity = identityOf({ before, size });
      const found = await noteIn(file);
      const interrupted = found && {
        position: found.flushed,
        sameSource: found.size === identity.size && found.mtimeNs === identity.mtimeNs,
      };
      const note = new NoteKeeper(file, target, identity);
      return new UpdateMarker(destination, file, note, fallbacks, interrupted);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Makes the marker durable. @param position all bytes before it are right */
  async begin(position: number): Promise<void> {
    this.#hasBegun = true;
    await this.#note.write(position);
    await this.#file.sync();
    await syncFolder(this.#spot.directory, this.#fallbacks);
  }

  onFlushed(position: number): void {
    this.#note.onFlushed(position);
  }

  settle(): Promise<void> {
    return this.#note.settle();
  }

  /** Removes the marker: the destination is complete and durable. */
  async end(): Promise<void> {
    try {
      await forgetUpdate(this.#spot);
    } finally {
      await this.#file.close();
    }
  }

  /** Leaves the marker if the destination may have changed. */
  async abandon(): Promise<void> {
    await this.#note.settle().catch(() => {});
    if (this.#hasBegun || this.interrupted !== undefined) return this.#file.close();
    return this.end();
  }
}

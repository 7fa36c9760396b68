import type { Buffer } from 'node:buffer';
import type { Hash } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { abortError } from '../node/errors.js';
import { alignUp } from '../transfer/alignment.js';
import { blockSizeOf, memoryAlignmentOf } from '../transfer/chunk-io.js';
import { RecycledMemory } from '../transfer/chunk-memory.js';
import { type Run, runsOfData, runsOfDifferences, runUnit } from './block-runs.js';
import { ChunkCursor } from './chunk-cursor.js';
import { type DataRange, type DataRanges, dataRanges, unionOf, wholeRange } from './data-ranges.js';
import { isMissing } from './fallbacks.js';
import { type Filled, type Filling, paceOf } from './fill.js';
import { hashZeros } from './hash-zeros.js';
import { makeHash } from './make-hash.js';
import type { RateLimit } from './rate-limit.js';
import { chunkDefaults, readsOf } from './read-chunks.js';
import { RunWriter } from './run-writer.js';
import { setSize } from './set-size.js';
import { SourceChangedError } from './source-changed-error.js';
import type { InPlace } from './target.js';

/** The result of an update in place; `dataBytes` are the bytes written. */
export interface Updated extends Filled {
  /** The parts that were written, in order. */
  written: DataRange[];
  /** Digest of these parts, with `verify`. */
  writtenHash: string | undefined;
}

// Holes are found in whole multiples of this, so that small ones do not interrupt reading.
const holeUnit = 64 * 1024;
// The unit of Stats.blocks.
const bytesPerBlock = 512;

/**
 * Reads the source and the destination once, and writes the blocks of 4 KiB that differ. Parts that
 * are holes in both are not read. The destination gets the size of the source.
 * @throws SourceChangedError; AbortError; system errors. Nothing is in flight when it rejects, and
 *   the destination may have some of the blocks.
 */
export async function updateInPlace(filling: Filling, inPlace: InPlace): Promise<Updated> {
  const update = new Update(filling, inPlace);
  try {
    return await update.run();
  } finally {
    await update.end();
  }
}

function isSparse({ size, blocks }: Stats): boolean {
  return blocks * bytesPerBlock < size;
}

class Update {
  readonly #filling: Filling;
  readonly #inPlace: InPlace;
  readonly #unit: number;
  readonly #chunkSize: number;
  readonly #pace: RateLimit | undefined;
  readonly #writer: RunWriter;
  readonly #written: DataRange[] = [];
  readonly #writtenHash: Hash | undefined;
  /** Whether zeros become holes. */
  #punches = false;
  #sizeBefore = 0;
  #hasBegun = false;
  #bytesWritten = 0;

  constructor(filling: Filling, inPlace: InPlace) {
    const { source, destination, settings } = filling;
    const { signal, verify, hash } = settings;
    this.#filling = filling;
    this.#inPlace = inPlace;
    this.#unit = Math.max(runUnit, blockSizeOf(destination));
    this.#pace = paceOf(settings);
    const wanted = settings.chunkSize ?? chunkDefaults.chunkSize;
    const most = Math.min(wanted, this.#pace?.partMax ?? wanted);
    this.#chunkSize = alignUp(most, Math.max(this.#unit, blockSizeOf(source)));
    this.#writtenHash = verify ? makeHash(hash, 'options.hash') : undefined;
    this.#writer = new RunWriter(destination, {
      signal,
      onFlushed: (position) => {
        if (this.#hasBegun) filling.onFlushed(position);
      },
    });
  }

  async run(): Promise<Updated> {
    const { destination, size, fallbacks } = this.#filling;
    this.#sizeBefore = await destination.size();
    this.#punches = await this.#mayPunch();
    let position = 0;
    let isShort = false;
    for await (const range of this.#ranges()) {
      await this.#pass(position, range.start);
      position = await this.#update(range);
      isShort = position < range.end;
      if (isShort) break;
    }
    const bytes = isShort ? await this.#endAt(position, size) : await this.#endOf(position, size);
    await this.#writer.finish();
    if (destination.deviceType !== 'block' && (await destination.size()) !== bytes) {
      await this.#begin(Math.min(bytes, this.#sizeBefore));
      await setSize(destination, bytes, fallbacks);
    }
    return {
      bytes,
      dataBytes: this.#bytesWritten,
      strategy: 'engine',
      reason: this.#inPlace.reason,
      written: this.#written,
      writtenHash: this.#writtenHash?.digest('hex'),
    };
  }

  /** Resolves when nothing is in flight. */
  end(): Promise<void> {
    return this.#writer.cancel();
  }

  async #mayPunch(): Promise<boolean> {
    const { source, destination, settings } = this.#filling;
    if (destination.deviceType !== 'disk') return false;
    if (settings.findHoles) return true;
    return settings.keepHoles && source.deviceType === 'disk' && isSparse(await source.stat());
  }

  /** Yields the parts to compare. */
  #ranges(): DataRanges {
    const { source, destination, size, fallbacks } = this.#filling;
    if (size === null) return wholeRange({ start: 0, end: Number.POSITIVE_INFINITY });
    const areFiles = source.deviceType === 'disk' && destination.deviceType === 'disk';
    if (!areFiles) return wholeRange({ start: 0, end: size });
    const rangesOf = (handle: CoreHandle, end: number): DataRanges =>
      dataRanges(handle, { start: 0, end }, holeUnit, fallbacks);
    const shared = Math.min(size, this.#sizeBefore);
    return unionOf(rangesOf(source, size), rangesOf(destination, shared));
  }

  /** Passes a part that is a hole in both files. */
  async #pass(start: number, end: number): Promise<void> {
    const { hash, settings, onProgress } = this.#filling;
    if (start >= end) return;
    if (hash !== undefined) await hashZeros(hash, end - start, settings.signal);
    onProgress(end);
  }

  /** Returns the end of a source that ended early. @throws SourceChangedError */
  async #endAt(position: number, size: number | null): Promise<number> {
    if (size === null) return position;
    const { source, settings } = this.#filling;
    const now = await source.size();
    // Some file systems report sizes that differ from the content.
    if (now >= size || settings.changed === 'accept') return position;
    throw new SourceChangedError(size, now);
  }

  /** Returns the end of a source that may end with a hole. */
  async #endOf(position: number, size: number | null): Promise<number> {
    if (size === null) return position;
    await this.#pass(position, size);
    return size;
  }

  /** @returns the position up to which the source was read */
  async #update({ start, end }: DataRange): Promise<number> {
    const { source, destination, settings, faults } = this.#filling;
    const { depth = chunkDefaults.depth, signal } = settings;
    const chunkSize = this.#chunkSize;
    const reading = {
      ...{ end, depth, chunkSize, signal, unit: blockSizeOf(destination) },
      start: source.file.isSeekable ? start : null,
      expected: Number.isFinite(end) ? depth * chunkSize : 0,
      memory: new RecycledMemory(memoryAlignmentOf(source, destination)),
    };
    const ahead = readsOf(source, reading, faults);
    const there = new ChunkCursor(destination, { depth, chunkSize, signal, start, end });
    let position = start;
    try {
      for (;;) {
        const bytes = await ahead.next();
        if (signal?.aborted) throw abortError(signal);
        if (bytes === null) return position;
        await this.#takeChunk(bytes, position, there, () => ahead.release(bytes));
        position += bytes.byteLength;
        this.#filling.onProgress(position);
        await this.#pace?.moved(bytes.byteLength);
      }
    } finally {
      await Promise.all([ahead.cancel(), there.cancel()]);
    }
  }

  async #takeChunk(
    bytes: Buffer,
    position: number,
    there: ChunkCursor,
    done: () => void,
  ): Promise<void> {
    const different = await this.#compare(bytes, there);
    this.#filling.hash?.update(bytes);
    const first = different[0];
    if (first !== undefined) await this.#begin(position + first.start);
    const runs: Run[] = [];
    for (const run of different) runs.push(...(await this.#place(bytes, position, run)));
    for (const { start, end } of runs) this.#bytesWritten += end - start;
    this.#writer.write({ bytes, position, runs, done });
  }

  async #compare(bytes: Buffer, there: ChunkCursor): Promise<Run[]> {
    const runs: Run[] = [];
    for (let at = 0; at < bytes.byteLength; ) {
      const old = await there.look();
      if (old === null) return [...runs, { start: at, end: bytes.byteLength }];
      const length = Math.min(old.byteLength, bytes.byteLength - at);
      const found = runsOfDifferences(
        bytes.subarray(at, at + length),
        old.subarray(0, length),
        this.#unit,
      );
      for (const { start, end } of found) runs.push({ start: at + start, end: at + end });
      there.skip(length);
      at += length;
    }
    return runs;
  }

  /** Notes a part that differs, punches its zeros, and returns what is to be written. */
  async #place(bytes: Buffer, position: number, run: Run): Promise<Run[]> {
    const part = bytes.subarray(run.start, run.end);
    this.#note(part, position + run.start);
    if (!this.#punches) return [run];
    const data = runsOfData(part, this.#unit);
    let at = 0;
    for (const { start, end } of [...data, { start: part.byteLength, end: part.byteLength }]) {
      if (start > at && !(await this.#punch(position + run.start + at, start - at))) return [run];
      at = end;
    }
    return data.map(({ start, end }) => ({ start: run.start + start, end: run.start + end }));
  }

  #note(bytes: Buffer, start: number): void {
    this.#writtenHash?.update(bytes);
    const end = start + bytes.byteLength;
    const last = this.#written.at(-1);
    if (last?.end === start) last.end = end;
    else this.#written.push({ start, end });
  }

  /** @returns whether the part reads as zeros now, or will when the file has its size */
  async #punch(position: number, length: number): Promise<boolean> {
    const { destination, fallbacks } = this.#filling;
    const there = Math.min(length, this.#sizeBefore - position);
    if (there <= 0) return true;
    this.#punches = await fallbacks.attempt('punch', isMissing, () =>
      destination.punchHole({ position, length: there }),
    );
    return this.#punches;
  }

  async #begin(position: number): Promise<void> {
    if (this.#hasBegun) return;
    await this.#inPlace.begin(position);
    this.#hasBegun = true;
  }
}

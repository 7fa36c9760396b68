import type { Buffer } from 'node:buffer';
import type { Hash } from 'node:crypto';
import { constants } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import type { OpenOptions } from '../handle/open-options.js';
import type { SystemError } from '../node/errors.js';
import { type ContentResult, copyContent } from './copy-content.js';
import { CopyError } from './copy-errors.js';
import { dataRanges } from './data-ranges.js';
import type { ShownPaths } from './destination.js';
import { type FallbackLog, isSystemError } from './fallbacks.js';
import type { CopySettings, CopyStrategy } from './file-copy-options.js';
import { hashZeros } from './hash-zeros.js';
import { cloneFile, offloadFile } from './offload.js';
import { RateLimit } from './rate-limit.js';
import { chunkDefaults, readChunks } from './read-chunks.js';
import type { ReadFaults } from './read-faults.js';

/** Source and destination of a copy, and how to copy between them. */
export interface Filling {
  source: CoreHandle;
  destination: CoreHandle;
  /** Whether the destination has a temporary name. */
  hasTemporaryName: boolean;
  /** Opens the destination once more. */
  openAgain: (flags: number, options: OpenOptions) => Promise<CoreHandle>;
  shown: ShownPaths;
  /** Size of the source in bytes; null if unknown. */
  size: number | null;
  /** Bytes that the destination already has. */
  start: number;
  /** The hash, already fed the bytes before `start`. */
  hash: Hash | undefined;
  settings: CopySettings;
  fallbacks: FallbackLog;
  faults: ReadFaults;
  onProgress: (bytesDone: number) => void;
  onFlushed: (position: number) => void;
}

export interface Filled extends ContentResult {
  strategy: CopyStrategy;
  reason: string;
}

type Offer = 'clone' | 'offload';

/**
 * Copies the content by the requested strategy, or by the first that succeeds.
 * @throws errors of the strategies; CopyError if another option rules out the strategy
 */
export async function fill(filling: Filling): Promise<Filled> {
  const { strategy } = filling.settings;
  const pace = paceOf(filling.settings);
  if (strategy === 'engine') {
    const result = await fillByEngine(filling, pace);
    return { ...result, strategy, reason: 'it was asked for' };
  }
  if (strategy === 'auto') return fillByBest(filling, pace);
  const why = whyNot(strategy, filling);
  if (why !== undefined) {
    const { path, dest } = filling.shown;
    throw new CopyError('ERR_COPY_STRATEGY', `No ${strategy} of '${path}': ${why}`, path, dest);
  }
  const result = await runOffer(strategy, filling, pace);
  await hashSource(filling);
  return { ...result, strategy, reason: 'it was asked for' };
}

async function fillByBest(filling: Filling, pace: RateLimit | undefined): Promise<Filled> {
  const byEngine = whyEngine(filling);
  if (byEngine !== undefined) {
    const result = await fillByEngine(filling, pace);
    return { ...result, strategy: 'engine', reason: byEngine };
  }
  const refusals: string[] = [];
  let dataBytes = 0;
  let { start } = filling;
  for (const strategy of ['clone', 'offload'] as const) {
    const why = whyNot(strategy, filling);
    if (why !== undefined) {
      refusals.push(`no ${strategy}: ${why}`);
      continue;
    }
    const onProgress = (position: number): void => {
      dataBytes += position - start;
      start = position;
      filling.onProgress(position);
    };
    try {
      const result = await runOffer(strategy, { ...filling, onProgress }, pace);
      const reason = [...refusals, `the ${strategy} succeeded`].join('; ');
      return { ...result, strategy, reason };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusals.push(refusalText(strategy, error, start - filling.start));
      if (start > filling.start) filling.fallbacks.note('offload', error);
    }
  }
  const result = await fillByEngine({ ...filling, start }, pace);
  const reason = refusals.join('; ');
  return { ...result, dataBytes: result.dataBytes + dataBytes, strategy: 'engine', reason };
}

function refusalText(strategy: Offer, { code }: SystemError, moved: number): string {
  const shown = code === 'ENOTSUP' ? 'EOPNOTSUPP' : code;
  const where = moved > 0 ? ` after ${moved} bytes` : '';
  return `no ${strategy}: the system says ${shown}${where}`;
}

/** Returns why the system cannot copy, or undefined if it can. */
function whyNotSystem({ source, destination, size, settings }: Filling): string | undefined {
  if (destination.deviceType === 'block') return 'the destination is a device';
  if (source.deviceType === 'block') return 'the source is a device';
  if (size === null) return 'the source does not tell its size';
  if (settings.findHoles) return "options.sparse is 'always'";
  // The system may copy by sharing blocks, and then keeps holes.
  return settings.keepHoles ? undefined : "options.sparse is 'never'";
}

/** Returns why the options rule out a strategy, before the system is asked. */
function whyNot(strategy: Offer, filling: Filling): string | undefined {
  const isBegun = strategy === 'clone' && filling.start > 0;
  const { dontCache, readsUncached } = filling.settings;
  const isCaching = strategy === 'offload' && (dontCache || readsUncached);
  return (
    whyNotSystem(filling) ??
    (isBegun ? 'a part is there already' : undefined) ??
    (isCaching ? 'it would fill the cache' : undefined)
  );
}

/** Returns why only the engine can copy, or undefined if others can. */
function whyEngine(filling: Filling): string | undefined {
  if (filling.settings.unbuffered) return 'options.unbuffered asks for the engine';
  if (filling.hash !== undefined) return 'the bytes are hashed on their way';
  return whyNotSystem(filling);
}

const ofOffers = new Set(['clone', 'copy_file_range']);

/**
 * Whether to try the next strategy. File systems report all kinds of errors for copies that they
 * cannot make; an error of the files themselves recurs when they are read and written.
 */
function isRefusal(error: unknown): error is SystemError {
  return isSystemError(error) && ofOffers.has(error.syscall);
}

async function runOffer(
  strategy: Offer,
  filling: Filling,
  pace: RateLimit | undefined,
): Promise<ContentResult> {
  const { source, destination, start, settings, onProgress, onFlushed } = filling;
  const { signal } = settings;
  const size = filling.size as number;
  if (strategy === 'clone') {
    await cloneFile(source, destination, filling.hasTemporaryName, signal);
    // The clone has the size of this moment, and the source may have grown.
    const cloned = (await destination.stat()).size;
    if (cloned > size) await destination.truncate(size);
    const bytes = Math.min(cloned, size);
    onProgress(bytes);
    return { bytes, dataBytes: 0 };
  }
  await reserve(filling);
  if (await hasHoles(filling, size)) await makeSparse(destination, size);
  const onMoved = (position: number): void => {
    onProgress(position);
    onFlushed(position);
  };
  const bounds = { start, end: size };
  const { fallbacks } = filling;
  return offloadFile(source, destination, { bounds, pace, signal, onMoved, fallbacks });
}

/** Starts the limit on the rate of a copy, if it has one. */
export function paceOf({ rateLimit, signal }: CopySettings): RateLimit | undefined {
  const pace = rateLimit === undefined ? undefined : new RateLimit(rateLimit, signal);
  pace?.start();
  return pace;
}

/** @throws ENOSPC */
async function reserve(filling: Filling): Promise<void> {
  const { destination, openAgain, size, settings } = filling;
  if (!settings.preallocate || size === null || destination.deviceType === 'block') return;
  if (settings.findHoles || (await keepsHoles(filling))) return;
  // The file may lack read permission.
  const handle = await openAgain(constants.O_WRONLY, { preallocate: size });
  await handle.close();
}

/** Whether the copy leaves out the holes of its source. A device keeps what is not overwritten. */
async function keepsHoles(filling: Filling): Promise<boolean> {
  const { destination, size, settings } = filling;
  if (!settings.keepHoles || size === null || destination.deviceType === 'block') return false;
  return hasHoles(filling, size);
}

async function hasHoles({ source, fallbacks }: Filling, size: number): Promise<boolean> {
  if (source.deviceType === 'block') return false;
  for await (const { start, end } of dataRanges(source, { start: 0, end: size }, 1, fallbacks)) {
    return start > 0 || end < size;
  }
  return size > 0;
}

/** Lets a destination have holes. @param size of the complete file; null if unknown */
export async function makeSparse(destination: CoreHandle, size: number | null): Promise<void> {
  // A Windows file system without sparse files fills the holes itself.
  await destination.setSparse().catch(() => {});
  if (size === null) return;
  // XFS allocates ahead of writes that extend a file, and those blocks would stay in the holes. If
  // a file system refuses the size now, it is set when the file is complete.
  await destination.truncate(size).catch((error: unknown) => {
    if (!isSystemError(error)) throw error;
  });
}

async function fillByEngine(filling: Filling, pace: RateLimit | undefined): Promise<ContentResult> {
  const { source, destination, size, start, hash, settings, onProgress, onFlushed } = filling;
  const { signal, depth } = settings;
  await reserve(filling);
  const sparse = await keepsHoles(filling);
  const skipsZeros = settings.findHoles && destination.deviceType !== 'block';
  if (sparse || skipsZeros) await makeSparse(destination, size);
  const wanted = settings.chunkSize ?? chunkDefaults.chunkSize;
  const chunkSize = pace === undefined ? wanted : Math.min(wanted, pace.partMax);
  return copyContent(source, destination, size, {
    depth,
    chunkSize,
    signal,
    start,
    sparse,
    skipsZeros,
    onProgress,
    onFlushed,
    fallbacks: filling.fallbacks,
    faults: filling.faults,
    acceptsShort: settings.changed === 'accept',
    onChunk: async (bytes) => {
      hash?.update(bytes);
      await pace?.moved(bytes.byteLength);
    },
    onHole: async (_position, length) => {
      if (hash !== undefined) await hashZeros(hash, length, signal);
    },
  });
}

/** Reads the source for the hash after a copy whose bytes did not pass through this process. */
async function hashSource(filling: Filling): Promise<void> {
  const { source, size, start, hash, settings, faults } = filling;
  if (hash === undefined || size === null) return;
  const { depth, chunkSize, signal } = settings;
  const onChunk = (bytes: Buffer): void => void hash.update(bytes);
  const options = { depth, chunkSize, signal, onChunk, faults };
  await readChunks(source, { start, end: size }, options);
}

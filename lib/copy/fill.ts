import type { Hash } from 'node:crypto';
import { constants } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { openCore } from '../handle/open.js';
import { abortError, type SystemError } from '../node/errors.js';
import { nextTurn } from '../node/globals.js';
import { CopyError } from './copy-errors.js';
import { type ContentResult, copyFile } from './copy-file.js';
import { dataRanges } from './data-ranges.js';
import type { ShownPaths, SystemPath } from './destination.js';
import type { CopySettings, CopyStrategy } from './file-copy-options.js';
import { cloneFile, offloadFile } from './offload.js';
import { RateLimit } from './rate-limit.js';
import { chunkDefaults, readChunks } from './read-chunks.js';

/** What a destination is filled from and how. */
export interface Filling {
  source: CoreHandle;
  destination: CoreHandle;
  destinationPath: SystemPath;
  shown: ShownPaths;
  /** Bytes of the source; null for wherever it ends. */
  size: number | null;
  /** What of it is there already. */
  start: number;
  /** Has taken the bytes before `start`. */
  hash: Hash | undefined;
  settings: CopySettings;
  onProgress: (bytesDone: number) => void;
  onFlushed: (position: number) => void;
}

export interface Filled extends ContentResult {
  strategy: CopyStrategy;
  reason: string;
}

type Offer = 'clone' | 'offload';

/**
 * Copies the content by the strategy that is asked for, or by the first that can.
 * @throws what the strategies throw; CopyError for one that cannot do what else is asked for
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
  for (const strategy of ['clone', 'offload'] as const) {
    const why = whyNot(strategy, filling);
    if (why !== undefined) {
      refusals.push(`no ${strategy}: ${why}`);
      continue;
    }
    try {
      const result = await runOffer(strategy, filling, pace);
      const reason = [...refusals, `the ${strategy} succeeded`].join('; ');
      return { ...result, strategy, reason };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const code = error.code === 'ENOTSUP' ? 'EOPNOTSUPP' : error.code;
      refusals.push(`no ${strategy}: the system says ${code}`);
    }
  }
  const result = await fillByEngine(filling, pace);
  return { ...result, strategy: 'engine', reason: refusals.join('; ') };
}

/** What keeps the system from copying, whoever asks it. */
function whyNotSystem({ size, settings }: Filling): string | undefined {
  if (size === null) return 'the source does not say its size';
  // A system that copies may do so by sharing blocks, and holes with them.
  return settings.keepHoles ? undefined : "options.sparse is 'never'";
}

/** What keeps a strategy from doing what is asked for, but for what the system says. */
function whyNot(strategy: Offer, filling: Filling): string | undefined {
  const isBegun = strategy === 'clone' && filling.start > 0;
  return whyNotSystem(filling) ?? (isBegun ? 'a part is there already' : undefined);
}

/** Why nobody but the engine is to be asked. */
function whyEngine(filling: Filling): string | undefined {
  if (filling.settings.unbuffered) return 'options.unbuffered asks for the engine';
  if (filling.hash !== undefined) return 'the bytes are hashed on their way';
  return whyNotSystem(filling);
}

// What systems say of calls that they do not know, or not between these two files. EISDIR is how
// libuv has ERROR_INVALID_FUNCTION.
const refusalCodes = new Set([
  'EINVAL',
  'EISDIR',
  'ENOSYS',
  'ENOTSUP',
  'ENOTTY',
  'EOPNOTSUPP',
  'EPERM',
  'ETXTBSY',
  'EXDEV',
]);
const ofOffers = new Set(['clone', 'copy_file_range']);

function isRefusal(error: unknown): error is SystemError {
  const { code = '', syscall = '' } = error as Partial<SystemError>;
  return ofOffers.has(syscall) && refusalCodes.has(code);
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
    await cloneFile(source, destination, signal);
    onProgress(size);
    return { bytes: size, dataBytes: 0 };
  }
  await reserve(filling);
  if (await hasHoles(source, size)) await makeSparse(destination, size);
  const onMoved = (position: number): void => {
    onProgress(position);
    onFlushed(position);
  };
  const bounds = { start, end: size };
  return offloadFile(source, destination, { bounds, pace, signal, onMoved });
}

function paceOf({ rateLimit, signal }: CopySettings): RateLimit | undefined {
  const pace = rateLimit === undefined ? undefined : new RateLimit(rateLimit, signal);
  pace?.start();
  return pace;
}

/** @throws ENOSPC */
async function reserve({ source, destinationPath, size, settings }: Filling): Promise<void> {
  const { preallocate, keepHoles } = settings;
  if (!preallocate || size === null) return;
  if (keepHoles && (await hasHoles(source, size))) return;
  // It may be one that nobody may read.
  const handle = await openCore(destinationPath, constants.O_WRONLY, { preallocate: size });
  await handle.close();
}

async function hasHoles(source: CoreHandle, size: number): Promise<boolean> {
  for await (const { start, end } of dataRanges(source, { start: 0, end: size }, 1)) {
    return start > 0 || end < size;
  }
  return size > 0;
}

const zeros = Buffer.alloc(256 * 1024);
const zerosPerTurn = 64;

/** Hashes a hole; the event loop turns meanwhile. */
async function hashZeros(hash: Hash, length: number, signal?: AbortSignal): Promise<void> {
  for (let left = length, parts = 1; left > 0; left -= zeros.byteLength, parts++) {
    hash.update(left >= zeros.byteLength ? zeros : zeros.subarray(0, left));
    if (parts % zerosPerTurn === 0) await nextTurn();
    if (signal?.aborted) throw abortError(signal);
  }
}

async function makeSparse(destination: CoreHandle, size: number): Promise<void> {
  // A file system of Windows without sparse files fills the holes by itself.
  await destination.setSparse().catch(() => {});
  // XFS allocates more than is written where a file grows, and keeps it where that becomes a hole.
  await destination.truncate(size);
}

async function fillByEngine(filling: Filling, pace: RateLimit | undefined): Promise<ContentResult> {
  const { source, destination, size, start, hash, settings, onProgress, onFlushed } = filling;
  const { signal, depth, keepHoles } = settings;
  await reserve(filling);
  const sparse = keepHoles && size !== null && (await hasHoles(source, size));
  if (sparse) await makeSparse(destination, size);
  const wanted = settings.chunkSize ?? chunkDefaults.chunkSize;
  const chunkSize = pace === undefined ? wanted : Math.min(wanted, pace.partMax);
  return copyFile(source, destination, size, {
    depth,
    chunkSize,
    signal,
    start,
    sparse,
    onProgress,
    onFlushed,
    onChunk: async (bytes) => {
      hash?.update(bytes);
      await pace?.moved(bytes.byteLength);
    },
    onHole: async (_position, length) => {
      if (hash !== undefined) await hashZeros(hash, length, signal);
    },
  });
}

/** Of what is copied without its bytes coming by, the source is read for the hash. */
async function hashSource({ source, size, start, hash, settings }: Filling): Promise<void> {
  if (hash === undefined || size === null) return;
  const { depth, chunkSize, signal } = settings;
  const onChunk = (bytes: Buffer): void => void hash.update(bytes);
  await readChunks(source, { start, end: size }, { depth, chunkSize, signal, onChunk });
}

import { createHash, type Hash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { abortError } from '../errors.js';
import type { FileHandle } from '../file-handle.js';
import { copyFile } from './copy-file.js';
import type { CopySettings, CopyStrategy } from './copy-options.js';
import { RateLimit } from './rate-limit.js';
import { chunkDefaults } from './read-chunks.js';

/** What a destination is filled from and how. */
export interface Filling {
  source: FileHandle;
  destination: FileHandle;
  /** Bytes of the source; null for wherever it ends. */
  size: number | null;
  /** What of it is there already. */
  start: number;
  /** Has taken the bytes before `start`. */
  hash: Hash | undefined;
  settings: CopySettings;
  onProgress: (bytesDone: number) => void;
  onFlushed: ((position: number) => void) | undefined;
}

export interface Filled {
  bytes: number;
  dataBytes: number;
  strategy: CopyStrategy;
  reason: string;
}

/** Copies the content by the strategy that is asked for, or by the first that can. */
export async function fill(filling: Filling): Promise<Filled> {
  const result = await fillByEngine(filling);
  return { ...result, strategy: 'engine', reason: 'it was asked for' };
}

const zeros = Buffer.alloc(256 * 1024);
const zerosPerTurn = 64;

/** Hashes a hole; the event loop turns meanwhile. */
async function hashZeros(hash: Hash, length: number, signal?: AbortSignal): Promise<void> {
  for (let left = length, parts = 1; left > 0; left -= zeros.byteLength, parts++) {
    hash.update(left >= zeros.byteLength ? zeros : zeros.subarray(0, left));
    if (parts % zerosPerTurn === 0) await turn();
    if (signal?.aborted) throw abortError(signal);
  }
}

function fillByEngine(filling: Filling): Promise<{ bytes: number; dataBytes: number }> {
  const { source, destination, size, start, hash, settings, onProgress, onFlushed } = filling;
  const { signal, rateLimit, depth, keepHoles } = settings;
  const pace = rateLimit === undefined ? undefined : new RateLimit(rateLimit, signal);
  pace?.start();
  const wanted = settings.chunkSize ?? chunkDefaults.chunkSize;
  const chunkSize = pace === undefined ? wanted : Math.min(wanted, pace.partMax);
  return copyFile(source, destination, size, {
    depth,
    chunkSize,
    signal,
    start,
    sparse: keepHoles,
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

export function newHash(algorithm: string | undefined): Hash | undefined {
  return algorithm === undefined ? undefined : createHash(algorithm);
}

import { Buffer } from 'node:buffer';
import type { Hash } from 'node:crypto';
import { abortError } from '../node/errors.js';
import { nextTurn } from '../node/globals.js';

const zeros = Buffer.alloc(256 * 1024);
const zerosPerTurn = 64;

/** Hashes the zeros of a hole, yielding to the event loop. */
export async function hashZeros(hash: Hash, length: number, signal?: AbortSignal): Promise<void> {
  for (let left = length, parts = 1; left > 0; left -= zeros.byteLength, parts++) {
    hash.update(left >= zeros.byteLength ? zeros : zeros.subarray(0, left));
    if (parts % zerosPerTurn === 0) await nextTurn();
    if (signal?.aborted) throw abortError(signal);
  }
}

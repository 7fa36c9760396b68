import { setMaxListeners } from 'node:events';
import { AbortSignal } from '../../node/globals.js';

/** Returns a signal for many files at a time, without Node's warning about many listeners. */
export function signalForMany(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const own = AbortSignal.any([signal]);
  setMaxListeners(0, own);
  return own;
}

import { setMaxListeners } from 'node:events';
import { AbortSignal } from '../../node/globals.js';

/** A signal for many files at a time; with the given one Node would warn of so many listeners. */
export function signalForMany(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const own = AbortSignal.any([signal]);
  setMaxListeners(0, own);
  return own;
}

import process from 'node:process';
import { setImmediate } from '../node/globals.js';

// Node emits 'beforeExit' when the event loop has no work left, and again whenever a listener has
// added some. An operation that completes before its submission returns never reaches the loop, so
// while the process is about to exit such an operation gives the loop a turn.

let isNearExit = false;

/** Called once when the engine starts, which may happen in a listener of 'beforeExit'. */
export function watchExit(): void {
  isNearExit = true;
  process.prependListener('beforeExit', () => {
    isNearExit = true;
  });
}

/** Called when operations were done before their submission returned. */
export function giveLoopATurn(): void {
  if (!isNearExit) return;
  isNearExit = false;
  setImmediate(() => {});
}

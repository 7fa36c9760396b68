import { setImmediate } from '../node/globals.js';

// Node emits 'beforeExit' when the event loop has nothing left to do, and again whenever a listener
// has given it something. An operation that is done before its submission returns never reaches the
// loop, so while the process is about to exit such an operation gives the loop a turn.

let isNearExit = false;

/** To be called once, when the engine starts: that may be in a listener of 'beforeExit'. */
export function watchExit(): void {
  isNearExit = true;
  process.prependListener('beforeExit', () => {
    isNearExit = true;
  });
}

/** To be called when operations were done before their submission returned. */
export function giveLoopATurn(): void {
  if (!isNearExit) return;
  isNearExit = false;
  setImmediate(() => {});
}

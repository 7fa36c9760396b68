import { hrtime as liveHrtime, nextTick as liveNextTick } from 'node:process';
import * as timers from 'node:timers';

// Globals and functions that tests replace (fake timers, jsdom, happy-dom), as they were when the
// package was loaded. The package needs them for work that the program is not testing: with a faked
// nextTick no callback would ever run. Types are told by their tags (node:util/types), because a
// test environment may have a Uint8Array of its own.

export const nextTick = liveNextTick;
export const { queueMicrotask, AbortController, AbortSignal } = globalThis;
export type AbortController = globalThis.AbortController;
export type AbortSignal = globalThis.AbortSignal;
export const { setTimeout, clearTimeout, setImmediate } = timers;

const { bigint: nanoseconds } = liveHrtime;

/** Milliseconds of a clock that is never set. */
export function monotonicMs(): number {
  return Number(nanoseconds()) / 1e6;
}

/** Resolves after some time, or when the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal?.aborted) end();
    else signal?.addEventListener('abort', end, { once: true });
  });
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

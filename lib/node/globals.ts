import { EventEmitter } from 'node:events';
import { hrtime as liveHrtime, nextTick as liveNextTick } from 'node:process';
import timers from 'node:timers';

// Globals and functions that test tools replace (fake timers, jsdom, happy-dom), as they were when
// the package was loaded. The package's own work must not depend on the replacements: with a
// fake nextTick, no callback would ever run. Types are checked by their tags (node:util/types),
// because a test environment may define a Uint8Array of its own.

export const nextTick = liveNextTick;
export const { queueMicrotask, AbortController, AbortSignal } = globalThis;
export type AbortController = globalThis.AbortController;
export type AbortSignal = globalThis.AbortSignal;
export const { setTimeout, clearTimeout, setImmediate, clearImmediate } = timers;

/** The method of the class, which programs replace to see the events of all emitters. */
export const { emit: nodesEmit } = EventEmitter.prototype;

const { bigint: nanoseconds } = liveHrtime;

/** Milliseconds on a monotonic clock. */
export function monotonicMs(): number {
  return Number(nanoseconds()) / 1e6;
}

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
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

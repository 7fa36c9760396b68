import { systemError, unavailable } from '../node/errors.js';
import { validateInteger } from '../node/validate.js';
import { getEngine } from './engine.js';
import type { EngineKind, EngineStats } from './native.js';

const workingSetMax = 2 ** 40;

/** The engine in use, why a better one is not available, and its counters. */
export const engine = {
  /** 'iocp', 'uring' or 'threadpool'. */
  get kind(): EngineKind {
    return getEngine().kind;
  },
  /** Why a better engine is not available; null if the best one is in use. */
  get reason(): string | null {
    return getEngine().reason;
  },
  /** Counts since the start of the engine in this thread. */
  stats(): EngineStats {
    return getEngine().stats();
  },
  /**
   * Windows: raises the minimum and maximum of memory that the process keeps resident. The system
   * locks the buffers of transfers in flight within it, and may run out when many large ones are in
   * flight: `stats().retried` then counts the operations that wait. See
   * https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-setprocessworkingsetsize
   * @param bytes bytes to add to the current minimum
   * @returns the new minimum in bytes
   * @throws ERR_OUT_OF_RANGE; ERR_INVALID_ARG_TYPE; EPERM and other system errors;
   *   ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on other systems
   */
  growWorkingSet(bytes: number): number {
    validateInteger(bytes, 'bytes', 1, workingSetMax);
    const { native } = getEngine();
    if (native.growWorkingSet === undefined) throw unavailable('growWorkingSet');
    const least = native.growWorkingSet(bytes);
    if (least < 0) throw systemError(least, { syscall: 'SetProcessWorkingSetSize' });
    return least;
  },
} as const;

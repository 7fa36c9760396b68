import { flushEngine } from '../engine/started.js';
import { likeNode } from '../node/like-node.js';

type AnyFunction = (...given: never[]) => unknown;

/**
 * Wraps a function so that requests made earlier in this turn are submitted before it runs. At that
 * time a descriptor still refers to its file, and the umask is the one for new files.
 */
export function flushBefore(next: AnyFunction): AnyFunction {
  const flushing = (...given: never[]): unknown => {
    flushEngine();
    return Reflect.apply(next, undefined, given);
  };
  return likeNode(flushing, next);
}

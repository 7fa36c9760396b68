import { flushEngine } from '../engine/engine.js';
import { likeNode } from '../node/like-node.js';

type AnyFunction = (...given: never[]) => unknown;

/**
 * A function that hands over what has been asked for in this turn before it calls another: until
 * then a number stands for its file, and the umask is the one that new files get.
 */
export function flushBefore(next: AnyFunction): AnyFunction {
  const flushing = (...given: never[]): unknown => {
    flushEngine();
    return next(...given);
  };
  return likeNode(flushing, next);
}

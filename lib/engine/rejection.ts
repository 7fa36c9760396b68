import { giveCallersStack, withoutStack } from '../node/own-frames.js';

const resolved = Promise.resolve();

function nothing(): void {}

/**
 * Returns a promise that rejects two turns of the microtask queue later. V8 follows the chain of
 * promises from the reaction in which an Error gets its stack to the functions that wait for it. A
 * promise that is resolved with this one is part of the chain by then; one turn is too early.
 */
export function rejectionWith(makeError: () => Error): Promise<never> {
  const fail = (): never => {
    const error = withoutStack(makeError);
    giveCallersStack(error, fail);
    throw error;
  };
  return resolved.then(nothing).then(fail);
}

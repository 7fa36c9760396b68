import { isPromise } from 'node:util/types';
import { nextTick } from '../node/globals.js';
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

/** The failure of an operation that has run before the call that started it returned. */
export class FailedNow {
  readonly makeError: () => Error;
  constructor(makeError: () => Error) {
    this.makeError = makeError;
  }
}

/** Returns a promise for the outcome of an operation that ended before the call returned. */
export function settledWith<T>(value: T | FailedNow): Promise<T> {
  return value instanceof FailedNow ? rejectionWith(value.makeError) : Promise.resolve(value);
}

/** A callback of node:fs. It gets no second argument if the result is undefined. */
export type Callback<T = unknown> = (error: unknown, result?: T) => void;

/** Calls back with a result after the current function has returned. */
export function tickCallback<T>(callback: Callback<T>, result: T): void {
  if (result === undefined) nextTick(callback, null);
  else nextTick(callback as (error: unknown, result: T) => void, null, result);
}

/** Calls back with an error, made now, after the current function has returned. */
export function tickFailure(callback: Callback<never>, makeError: () => Error): void {
  let error: unknown;
  try {
    error = withoutStack(makeError);
  } catch (thrown) {
    // By a signal, which is the user's object.
    error = thrown;
  }
  nextTick(callback, error);
}

/** Turns the value of an operation into the result. */
export type Later<T> = (value: never) => T | PromiseLike<T>;

/** Calls back with the value of an operation, or with what `later` makes of it. */
function tickValue<T>(callback: Callback<T>, value: unknown, later: Later<T> | undefined): void {
  if (later === undefined) {
    tickCallback(callback, value as T);
    return;
  }
  let result: T | PromiseLike<T>;
  try {
    result = later(value as never);
  } catch (error) {
    nextTick(callback, error);
    return;
  }
  if (isPromise(result)) callBack(result as Promise<T>, callback);
  else tickCallback(callback, result as T);
}

/** The functions that settle an operation. */
interface Settling {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  fail: ((makeError: () => Error) => void) | undefined;
}

/** Lets an operation call back, without a promise. */
export function settleBy<T>(to: Settling, callback: Callback<T>, later?: Later<T>): void {
  to.resolve = (value) => tickValue(callback, value, later);
  to.reject = (error) => nextTick(callback, error);
  to.fail = (makeError) => tickFailure(callback, makeError);
}

/**
 * Calls back when a promise has settled. The callback runs outside the promise reaction, so that an
 * exception in it is uncaught instead of becoming a rejection.
 */
export function callBack<T>(promise: Promise<T>, callback: Callback<T>): void {
  promise.then(
    (result) => tickCallback(callback, result),
    (error) => nextTick(callback, error),
  );
}

/** Calls back with what `later` makes of a value. A promise keeps the asynchronous context. */
export function callBackInContext<T>(
  promise: Promise<unknown>,
  later: Later<T> | undefined,
  callback: Callback<T>,
): void {
  const result = later === undefined ? promise : promise.then(later as (value: unknown) => T);
  callBack(result as Promise<T>, callback);
}

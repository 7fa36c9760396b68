import { AbortError, abortError, errnoOf, type Subject, systemError } from '../node/errors.js';
import { ownOptions } from '../node/own-options.js';
import type { Completion } from './completion.js';
import type { AbortWatch, Failure } from './operation.js';

/** The part of an operation that its error shows. */
interface Failed {
  readonly subject: Subject;
  readonly watch?: AbortWatch | undefined;
}

/** Copies the failure of an operation from its completion. */
export function failureOf(completion: Completion): Failure {
  return {
    error: completion.error,
    osError: completion.osError,
    step: completion.failedStep,
    mayHaveMovedBytes: completion.mayHaveMovedBytes,
    place: completion.takeFailedPath(),
  };
}

const canceledError = errnoOf('ECANCELED');

/**
 * Returns a function that makes the error of a failed operation, whose record is reused before the
 * error is made. A signal is the user's object: its `reason` may throw when it is read, and the
 * operation then fails with that error.
 * @param failure undefined if the operation was canceled before it was submitted
 */
export function errorMaker({ subject, watch }: Failed, failure?: Failure): () => Error {
  const signal = watch?.signal;
  if (failure !== undefined && failure.error !== canceledError) {
    return () => systemErrorOf(subject, failure);
  }
  const mayHaveMovedBytes = failure?.mayHaveMovedBytes ?? false;
  return () =>
    signal?.aborted
      ? abortError(signal, mayHaveMovedBytes)
      : new AbortError(undefined, mayHaveMovedBytes);
}

function systemErrorOf(subject: Subject, { error, osError, step, place }: Failure): Error {
  const { laterSteps, showPlace, isNamedLater } = ownOptions(subject);
  const laterStep = step === 0 ? undefined : laterSteps?.[step - 1];
  const syscall = laterStep ?? subject.syscall;
  if (showPlace !== undefined && place !== undefined) {
    return systemError(error, { syscall, path: showPlace(place) }, osError);
  }
  // As in Node, mostly only the step that works on the path names it.
  const isNamed = laterSteps === undefined || step === 0 || isNamedLater === true;
  return systemError(error, isNamed ? { ...subject, syscall } : { syscall }, osError);
}

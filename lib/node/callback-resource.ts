import { AsyncResource } from 'node:async_hooks';

type Callback<Arguments extends unknown[]> = (...given: Arguments) => void;

const manually = { requireManualDestroy: true };

/**
 * Makes a callback run in an asynchronous resource of its own. As with node:fs, async_hooks reports
 * the resource as FSREQCALLBACK, from the call of the function until the callback has returned.
 */
export function asRequest<Arguments extends unknown[]>(
  callback: Callback<Arguments>,
): Callback<Arguments> {
  const resource = new AsyncResource('FSREQCALLBACK', manually);
  return (...given) => {
    try {
      resource.runInAsyncScope(callback, undefined, ...given);
    } finally {
      resource.emitDestroy();
    }
  };
}

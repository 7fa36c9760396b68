import { AsyncResource } from 'node:async_hooks';
import { bindingOf } from './layers.js';

type Callback<Arguments extends unknown[]> = (...given: Arguments) => void;

const manually = { requireManualDestroy: true };

// Node 20 and 22 show how many hooks there are, and whether a program asks for the resource. Later
// versions and other runtimes do not.
interface AsyncWrap {
  readonly async_hook_fields?: Uint32Array;
  readonly constants?: { readonly kTotals?: number; readonly kUsesExecutionAsyncResource?: number };
}
const { async_hook_fields: hookFields, constants = {} } = (bindingOf('async_wrap') ??
  {}) as AsyncWrap;
const { kTotals, kUsesExecutionAsyncResource } = constants;
const showsHooks =
  hookFields !== undefined && kTotals !== undefined && kUsesExecutionAsyncResource !== undefined;

function isUnseen(): boolean {
  if (!showsHooks) return false;
  return hookFields[kTotals] === 0 && hookFields[kUsesExecutionAsyncResource] === 0;
}

/**
 * Makes a callback run in an asynchronous resource of its own. As with node:fs, async_hooks reports
 * the resource as FSREQCALLBACK, from the call of the function until the callback has returned. If
 * nothing can see it, the resource of the tick in which the callback runs has to do.
 */
export function asRequest<Arguments extends unknown[]>(
  callback: Callback<Arguments>,
): Callback<Arguments> {
  if (isUnseen()) return callback;
  const resource = new AsyncResource('FSREQCALLBACK', manually);
  return (...given) => {
    try {
      resource.runInAsyncScope(callback, undefined, ...given);
    } finally {
      resource.emitDestroy();
    }
  };
}

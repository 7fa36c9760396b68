import { invalidArgType } from '../node/errors.js';
import { CoreHandle } from './core-handle.js';

/**
 * The key under which a public FileHandle keeps its core: a getter of its class, since a WeakMap
 * costs more than all the rest of a handle.
 */
export const coreKey: unique symbol = Symbol('core');

/** Returns the core of a public FileHandle; undefined for other values. */
export function coreOf(handle: unknown): CoreHandle | undefined {
  const core = (handle as { [coreKey]?: unknown } | null | undefined)?.[coreKey];
  return core instanceof CoreHandle ? core : undefined;
}

/** Returns the core of a public FileHandle. @throws ERR_INVALID_ARG_TYPE for other values */
export function requireCore(handle: unknown, name: string): CoreHandle {
  const core = coreOf(handle);
  if (core !== undefined) return core;
  throw invalidArgType(name, 'an instance of FileHandle of this package', handle);
}

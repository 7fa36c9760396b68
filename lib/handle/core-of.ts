import { invalidArgType } from '../node/errors.js';
import type { CoreHandle } from './core-handle.js';
import type { PublicHandle } from './public-handle.js';

const cores = new WeakMap<object, CoreHandle>();

/** The core of a public FileHandle; undefined for everything else. */
export function coreOf(handle: unknown): CoreHandle | undefined {
  return typeof handle === 'object' && handle !== null ? cores.get(handle) : undefined;
}

/** The core of a public FileHandle. @throws ERR_INVALID_ARG_TYPE for everything else */
export function requireCore(handle: unknown, name: string): CoreHandle {
  const core = coreOf(handle);
  if (core !== undefined) return core;
  throw invalidArgType(name, 'an instance of FileHandle of this package', handle);
}

/** Says which core a public FileHandle stands for. */
export function setCoreOf(handle: PublicHandle, core: CoreHandle): void {
  cores.set(handle, core);
}

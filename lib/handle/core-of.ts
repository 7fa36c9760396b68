import { invalidArgType } from '../node/errors.js';
import type { Alignment } from '../transfer/alignment.js';
import type { CloseOptions, CoreHandle } from './core-handle.js';
import type { DeviceType } from './opened-file.js';

/** What the rooms below the public FileHandle see of it. */
export interface PublicHandle {
  readonly alignment: Alignment | null;
  readonly deviceType: DeviceType;
  readonly fd: number;
  sync(): Promise<void>;
  close(options?: CloseOptions): Promise<void>;
}

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

import type { Alignment } from '../transfer/alignment.js';
import type { DeviceType } from './opened-file.js';

/** Options of FileHandle.stat(). */
export interface StatHandleOptions {
  /** Numbers as bigints, times also in nanoseconds. Default false. */
  bigint?: boolean | undefined;
  /** Aborts it. */
  signal?: AbortSignal | undefined;
}

/** Options of FileHandle.close(). */
export interface CloseOptions {
  /** Cancels what is in flight. Default false: close() waits for it. */
  cancel?: boolean | undefined;
}

/** What the rooms below the public FileHandle see of it. */
export interface PublicHandle {
  readonly alignment: Alignment | null;
  readonly deviceType: DeviceType;
  readonly fd: number;
  sync(): Promise<void>;
  close(options?: CloseOptions): Promise<void>;
}

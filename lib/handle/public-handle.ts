import type { Alignment } from '../transfer/alignment.js';
import type { DeviceType } from './opened-file.js';

/** Options of FileHandle.stat(). */
export interface StatHandleOptions {
  /** Returns numbers as bigints, and times also in nanoseconds. Default false. */
  bigint?: boolean | undefined;
  /** Aborts the operation. */
  signal?: AbortSignal | undefined;
}

/** Options of FileHandle.close(). */
export interface CloseOptions {
  /** Cancels operations in flight. Default false: close() waits for them. */
  cancel?: boolean | undefined;
}

/** The part of the public FileHandle that lower layers use. */
export interface PublicHandle {
  readonly alignment: Alignment | null;
  readonly deviceType: DeviceType;
  readonly fd: number;
  sync(): Promise<void>;
  close(options?: CloseOptions): Promise<void>;
}

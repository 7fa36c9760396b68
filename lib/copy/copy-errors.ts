import { giveCallersStack } from '../node/own-frames.js';

/** Reasons for refusing a copy before anything is changed. */
export type CopyErrorCode =
  /** Source and destination are the same file, perhaps under different names. */
  | 'ERR_COPY_SAME_FILE'
  /** One path is a device, a socket or another file without an end or content. */
  | 'ERR_COPY_FILE_TYPE'
  /** The destination has other names, or is a link, and would be updated in place. */
  | 'ERR_COPY_LINK'
  /** The requested strategy contradicts another option. */
  | 'ERR_COPY_STRATEGY'
  /** The destination is a device that is in use, or whose content the copy would destroy. */
  | 'ERR_COPY_DEVICE';

/** Thrown before anything is changed, when a source cannot be copied to a destination. */
export class CopyError extends Error {
  /** The reason. */
  readonly code: CopyErrorCode;
  /** The source, as the caller named it. */
  readonly path: string;
  /** The destination, if the error concerns it. */
  readonly dest: string | undefined;

  constructor(code: CopyErrorCode, message: string, path: string, dest?: string) {
    super(message);
    this.name = 'CopyError';
    giveCallersStack(this, CopyError);
    this.code = code;
    this.path = path;
    this.dest = dest;
  }
}

/** Thrown when a copy, read back, differs from its source. The copy has been removed. */
export class VerifyError extends Error {
  /** Always this code. */
  readonly code = 'ERR_VERIFY_FAILED';
  /** The source, as the caller named it. */
  readonly path: string;
  /** The destination, as the caller named it. */
  readonly dest: string;
  /** Digest of the source, in hexadecimal. */
  readonly expected: string;
  /** Digest of the copy as it was read back, in hexadecimal. */
  readonly actual: string;

  constructor(path: string, dest: string, expected: string, actual: string) {
    super(`The copy of '${path}' to '${dest}' is not the same: read ${expected}, got ${actual}`);
    this.name = 'VerifyError';
    giveCallersStack(this, VerifyError);
    this.path = path;
    this.dest = dest;
    this.expected = expected;
    this.actual = actual;
  }
}

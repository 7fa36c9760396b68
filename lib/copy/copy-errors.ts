/** What keeps two paths from being copied from and to, before anything is touched. */
export type CopyErrorCode =
  /** Source and destination are one file, by whatever names. */
  | 'ERR_COPY_SAME_FILE'
  /** One of them is a device, a socket or the like, which has no end or no content. */
  | 'ERR_COPY_FILE_TYPE'
  /** A strategy that was asked for cannot do what else was asked for. */
  | 'ERR_COPY_STRATEGY';

/** Thrown before anything is changed: a source and destination that cannot be copied. */
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
    this.code = code;
    this.path = path;
    this.dest = dest;
  }
}

/** What was read back of a copy is not what was read from its source. The copy has been removed. */
export class VerifyError extends Error {
  /** Always this code. */
  readonly code = 'ERR_VERIFY_FAILED';
  /** The source, as the caller named it. */
  readonly path: string;
  /** The destination, as the caller named it. */
  readonly dest: string;
  /** Digest of the source, in hexadecimal. */
  readonly expected: string;
  /** Digest of what was read back. */
  readonly actual: string;

  constructor(path: string, dest: string, expected: string, actual: string) {
    super(`The copy of '${path}' to '${dest}' is not the same: read ${expected}, got ${actual}`);
    this.name = 'VerifyError';
    this.path = path;
    this.dest = dest;
    this.expected = expected;
    this.actual = actual;
  }
}

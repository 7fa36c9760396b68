/** Reasons for refusing a manifest. */
export type ManifestErrorCode =
  /** A line is not in the format of sha256sum, or its algorithm is unknown. */
  | 'ERR_MANIFEST_FORMAT'
  /** A line names an absolute path, or one that leads out of the folder. */
  | 'ERR_MANIFEST_PATH';

/** Thrown for a manifest that cannot be used, before any file is read. */
export class ManifestError extends Error {
  /** The reason. */
  readonly code: ManifestErrorCode;
  /** The manifest. */
  readonly path: string;
  /** Number of the line, from 1. */
  readonly line: number;

  constructor(code: ManifestErrorCode, message: string, { path, line }: ManifestPosition) {
    super(`${message}: '${path}', line ${line}`);
    this.name = 'ManifestError';
    this.code = code;
    this.path = path;
    this.line = line;
  }
}

/** A line of a manifest. */
export interface ManifestPosition {
  path: string;
  line: number;
}

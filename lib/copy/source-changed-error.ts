/**
 * A file was written to, cut or extended while it was read, so the bytes that were read are no
 * state that the file ever had.
 */
export class SourceChangedError extends Error {
  /** Always this code. */
  readonly code = 'ERR_SOURCE_CHANGED';
  /** Bytes of the file when the reading began. */
  readonly expectedSize: number;
  /** Bytes of the file afterwards; the same if its content changed but not its size. */
  readonly actualSize: number;

  constructor(expectedSize: number, actualSize: number) {
    super(
      expectedSize === actualSize
        ? 'The source was written to while it was read'
        : `The source had ${expectedSize} bytes when its reading began, and now has ${actualSize}`,
    );
    this.name = 'SourceChangedError';
    this.expectedSize = expectedSize;
    this.actualSize = actualSize;
  }
}

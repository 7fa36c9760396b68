import { giveCallersStack } from '../node/own-frames.js';

/**
 * Thrown when a file was written to, cut or extended while it was read. The bytes that were read
 * may mix several states of the file.
 */
export class SourceChangedError extends Error {
  /** Always this code. */
  readonly code = 'ERR_SOURCE_CHANGED';
  /** Bytes of the file when reading began. */
  readonly expectedSize: number;
  /** Bytes of the file afterwards; equal to `expectedSize` if only the content changed. */
  readonly actualSize: number;

  constructor(expectedSize: number, actualSize: number) {
    super(
      expectedSize === actualSize
        ? 'The source was written to while it was read'
        : `The source had ${expectedSize} bytes when its reading began, and now has ${actualSize}`,
    );
    this.name = 'SourceChangedError';
    giveCallersStack(this, SourceChangedError);
    this.expectedSize = expectedSize;
    this.actualSize = actualSize;
  }
}

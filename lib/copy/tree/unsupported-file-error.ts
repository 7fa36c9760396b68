import type { SpecialKind } from './tree-entry.js';

/** Reported for an entry of a tree without content to copy: a FIFO, a socket, a device. */
export class UnsupportedFileError extends Error {
  /** Always this code. */
  readonly code = 'ERR_UNSUPPORTED_FILE';
  /** 'fifo', 'socket' or a kind of device. */
  readonly kind: SpecialKind;
  /** The path of the file. */
  readonly path: string;

  constructor(kind: SpecialKind, path: string) {
    super(`A file of the kind '${kind}' is not copied: '${path}'`);
    this.name = 'UnsupportedFileError';
    this.kind = kind;
    this.path = path;
  }
}

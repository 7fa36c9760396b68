import { constants } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import type { OpenOptions } from '../handle/open-options.js';
import { VerifyError } from './copy-errors.js';
import type { ShownPaths } from './destination.js';
import type { CopySettings, ReadSource } from './file-copy-options.js';
import { hashHandle } from './hash-file.js';
import { makeHash } from './make-hash.js';

/** The copy that is read back. */
export interface ReadBack {
  /** Digest of the source. */
  expected: string;
  /** Bytes of the copy; a device may have more. */
  bytes: number;
  /** Opens the copy. */
  openIt: (flags: number, options: OpenOptions) => Promise<CoreHandle>;
  shown: ShownPaths;
  settings: CopySettings;
  /** Called with the number of bytes read so far. */
  onProgress: (bytesDone: number) => void;
}

/** Reads a copy back, past the cache where possible. @throws VerifyError */
export async function readBack({
  expected,
  bytes,
  openIt,
  shown,
  settings,
  onProgress,
}: ReadBack): Promise<ReadSource> {
  const { hash: algorithm, depth, chunkSize, signal } = settings;
  onProgress(0);
  const unbuffered = settings.unbuffered || 'prefer';
  const handle = await openIt(constants.O_RDONLY, { unbuffered, signal, access: 'sequential' });
  try {
    const hash = makeHash(algorithm, 'options.hash');
    await hashHandle(hash, handle, {
      ...{ depth, chunkSize, signal },
      ...(handle.deviceType === 'block' ? { end: bytes } : {}),
      onProgress: (progress) => onProgress(progress.bytes),
    });
    const actual = hash.digest('hex');
    if (actual !== expected) throw new VerifyError(shown.path, shown.dest, expected, actual);
    return handle.alignment === null ? 'cache' : 'disk';
  } finally {
    await handle.close();
  }
}

import type { Hash } from 'node:crypto';
import { constants } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import type { OpenOptions } from '../handle/open-options.js';
import { VerifyError } from './copy-errors.js';
import type { DataRange } from './data-ranges.js';
import type { ShownPaths } from './destination.js';
import { openingOf } from './disk-options.js';
import type { CopySettings, ReadSource } from './file-copy-options.js';
import { hashHandle } from './hash-file.js';
import { makeHash } from './make-hash.js';
import { type ChunkOptions, readChunks } from './read-chunks.js';

/** The copy that is read back. */
export interface ReadBack {
  /** Digest of the source. */
  expected: string;
  /** The parts of the copy that are read, in order. Default: the whole file. */
  ranges: readonly DataRange[] | undefined;
  /** Opens the copy. */
  openIt: (flags: number, options: OpenOptions) => Promise<CoreHandle>;
  shown: ShownPaths;
  settings: CopySettings;
  /** Called with the number of bytes read so far. */
  onProgress: (bytesDone: number) => void;
}

/** Hashes parts of a file; `onMoved` gets the number of bytes read so far. */
async function hashRanges(
  hash: Hash,
  handle: CoreHandle,
  ranges: readonly DataRange[],
  options: ChunkOptions & { onMoved: (bytesDone: number) => void },
): Promise<void> {
  let done = 0;
  for (const range of ranges) {
    await readChunks(handle, range, {
      ...options,
      onChunk: (bytes) => void hash.update(bytes),
      onMoved: (bytes) => {
        done += bytes;
        options.onMoved(done);
      },
    });
  }
}

/** Reads a copy back, past the cache where possible. @throws VerifyError */
export async function readBack({
  expected,
  ranges,
  openIt,
  shown,
  settings,
  onProgress,
}: ReadBack): Promise<ReadSource> {
  const { hash: algorithm, depth, chunkSize, signal } = settings;
  onProgress(0);
  const unbuffered = settings.unbuffered || 'prefer';
  const opening = openingOf({ ...settings, unbuffered });
  const handle = await openIt(constants.O_RDONLY, { ...opening, signal, access: 'sequential' });
  try {
    const hash = makeHash(algorithm, 'options.hash');
    const options = { depth, chunkSize, signal };
    if (ranges === undefined) {
      await hashHandle(hash, handle, { ...options, onProgress: ({ bytes }) => onProgress(bytes) });
    } else {
      await hashRanges(hash, handle, ranges, { ...options, onMoved: onProgress });
    }
    const actual = hash.digest('hex');
    if (actual !== expected) throw new VerifyError(shown.path, shown.dest, expected, actual);
    return handle.alignment === null ? 'cache' : 'disk';
  } finally {
    await handle.close();
  }
}

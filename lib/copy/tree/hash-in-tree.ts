import { constants } from 'node:fs';
import { readFileIn } from '../../file-handle/read-file-in.js';
import { type DiskOptions, readingOf } from '../disk-options.js';
import type { ReadSource } from '../file-copy-options.js';
import { hashHandle } from '../hash-file.js';
import { makeHash } from '../make-hash.js';
import { openRegular } from '../open-regular.js';
import type { ChunkOptions } from '../read-chunks.js';
import type { TreeEntry } from './tree-entry.js';
import type { TreeRoot } from './tree-root.js';

const { O_RDONLY } = constants;
/** Files of up to this many bytes are read in one piece. */
const smallFileMax = 256 * 1024;

export interface TreeHashOptions extends ChunkOptions, DiskOptions {
  /** An algorithm of node:crypto. */
  algorithm: string;
  /** Reads past the system's cache; 'prefer' falls back to the cache. */
  unbuffered?: boolean | 'prefer' | undefined;
  /** Called with the number of bytes that have been hashed since the last call. */
  onHashed?: ((bytes: number) => void) | undefined;
}

/** Hashes a regular file of a tree. @throws AbortError; system errors */
export async function hashInTree(
  root: TreeRoot,
  { place, size }: Pick<TreeEntry, 'place' | 'size'>,
  options: TreeHashOptions,
): Promise<{ digest: string; readFrom: ReadSource }> {
  const { algorithm, unbuffered = false, dontCache, ioPriority, ...others } = options;
  const { signal, onHashed, ...chunks } = others;
  const hash = makeHash(algorithm, 'options.hash');
  const isPlain = !unbuffered && dontCache !== true && ioPriority === undefined;
  if (size <= smallFileMax && isPlain) {
    const content = await root.spot(place, ({ directory, name }) =>
      readFileIn(directory, name, signal),
    );
    onHashed?.(content.byteLength);
    return { digest: hash.update(content).digest('hex'), readFrom: 'cache' };
  }
  const opening = await readingOf({ unbuffered, dontCache, ioPriority }, size, root.at(''));
  const openOptions = { ...opening, signal, access: 'sequential' } as const;
  const handle = await root.spot(place, ({ directory, name }) =>
    openRegular((flags) => directory.openCore(name, O_RDONLY | flags, openOptions), signal),
  );
  try {
    let before = 0;
    await hashHandle(hash, handle, {
      ...{ ...chunks, signal },
      onProgress: ({ bytes }) => {
        onHashed?.(bytes - before);
        before = bytes;
      },
    });
    const readFrom = handle.alignment === null ? 'cache' : 'disk';
    return { digest: hash.digest('hex'), readFrom };
  } finally {
    await handle.close();
  }
}

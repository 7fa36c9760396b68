import { constants } from 'node:fs';
import { readFileIn } from '../../file-handle/read-file-in.js';
import type { CoreHandle } from '../../handle/core-handle.js';
import { compareHandles } from '../compare-files.js';
import { type DiskOptions, readingOf } from '../disk-options.js';
import type { ReadSource } from '../file-copy-options.js';
import { openRegular } from '../open-regular.js';
import type { ChunkOptions } from '../read-chunks.js';
import type { TreeEntry } from './tree-entry.js';
import type { TreeRoot } from './tree-root.js';

const { O_RDONLY } = constants;
/** Files of up to this many bytes are read in one piece. */
const smallFileMax = 256 * 1024;

export interface ContentComparison extends ChunkOptions, DiskOptions {
  /** Reads past the system's cache; 'prefer' falls back to the cache. */
  unbuffered: boolean | 'prefer';
  /** Called with the number of bytes that have been compared since the last call. */
  onCompared?: ((bytes: number) => void) | undefined;
}

/** Compares the bytes of a file in two trees. @throws AbortError; system errors */
export async function compareContent(
  { place, size }: TreeEntry,
  roots: readonly [TreeRoot, TreeRoot],
  options: ContentComparison,
): Promise<{ equal: boolean; readFrom: ReadSource }> {
  const { unbuffered, signal, onCompared, dontCache, ioPriority, ...chunks } = options;
  const isPlain = !unbuffered && dontCache !== true && ioPriority === undefined;
  if (size <= smallFileMax && isPlain) {
    const read = (root: TreeRoot): Promise<Buffer> =>
      root.spot(place, ({ directory, name }) => readFileIn(directory, name, signal));
    const [one, other] = await Promise.all([read(roots[0]), read(roots[1])]);
    onCompared?.(one.byteLength);
    return { equal: one.equals(other), readFrom: 'cache' };
  }
  const open = async (root: TreeRoot): Promise<CoreHandle> => {
    const opening = await readingOf({ unbuffered, dontCache, ioPriority }, size, root.at(''));
    const openOptions = { ...opening, signal, access: 'sequential' } as const;
    return root.spot(place, ({ directory, name }) =>
      openRegular((flags) => directory.openCore(name, O_RDONLY | flags, openOptions), signal),
    );
  };
  let before = 0;
  const one = await open(roots[0]);
  try {
    const other = await open(roots[1]);
    const comparing = compareHandles(one, other, {
      ...{ ...chunks, signal },
      onProgress: ({ bytes }) => {
        onCompared?.(bytes - before);
        before = bytes;
      },
    });
    return await comparing.finally(() => other.close());
  } finally {
    await one.close();
  }
}

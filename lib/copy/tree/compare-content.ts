import { readFile } from '../../functions/file-content.js';
import { comparePaths } from '../compare-files.js';
import type { ReadSource } from '../file-copy-options.js';
import type { ChunkOptions } from '../read-chunks.js';
import type { TreeRoot } from './tree-root.js';
import type { TreeEntry } from './tree-walk.js';

/** Files of up to this many bytes are read whole. */
const smallFileMax = 256 * 1024;

export interface ContentComparison extends ChunkOptions {
  /** Reads past the system's cache; 'prefer': unless the file system refuses. */
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
  const { unbuffered, signal, onCompared, ...chunks } = options;
  const [from, to] = roots.map((root) => root.at(place)) as [string | Buffer, string | Buffer];
  if (size <= smallFileMax && !unbuffered) {
    const read = (path: string | Buffer) => readFile(path, { signal }) as Promise<Buffer>;
    const [one, other] = await Promise.all([read(from), read(to)]);
    onCompared?.(one.byteLength);
    return { equal: one.equals(other), readFrom: 'cache' };
  }
  let before = 0;
  return comparePaths(from, to, {
    ...{ ...chunks, unbuffered, signal },
    onProgress: ({ bytes }) => {
      onCompared?.(bytes - before);
      before = bytes;
    },
  });
}

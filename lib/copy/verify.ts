import { stat } from '../functions/status.js';
import type { PathLike } from '../node/paths.js';
import { validateObject, validateSignal } from '../node/validate.js';
import { comparePaths, type ReadComparison } from './compare-files.js';
import type { CopyProgress } from './file-copy-options.js';
import { type VerifyTreeOptions, type VerifyTreeReport, verifyTree } from './tree/verify-tree.js';

/** Options of verify(); filters and `concurrency` apply to folders. */
export interface VerifyOptions extends Omit<VerifyTreeOptions, 'onProgress'> {
  /** Called as bytes are compared. */
  onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** The result of verify(); `kind` says what was compared: files, folders, or one of each. */
export type VerifyReport =
  | ({ kind: 'file' } & ReadComparison)
  | ({ kind: 'folder'; equal: boolean } & VerifyTreeReport)
  | { kind: 'mixed'; equal: false };

/**
 * Compares two files byte by byte, or two folders like verifyTree(). Links are followed.
 * @param source a file or a folder
 * @param destination the file or folder to compare with it
 * @param options see `VerifyOptions`
 * @returns `equal`, and the differences; a file never equals a folder
 * @throws AbortError; system errors; ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 * @example
 * const { equal } = await verify('disk.img', '/backup/disk.img', { unbuffered: 'prefer' });
 */
export async function verify(
  source: PathLike,
  destination: PathLike,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  validateObject(options, 'options');
  const { signal, onProgress } = options;
  validateSignal(signal);
  const paths = [source, destination];
  const found = await Promise.all(paths.map((path) => stat(path, { signal })));
  const [isFolder, isOtherFolder] = found.map((status) => status.isDirectory());
  if (isFolder !== isOtherFolder) return { kind: 'mixed', equal: false };
  if (isFolder) {
    const report = await verifyTree(source, destination, options);
    return { kind: 'folder', equal: report.differences.length === 0, ...report };
  }
  const { unbuffered, queueDepth, depth, chunkSize } = options;
  const comparison = await comparePaths(source, destination, {
    ...{ unbuffered, queueDepth, depth, chunkSize, signal },
    onProgress: (progress) => onProgress?.({ phase: 'verify', ...progress }),
  });
  return { kind: 'file', ...comparison };
}

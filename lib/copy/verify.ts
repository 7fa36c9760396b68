import { stat } from '../functions/status.js';
import { ownOptions } from '../node/own-options.js';
import type { PathLike } from '../node/paths.js';
import { validateObject, validateSignal } from '../node/validate.js';
import { comparePaths, type ReadComparison } from './compare-files.js';
import { placeOfCopy } from './destination.js';
import type { CopyProgress } from './file-copy-options.js';
import { type VerifyManifestOptions, verifyManifest } from './tree/verify-manifest.js';
import { type VerifyTreeOptions, type VerifyTreeReport, verifyTree } from './tree/verify-tree.js';

/** Options of verify(); filters and `concurrency` apply to folders. */
export interface VerifyOptions extends Omit<VerifyTreeOptions, 'onProgress'> {
  /** Called as bytes are compared. */
  onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** The result of verify() with a manifest. */
export type ManifestReport = { kind: 'manifest'; equal: boolean } & VerifyTreeReport;

/** The result of verify(); `kind` says what was compared: files, folders, or one of each. */
export type VerifyReport =
  | ({ kind: 'file' } & ReadComparison)
  | ({ kind: 'folder'; equal: boolean } & VerifyTreeReport)
  | { kind: 'mixed'; equal: false };

/**
 * Compares two files byte by byte, or two folders like verifyTree(). Links are followed. With
 * `manifest` and without a source, compares a folder or a file with the digests of a manifest.
 * @param source a file or a folder; with a manifest the one that is compared
 * @param destination the file or folder to compare with it; none with a manifest
 * @param options see `VerifyOptions` and `VerifyManifestOptions`
 * @returns `equal`, and the differences; a file never equals a folder
 * @throws AbortError; system errors; ManifestError: ERR_MANIFEST_FORMAT, ERR_MANIFEST_PATH;
 *   ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 * @example
 * const { equal } = await verify('disk.img', '/backup/disk.img', { unbuffered: 'prefer' });
 * const { differences } = await verify('/backup/photos', { manifest: 'photos.sha256' });
 */
export function verify(folder: PathLike, options: VerifyManifestOptions): Promise<ManifestReport>;
export function verify(
  source: PathLike,
  destination: PathLike,
  options?: VerifyOptions,
): Promise<VerifyReport>;
export async function verify(
  source: PathLike,
  destination: PathLike | VerifyManifestOptions,
  options: VerifyOptions = {},
): Promise<VerifyReport | ManifestReport> {
  if (isOptions(destination)) {
    const report = await verifyManifest(source, ownOptions(destination));
    return { kind: 'manifest', equal: report.differences.length === 0, ...report };
  }
  return verifyPair(source, destination, options);
}

function isOptions(given: unknown): given is VerifyManifestOptions {
  return typeof given === 'object' && given !== null && 'manifest' in given;
}

async function verifyPair(
  source: PathLike,
  destination: PathLike,
  options: VerifyOptions,
): Promise<VerifyReport> {
  validateObject(options, 'options');
  const { signal, onProgress } = options;
  validateSignal(signal);
  const copy = placeOfCopy(source, destination);
  const paths = [source, copy];
  const found = await Promise.all(paths.map((path) => stat(path, { signal })));
  const [isFolder, isOtherFolder] = found.map((status) => status.isDirectory());
  if (isFolder !== isOtherFolder) return { kind: 'mixed', equal: false };
  if (isFolder) {
    const report = await verifyTree(source, copy, options);
    return { kind: 'folder', equal: report.differences.length === 0, ...report };
  }
  const { unbuffered, queueDepth, depth, chunkSize, dontCache, ioPriority } = options;
  const comparison = await comparePaths(source, copy, {
    ...{ unbuffered, queueDepth, depth, chunkSize, dontCache, ioPriority, signal },
    onProgress: (progress) => onProgress?.({ phase: 'verify', ...progress }),
  });
  return { kind: 'file', ...comparison };
}

import type { Writable } from 'node:stream';
import { stat } from '../functions/status.js';
import { invalidArgValue } from '../node/errors.js';
import { ownOptions } from '../node/own-options.js';
import type { PathLike } from '../node/paths.js';
import { validateBoolean, validateObject, validateSignal } from '../node/validate.js';
import { isByteSource } from './byte-source.js';
import { copyFromStream } from './copy-from-stream.js';
import { copyToStream } from './copy-to-stream.js';
import { placeOfCopy } from './destination.js';
import { copyAndTell } from './file-change.js';
import type { CopyProgress, FileCopyOptions, FileCopyReport } from './file-copy-options.js';
import { type CopyDestination, type CopySource, isByteSink } from './stream-ends.js';
import { copyTree } from './tree/copy-tree.js';
import type { CopyTreeOptions } from './tree/copy-tree-options.js';
import type { CopyTreeReport } from './tree/copy-tree-report.js';

/** Options of copy(). Options for files apply to each file of a folder, too. */
export interface CopyOptions
  extends FileCopyOptions,
    Omit<CopyTreeOptions, keyof FileCopyOptions | 'onProgress'> {
  /** Copies folders with their content; false rejects a folder with EISDIR. Default true. */
  recursive?: boolean | undefined;
  /** Called as bytes are copied, and as they are compared or read back. */
  onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** The result of copy(); `kind` distinguishes a file from a folder. */
export type CopyReport = FileCopyReport | CopyTreeReport;

/**
 * Copies a file, or a folder with everything below it. The file system itself copies a file if it
 * can; otherwise several chunks are in flight. Unless `atomic` is false, the destination keeps its
 * old content, or does not exist, until the copy is complete and durable. Symbolic links to a file
 * are followed on both sides. FIFOs and files that do not report their size are read to their end.
 * Folders are copied as by copyTree().
 * A source that is a stream is read to its end, with the same care for the destination. A
 * destination that is a stream gets the content of the file, and ends.
 * @param source a file, a folder, a link to one, a block device, or a stream of bytes
 * @param destination the path of the copy or, if it ends with a slash and the source does not, the
 *   folder that receives it; or a Writable
 * @param options see `CopyOptions`
 * @returns a report of the kind 'file' or 'folder'; for folders, per-file failures are listed in
 *   `errors`
 * @throws CopyError: ERR_COPY_SAME_FILE, ERR_COPY_FILE_TYPE, ERR_COPY_STRATEGY,
 *   ERR_COPY_LINK, ERR_COPY_DEVICE; VerifyError if the
 *   copy differs when read back; SourceChangedError if the source is written to during the copy;
 *   AbortError; system errors with `path` and `dest`: EISDIR for a folder with `recursive: false`,
 *   EEXIST with `errorOnExist`, EINVAL if a file system refuses `unbuffered`, ENOSPC, EIO. When
 *   it rejects, nothing is in flight, the destination is unchanged, and only `resume` leaves an
 *   unfinished file beside it. Without `atomic` the destination has been removed.
 * @example
 * const { bytes } = await copy('disk.img', '/backup/disk.img', { verify: true });
 */
export function copy(
  source: AsyncIterable<Uint8Array | string>,
  destination: PathLike,
  options?: CopyOptions,
): Promise<FileCopyReport>;
export function copy(
  source: PathLike,
  destination: Writable,
  options?: CopyOptions,
): Promise<FileCopyReport>;
export function copy(
  source: CopySource,
  destination: CopyDestination,
  options: CopyOptions & { recursive: false },
): Promise<FileCopyReport>;
export function copy(
  source: CopySource,
  destination: CopyDestination,
  options?: CopyOptions,
): Promise<CopyReport>;
export async function copy(
  source: CopySource,
  destination: CopyDestination,
  options: CopyOptions = {},
): Promise<CopyReport> {
  validateObject(options, 'options');
  const { recursive = true, signal, update } = ownOptions(options);
  validateBoolean(recursive, 'options.recursive');
  validateSignal(signal);
  if (isByteSource(source) || isByteSink(destination)) refuseRehearsal(options);
  if (isByteSource(source)) {
    if (!isByteSink(destination)) return copyFromStream(source, destination, options);
    throw invalidArgValue('destination', destination, 'must be a path if the source is a stream');
  }
  if (isByteSink(destination)) return copyToStream(source, destination, options);
  const status = recursive ? await stat(source, { throwIfNoEntry: false, signal }) : undefined;
  if (status?.isDirectory() && update === 'inplace') {
    throw invalidArgValue('options.update', 'inplace', 'works for files, not for folders');
  }
  if (status?.isDirectory()) return copyTree(source, destination, options);
  return copyAndTell(source, placeOfCopy(source, destination), options);
}

/** @throws ERR_INVALID_ARG_VALUE for a dry run of a stream, which would read or end it */
function refuseRehearsal(options: CopyOptions): void {
  const { dryRun } = ownOptions(options);
  if (!dryRun) return;
  throw invalidArgValue('options.dryRun', dryRun, 'cannot be combined with a stream');
}

import { stat } from '../functions/status.js';
import type { PathLike } from '../node/paths.js';
import { validateBoolean, validateObject, validateSignal } from '../node/validate.js';
import { copyOneFile } from './file-copy.js';
import type { CopyProgress, FileCopyOptions, FileCopyReport } from './file-copy-options.js';
import { copyTree } from './tree/copy-tree.js';
import type { CopyTreeOptions } from './tree/copy-tree-options.js';
import type { CopyTreeReport } from './tree/copy-tree-report.js';

/** Options of copy(): those of a file hold for each file of a folder, too. */
export interface CopyOptions
  extends FileCopyOptions,
    Omit<CopyTreeOptions, keyof FileCopyOptions | 'onProgress'> {
  /** Copies folders with all in them; false: a folder is the error EISDIR. Default true. */
  recursive?: boolean | undefined;
  /** Called as bytes are copied, and as they are compared or read back. */
  onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** What copy() has done; `kind` tells a file from a folder. */
export type CopyReport = FileCopyReport | CopyTreeReport;

/**
 * Copies a file, or a folder with all in it. A file is copied by the file system itself where it
 * can, else with several chunks in flight, and unless `atomic` is false the destination has its old
 * content, or does not exist, until the copy is complete and durable. Symbolic links to a file are
 * followed on both sides. A FIFO, and a file that does not tell its size, are read to their end. A
 * folder is copied as by copyTree().
 * @param source a file, a folder, or a link to one
 * @param destination the path of the copy itself, not of a folder to put it into
 * @returns a report of the kind 'file', or of a folder one of the kind 'folder', whose `errors`
 *   lists what failed for single files
 * @throws CopyError: ERR_COPY_SAME_FILE, ERR_COPY_FILE_TYPE; VerifyError; SourceChangedError if the
 *   source is written to meanwhile; AbortError; system errors with `path` and `dest`: EISDIR for a
 *   folder with `recursive: false`, EEXIST with `errorOnExist`, EINVAL where a file system refuses
 *   `unbuffered`, ENOSPC, EIO, … By then nothing is in flight, the destination is unchanged, and
 *   only `resume` leaves anything beside it. Without `atomic` the destination has been removed.
 * @example
 * const { bytes } = await copy('disk.img', '/backup/disk.img', { verify: true });
 */
export function copy(
  source: PathLike,
  destination: PathLike,
  options: CopyOptions & { recursive: false },
): Promise<FileCopyReport>;
export function copy(
  source: PathLike,
  destination: PathLike,
  options?: CopyOptions,
): Promise<CopyReport>;
export async function copy(
  source: PathLike,
  destination: PathLike,
  options: CopyOptions = {},
): Promise<CopyReport> {
  validateObject(options, 'options');
  const { recursive = true, signal } = options;
  validateBoolean(recursive, 'options.recursive');
  validateSignal(signal);
  const status = recursive ? await stat(source, { throwIfNoEntry: false, signal }) : undefined;
  if (status?.isDirectory()) return copyTree(source, destination, options);
  return copyOneFile(source, destination, options);
}

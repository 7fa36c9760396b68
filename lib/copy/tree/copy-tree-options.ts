import { invalidArgType, outOfRange } from '../../node/errors.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateSignal,
} from '../../node/validate.js';
import {
  type FileCopyOptions,
  parseCopyOptions,
  type ReplaceOptions,
  replacementOf,
} from '../file-copy-options.js';
import {
  type MetadataOptions,
  type MetadataParts,
  parseMetadata,
  usualParts,
} from '../metadata.js';
import type { TreeChange } from './copy-tree-report.js';
import { signalForMany } from './signal-for-many.js';
import { TreeFilter, type TreeFilterOptions } from './tree-filter.js';
import type { TreeProgress } from './tree-progress.js';

type FileOptions = Pick<
  FileCopyOptions,
  | 'strategy'
  | 'unbuffered'
  | 'queueDepth'
  | 'depth'
  | 'chunkSize'
  | 'sparse'
  | 'preallocate'
  | 'verify'
  | 'atomic'
  | 'resume'
  | 'changed'
>;

/** Options of copyTree(); those of copy() for a file hold for each file of the tree. */
export interface CopyTreeOptions extends TreeFilterOptions, FileOptions, ReplaceOptions {
  /** Files that are copied at a time. Default 16; with rateLimit 1. */
  concurrency?: number | undefined;
  /**
   * Deletes entries that the source lacks, after everything has been copied; never what the filters
   * leave out. Where a folder of the source cannot be read, its copy keeps all it has, and so do
   * files that may be an older name of one that could not be copied. An empty source deletes
   * nothing unless `maxDelete` is given. Default false; of mirror() true.
   */
  delete?: boolean | undefined;
  /**
   * Deletes nothing, and reports a DeleteRefusedError, if more entries than this would be deleted.
   * Default: no limit, but none for an empty source.
   */
  maxDelete?: number | undefined;
  /**
   * Compares the content of files whose copies have the same size and time, and copies those that
   * differ. `verify` does so, too, past the cache where possible. Default: as `verify`.
   */
  checksum?: boolean | undefined;
  /** Leaves folders alone that other file systems are mounted on, on both sides. Default false. */
  oneFileSystem?: boolean | undefined;
  /**
   * Seconds by which the time of a file and that of its copy may differ. Default: the steps in
   * which the destination keeps times, where those are coarse; else 2 us.
   */
  modifyWindow?: number | undefined;
  /**
   * Called with the paths of each entry and of its copy; false leaves the entry out, with all below
   * it. `delete` never removes an entry that it leaves out. Default: every entry.
   */
  filter?: ((source: string, destination: string) => boolean | Promise<boolean>) | undefined;
  /** Reports what would be done, and does nothing. Default false. */
  dryRun?: boolean | undefined;
  /** Several names of one file stay that; else each becomes a file. Default true. */
  hardLinks?: boolean | undefined;
  /**
   * What else than content is kept: true, all that copy() knows; false, nothing; or by name.
   * Default: times, on POSIX the mode and as root the owner, on Windows the attributes. Folders
   * have these alone. Parts that are named must succeed; else what is refused is in
   * `metadataRefused` of the report. Without times a second run copies all again.
   */
  metadata?: boolean | MetadataOptions | undefined;
  /** Bytes per second of the whole copy. Default: no limit. */
  rateLimit?: number | undefined;
  /** Ends it with an AbortError when nothing is in flight; what is complete by then stays. */
  signal?: AbortSignal | undefined;
  /** Called after each file, and while a large one is copied. */
  onProgress?: ((progress: TreeProgress) => void) | undefined;
  /** Called with each change as it is made; of a dry run with each that would be made. */
  onChange?: ((change: TreeChange) => void) | undefined;
  /** Called with each error as it happens; the report has them all. */
  onError?: ((error: unknown, path: string) => void) | undefined;
}

/** Options of a copy of a tree, parsed. */
export interface TreeSettings {
  filter: TreeFilter;
  concurrency: number;
  delete: boolean;
  maxDelete: number | undefined;
  /** Whether to compare files that seem unchanged, and how they are read. */
  checksum: 'disk' | 'cache' | undefined;
  oneFileSystem: boolean;
  modifyWindow: number | undefined;
  accepts: CopyTreeOptions['filter'];
  dryRun: boolean;
  hardLinks: boolean;
  force: boolean;
  errorOnExist: boolean;
  metadata: MetadataParts;
  /** Whether every file goes through copy(), whatever its size. */
  eachByCopy: boolean;
  /** Options of each file, without the metadata. */
  fileOptions: FileCopyOptions;
  signal: AbortSignal | undefined;
  onProgress: ((progress: TreeProgress) => void) | undefined;
  onChange: ((change: TreeChange) => void) | undefined;
  onError: ((error: unknown, path: string) => void) | undefined;
}

const concurrencyDefault = 16;
const concurrencyMax = 1024;
// A day.
const modifyWindowMax = 86_400;

function flag(value: unknown, name: string, preset: boolean): boolean {
  if (value === undefined) return preset;
  validateBoolean(value, `options.${name}`);
  return value;
}

/** Validates how many files are worked on at a time. */
export function parseConcurrency(value: unknown): number {
  if (value === undefined) return concurrencyDefault;
  validateInteger(value, 'options.concurrency', 1, concurrencyMax);
  return value;
}

/** Whether an option asks for what the one operation for a small file does not do. */
function needsCopy(options: CopyTreeOptions, force: boolean, metadata: MetadataParts): boolean {
  const { verify, rateLimit, unbuffered, resume } = options;
  if (verify || rateLimit !== undefined || !force || unbuffered || resume) return true;
  return options.metadata === true || Boolean(metadata.xattrs || metadata.streams);
}

function fileOptionsOf(options: CopyTreeOptions, force: boolean): FileCopyOptions {
  const { strategy, unbuffered, queueDepth, depth, chunkSize, sparse, preallocate } = options;
  const { verify, atomic, resume, rateLimit, signal, changed = 'retry' } = options;
  const all: FileCopyOptions = {
    ...{ strategy, unbuffered, queueDepth, depth, chunkSize, sparse, preallocate },
    // A file that appears under the name meanwhile is an error.
    ...{ verify, atomic, resume, changed, rateLimit, signal },
    ...{ force, errorOnExist: !force },
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as FileCopyOptions;
}

function checksumOf({ checksum, verify }: CopyTreeOptions): TreeSettings['checksum'] {
  if (!flag(checksum, 'checksum', verify === true)) return undefined;
  return verify ? 'disk' : 'cache';
}

function validateLimits({ maxDelete, modifyWindow, filter }: CopyTreeOptions): void {
  if (maxDelete !== undefined && maxDelete !== Number.POSITIVE_INFINITY) {
    validateInteger(maxDelete, 'options.maxDelete', 0);
  }
  if (modifyWindow !== undefined) {
    if (typeof modifyWindow !== 'number') {
      throw invalidArgType('options.modifyWindow', 'of type number', modifyWindow);
    }
    const isRight = modifyWindow >= 0 && modifyWindow <= modifyWindowMax;
    if (!isRight)
      throw outOfRange('options.modifyWindow', `>= 0 && <= ${modifyWindowMax}`, modifyWindow);
  }
  if (filter !== undefined && typeof filter !== 'function') {
    throw invalidArgType('options.filter', 'of type function', filter);
  }
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function parseTreeOptions(given: CopyTreeOptions): TreeSettings {
  validateObject(given, 'options');
  validateSignal(given.signal);
  const options = { ...given, signal: signalForMany(given.signal) };
  const metadata = options.metadata === undefined ? usualParts() : parseMetadata(options.metadata);
  const { force, errorOnExist } = replacementOf(options);
  // Wrong options of files are refused before any file is touched.
  const fileOptions = fileOptionsOf(options, force);
  parseCopyOptions(fileOptions);
  const concurrency = parseConcurrency(options.concurrency);
  validateLimits(options);
  return {
    filter: new TreeFilter(options),
    // The limit is that of the whole, so one file has all of it.
    concurrency: options.rateLimit === undefined ? concurrency : 1,
    delete: flag(options.delete, 'delete', false),
    maxDelete: options.maxDelete,
    checksum: checksumOf(options),
    oneFileSystem: flag(options.oneFileSystem, 'oneFileSystem', false),
    modifyWindow: options.modifyWindow,
    accepts: options.filter,
    dryRun: flag(options.dryRun, 'dryRun', false),
    hardLinks: flag(options.hardLinks, 'hardLinks', true),
    force,
    errorOnExist,
    metadata,
    eachByCopy: needsCopy(options, force, metadata),
    fileOptions,
    signal: options.signal,
    onProgress: options.onProgress,
    onChange: options.onChange,
    onError: options.onError,
  };
}

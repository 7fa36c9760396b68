import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateSignal,
} from '../../node/validate.js';
import { type CopyOptions, parseCopyOptions } from '../copy-options.js';
import {
  type MetadataOptions,
  type MetadataParts,
  parseMetadata,
  usualParts,
} from '../metadata.js';
import { signalForMany } from './signal-for-many.js';
import { type FilterOptions, TreeFilter } from './tree-filter.js';

/** How far a copy of a tree is. */
export interface TreeProgress {
  /** Files that are done: copied, linked, there already, or failed. */
  files: number;
  totalFiles: number;
  /** Bytes of content that have been copied. */
  bytes: number;
  /** Bytes of content that are to be copied. */
  totalBytes: number;
  /** The file that was worked on last, relative to the source. */
  path: string;
}

type FileOptions = Pick<
  CopyOptions,
  | 'strategy'
  | 'unbuffered'
  | 'depth'
  | 'chunkSize'
  | 'sparse'
  | 'preallocate'
  | 'verify'
  | 'atomic'
  | 'resume'
>;

/** Beside what is here, copy()'s options for each file of more than 256 KiB. */
export interface CopyTreeOptions extends FilterOptions, FileOptions {
  /** Files that are copied at a time. Default 16; with rateLimit 1. */
  concurrency?: number | undefined;
  /**
   * Deletes what the source lacks, after all has been copied; never what the filter leaves out, and
   * nothing at all when a part of the source could not be read or copied. A folder in the place of
   * a file goes too, once that has been copied. Default false.
   */
  delete?: boolean | undefined;
  /** Only says what would be done. Default false. */
  dryRun?: boolean | undefined;
  /** Several names of one file stay that; else each becomes a file. Default true. */
  hardLinks?: boolean | undefined;
  /** Replaces what differs; false: EEXIST for each such file. Default true. */
  overwrite?: boolean | undefined;
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
  /** Called with each error as it happens; the report has them all. */
  onError?: ((error: unknown, path: string) => void) | undefined;
}

/** Options of a copy of a tree, parsed. */
export interface TreeSettings {
  filter: TreeFilter;
  concurrency: number;
  delete: boolean;
  dryRun: boolean;
  hardLinks: boolean;
  overwrite: boolean;
  metadata: MetadataParts;
  /** Whether every file goes through copy(), whatever its size. */
  eachByCopy: boolean;
  /** But for the metadata. */
  fileOptions: CopyOptions;
  signal: AbortSignal | undefined;
  onProgress: ((progress: TreeProgress) => void) | undefined;
  onError: ((error: unknown, path: string) => void) | undefined;
}

const concurrencyDefault = 16;
const concurrencyMax = 1024;

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

/** Whether something is wanted that a small file written by this module would not have. */
function needsCopy(options: CopyTreeOptions, metadata: MetadataParts): boolean {
  const { verify, rateLimit, overwrite, unbuffered, resume } = options;
  if (verify || rateLimit !== undefined || overwrite === false || unbuffered || resume) return true;
  return options.metadata === true || Boolean(metadata.xattrs || metadata.streams);
}

function fileOptionsOf(options: CopyTreeOptions): CopyOptions {
  const { strategy, unbuffered, depth, chunkSize, sparse, preallocate } = options;
  const { verify, atomic, resume, overwrite, rateLimit, signal } = options;
  const all: CopyOptions = {
    ...{ strategy, unbuffered, depth, chunkSize, sparse, preallocate },
    ...{ verify, atomic, resume, overwrite, rateLimit, signal },
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as CopyOptions;
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function parseTreeOptions(given: CopyTreeOptions): TreeSettings {
  validateObject(given, 'options');
  validateSignal(given.signal);
  const options = { ...given, signal: signalForMany(given.signal) };
  const metadata = options.metadata === undefined ? usualParts() : parseMetadata(options.metadata);
  // What is wrong with the options of a file is so before any file is touched.
  const fileOptions = fileOptionsOf(options);
  parseCopyOptions(fileOptions);
  const concurrency = parseConcurrency(options.concurrency);
  return {
    filter: new TreeFilter(options),
    // The limit is that of the whole, so one file has all of it.
    concurrency: options.rateLimit === undefined ? concurrency : 1,
    delete: flag(options.delete, 'delete', false),
    dryRun: flag(options.dryRun, 'dryRun', false),
    hardLinks: flag(options.hardLinks, 'hardLinks', true),
    overwrite: flag(options.overwrite, 'overwrite', true),
    metadata,
    eachByCopy: needsCopy(options, metadata),
    fileOptions,
    signal: options.signal,
    onProgress: options.onProgress,
    onError: options.onError,
  };
}

import process from 'node:process';
import { invalidArgType, outOfRange, unavailable } from '../../node/errors.js';
import { ownOptions } from '../../node/own-options.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateSignal,
} from '../../node/validate.js';
import {
  type FileCopyOptions,
  parseCopyOptions,
  parseManifestPath,
  type ReplaceOptions,
  replacementOf,
} from '../file-copy-options.js';
import {
  type MetadataOptions,
  type MetadataParts,
  parseMetadata,
  usualParts,
} from '../metadata.js';
import type { SystemPath } from '../spot.js';
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
  | 'hash'
  | 'manifest'
  | 'atomic'
  | 'resume'
  | 'changed'
  | 'retries'
  | 'keepAccess'
  | 'badSectors'
  | 'dontCache'
  | 'ioPriority'
>;

/** Options of copyTree(). Options of copy() for files apply to each file of the tree. */
export interface CopyTreeOptions extends TreeFilterOptions, FileOptions, ReplaceOptions {
  /** Files copied at a time. Default 16; with `rateLimit` 1. */
  concurrency?: number | undefined;
  /**
   * Deletes entries that the source lacks, after everything has been copied, except entries that
   * filters exclude. If a folder of the source cannot be read, its copy keeps all its entries. A
   * file that may be an older name of one that could not be copied is kept, too. An empty source
   * deletes nothing unless `maxDelete` is given. Default: false for copyTree(), true for mirror().
   */
  delete?: boolean | undefined;
  /**
   * Deletes nothing and reports a DeleteRefusedError if more entries than this would be deleted.
   * Default: no limit, but 0 for an empty source.
   */
  maxDelete?: number | undefined;
  /**
   * Compares the content of files whose copies have the same size and time, and copies those that
   * differ. `verify` reads past the cache if possible. Default: the value of `verify`.
   */
  checksum?: boolean | undefined;
  /** Skips folders on which other file systems are mounted, on both sides. Default false. */
  oneFileSystem?: boolean | undefined;
  /**
   * Seconds by which the times of a file and its copy may differ. Default: the time resolution of
   * the destination if that is coarse, else 2 us.
   */
  modifyWindow?: number | undefined;
  /**
   * Called with the paths of each entry and of its copy; false excludes the entry and everything
   * below it. `delete` never removes an excluded entry. Default: every entry is included.
   */
  filter?: ((source: string, destination: string) => boolean | Promise<boolean>) | undefined;
  /** Reports the changes without making them. Default false. */
  dryRun?: boolean | undefined;
  /**
   * Copies FIFOs and devices: makes new ones of the same number, which only root may do for
   * devices. Linux. Default false: each is an UnsupportedFileError.
   */
  devices?: boolean | undefined;
  /** Preserves hard links; false copies each name as a file of its own. Default true. */
  hardLinks?: boolean | undefined;
  /**
   * Metadata to keep: true keeps everything that copy() supports, false nothing, an object selects
   * parts by name. Default: times; on POSIX also the mode, and for root the owner; on Windows also
   * the attributes. Folders keep only these. Parts requested by name must succeed; other refusals
   * are listed in `metadataRefused` of the report. Without times a second run copies every file
   * again.
   */
  metadata?: boolean | MetadataOptions | undefined;
  /** Bytes per second of the whole copy. Default: no limit. */
  rateLimit?: number | undefined;
  /** Aborts with an AbortError when nothing is in flight; complete files stay. */
  signal?: AbortSignal | undefined;
  /**
   * Called after each file, and while a large one is copied. The first call may count all unchanged
   * files at once, with the path `.`.
   */
  onProgress?: ((progress: TreeProgress) => void) | undefined;
  /** Called with each change as it is made; in a dry run with each change that would be made. */
  onChange?: ((change: TreeChange) => void) | undefined;
  /** Called with each error as it happens; the report lists them all. */
  onError?: ((error: unknown, path: string) => void) | undefined;
}

/** Parsed options of a tree copy. */
export interface TreeSettings {
  filter: TreeFilter;
  concurrency: number;
  delete: boolean;
  maxDelete: number | undefined;
  /** Whether to compare files that seem unchanged, and how to read them. */
  checksum: 'disk' | 'cache' | undefined;
  oneFileSystem: boolean;
  modifyWindow: number | undefined;
  accepts: CopyTreeOptions['filter'];
  dryRun: boolean;
  hardLinks: boolean;
  devices: boolean;
  force: boolean;
  errorOnExist: boolean;
  metadata: MetadataParts;
  /** Path of the manifest to write, and the algorithm of its digests. */
  manifest: { path: SystemPath; algorithm: string } | undefined;
  /** Whether every file is copied by copy(), regardless of its size. */
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
// One day.
const modifyWindowMax = 86_400;

function flag(value: unknown, name: string, preset: boolean): boolean {
  if (value === undefined) return preset;
  validateBoolean(value, `options.${name}`);
  return value;
}

/** Validates the number of concurrent files. */
export function parseConcurrency(value: unknown): number {
  if (value === undefined) return concurrencyDefault;
  validateInteger(value, 'options.concurrency', 1, concurrencyMax);
  return value;
}

/** Whether an option is not supported by the single operation for small files. */
function needsCopy(options: CopyTreeOptions, force: boolean, metadata: MetadataParts): boolean {
  const { verify, rateLimit, unbuffered, resume, preallocate, manifest } = options;
  if (verify || rateLimit !== undefined || !force || unbuffered || resume) return true;
  const { strategy = 'auto', sparse = 'auto' } = options;
  if (strategy !== 'auto' || sparse !== 'auto' || preallocate) return true;
  if (manifest !== undefined) return true;
  if (options.dontCache === true || options.ioPriority !== undefined) return true;
  if (metadata.streams !== undefined) return true;
  // Owners and access control lists are kept while the file is private; without the source's mode,
  // the mode that it gets afterwards depends on the umask, which the operation does not know.
  const isPrivateFirst = metadata.owner !== undefined || metadata.xattrs !== undefined;
  return isPrivateFirst && metadata.mode === undefined;
}

const manifestHashOf = ({ hash = 'sha256' }: CopyTreeOptions): string => hash;

function manifestOf(options: CopyTreeOptions): TreeSettings['manifest'] {
  const path = parseManifestPath(options.manifest);
  // A dry run writes no manifest.
  if (path === undefined || options.dryRun) return undefined;
  return { path, algorithm: manifestHashOf(options) };
}

function fileOptionsOf(options: CopyTreeOptions, force: boolean): FileCopyOptions {
  const { strategy, unbuffered, queueDepth, depth, chunkSize, sparse, preallocate } = options;
  const { verify, atomic, resume, rateLimit, signal, changed = 'retry' } = options;
  const { retries, badSectors, keepAccess } = options;
  const { dontCache, ioPriority } = options;
  const hash = options.manifest === undefined ? undefined : manifestHashOf(options);
  const all: FileCopyOptions = {
    ...{ strategy, unbuffered, queueDepth, depth, chunkSize, sparse, preallocate },
    // A file that appears under the name during the copy is an error.
    ...{ verify, hash, atomic, resume, changed, retries, badSectors, rateLimit, signal },
    ...{ force, errorOnExist: !force, keepAccess, dontCache, ioPriority },
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as FileCopyOptions;
}

function devicesOf({ devices }: CopyTreeOptions): boolean {
  if (!flag(devices, 'devices', false)) return false;
  if (process.platform !== 'linux') throw unavailable('options.devices');
  return true;
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
  const own = ownOptions(given);
  const options = ownOptions({ ...own, signal: signalForMany(own.signal) });
  const metadata = options.metadata === undefined ? usualParts() : parseMetadata(options.metadata);
  const { force, errorOnExist } = replacementOf(options);
  // Invalid file options are refused before any file is touched.
  const fileOptions = fileOptionsOf(options, force);
  parseCopyOptions({ ...fileOptions, metadata: options.metadata });
  const concurrency = parseConcurrency(options.concurrency);
  validateLimits(options);
  return {
    filter: new TreeFilter(options),
    // The limit applies to the whole copy, so one file at a time uses all of it.
    concurrency: options.rateLimit === undefined ? concurrency : 1,
    delete: flag(options.delete, 'delete', false),
    maxDelete: options.maxDelete,
    checksum: checksumOf(options),
    oneFileSystem: flag(options.oneFileSystem, 'oneFileSystem', false),
    modifyWindow: options.modifyWindow,
    accepts: options.filter,
    dryRun: flag(options.dryRun, 'dryRun', false),
    hardLinks: flag(options.hardLinks, 'hardLinks', true),
    devices: devicesOf(options),
    force,
    errorOnExist,
    metadata,
    manifest: manifestOf(options),
    eachByCopy: needsCopy(options, force, metadata),
    fileOptions,
    signal: options.signal,
    onProgress: options.onProgress,
    onChange: options.onChange,
    onError: options.onError,
  };
}

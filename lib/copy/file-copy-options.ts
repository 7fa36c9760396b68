import process from 'node:process';
import type { EngineKind } from '../engine/native.js';
import type { FileRange } from '../handle/sparse.js';
import { invalidArgValue, unavailable } from '../node/errors.js';
import { ownOptions } from '../node/own-options.js';
import type { PathLike } from '../node/paths.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateOneOf,
  validateSignal,
} from '../node/validate.js';
import { validateWindow } from '../transfer/window.js';
import { systemPathOf } from './destination.js';
import { type DiskOptions, validateDiskOptions } from './disk-options.js';
import type { CopyFallback } from './fallbacks.js';
import { makeHash } from './make-hash.js';
import { type MetadataOptions, type MetadataParts, parseMetadata } from './metadata.js';
import type { ByteProgress } from './progress.js';
import { type QueueOptions, queueDepthOf } from './read-chunks.js';
import type { FaultOptions } from './read-faults.js';
import type { SystemPath } from './spot.js';
import type { InterruptedUpdate } from './update-marker.js';

/**
 * How the content of a file is copied. 'clone': both files share their blocks; 'offload': the
 * system copies the bytes; 'engine': this package reads and writes.
 */
export type CopyStrategy = 'clone' | 'offload' | 'engine';

/** Policy for a source that is written to during its copy. */
export type ChangedPolicy = 'retry' | 'accept' | 'error';

/** The progress of a copy or a comparison. */
export interface CopyProgress extends ByteProgress {
  /** 'resume': the existing part is compared; 'verify': the copy is read back or compared. */
  phase: 'resume' | 'copy' | 'verify';
  /** Files that are done; only for folders. */
  files?: number;
  /** Number of files; only for folders. */
  totalFiles?: number;
  /** The most recent file, relative to the source; only for folders. */
  path?: string;
}

/** Options for an existing destination. */
export interface ReplaceOptions {
  /**
   * Replaces existing files. False leaves them alone, including files that appear during the copy.
   * Default true.
   */
  force?: boolean | undefined;
  /** With `force: false`, rejects with EEXIST if the file exists. Default false. */
  errorOnExist?: boolean | undefined;
  /** `overwrite: false` means `force: false` with `errorOnExist: true`. Default true. */
  overwrite?: boolean | undefined;
}

/** Options of copy() for a file. */
export interface FileCopyOptions extends ReplaceOptions, QueueOptions, FaultOptions, DiskOptions {
  /** Default 'auto': the first of clone, offload and engine that supports the options. */
  strategy?: 'auto' | CopyStrategy | undefined;
  /** Opens both files past the system's cache, which requires the engine. Default false. */
  unbuffered?: boolean | undefined;
  /** Bytes of a chunk. Default 1 MiB; with `rateLimit` at most the bytes of 1/8 second. */
  chunkSize?: number | undefined;
  /**
   * How an existing file is updated. 'replace' makes a new file. 'inplace' reads both files and
   * writes only the blocks of 4 KiB that differ to the destination itself, which is incomplete
   * until the copy ends: a file beside it says so, and the next call finishes the update and
   * reports it as `interrupted`. A link is never followed. Default 'replace'.
   */
  update?: 'replace' | 'inplace' | undefined;
  /** Permits `update: 'inplace'` to change a file with several names. Default false. */
  writeHardLinks?: boolean | undefined;
  /**
   * Permits a copy to a block device on which a file system, a partition table or the like is
   * recognized. A device that is mounted or otherwise in use is never written to. Default false.
   */
  overwriteDevice?: boolean | undefined;
  /**
   * 'auto' preserves holes; 'never' writes them as zeros; 'always' also leaves holes for
   * blocks of 4 KiB that hold only zeros; the engine then moves the bytes. Default 'auto'.
   */
  sparse?: 'auto' | 'never' | 'always' | undefined;
  /**
   * Reserves the space first, so that a full disk is reported before anything is copied. Clones and
   * files that keep their holes reserve none. Default: the value of `unbuffered`, whose writes then
   * need not extend the file.
   */
  preallocate?: boolean | undefined;
  /**
   * Hashes the source while it is copied, reads the copy back (past the cache if the file system
   * allows that) and compares the hashes. Default false.
   */
  verify?: boolean | undefined;
  /**
   * Algorithm of node:crypto for a hexadecimal digest of the content. Default: 'sha256' with
   * `verify` or `manifest`, else none.
   */
  hash?: string | undefined;
  /**
   * Path of a manifest, which is written when the copy is complete and replaces an earlier one in
   * one step: a digest and the name of the copy in each line, in the format of sha256sum. `hash`
   * selects the algorithm. Default: none.
   */
  manifest?: PathLike | undefined;
  /** Maximum bytes per second, counting bytes that are read and written. Default: no limit. */
  rateLimit?: number | undefined;
  /** Aborts the copy with an AbortError. A copy that has its name is not undone. */
  signal?: AbortSignal | undefined;
  /** Called as bytes are copied, and as they are compared or read back. */
  onProgress?: ((progress: CopyProgress) => void) | undefined;
  /**
   * Metadata to copy. `true` copies all metadata that the system and the file system support, and
   * the owner if the process may change it. Parts requested by name must succeed. By default the
   * copy has the source's permission bits, less the umask.
   */
  metadata?: boolean | MetadataOptions | undefined;
  /**
   * A regular file that is overwritten keeps its owner, its group and its permission bits, whatever
   * `metadata` says of new files. POSIX. Default false.
   */
  keepAccess?: boolean | undefined;
  /**
   * Makes the copy under another name in the same folder, syncs it, renames it when it is complete,
   * and syncs the folder. False writes to the destination itself. Default true.
   */
  atomic?: boolean | undefined;
  /**
   * How to handle a source that is written to during the copy. 'error' rejects with
   * SourceChangedError and leaves the destination unchanged. 'accept' keeps the bytes that were
   * read, and sets `changed` in the report. 'retry' starts over, at most twice, before it rejects;
   * a file that only grew is accepted at its size when it was opened. Default: 'error' for a file,
   * 'retry' for the files of a folder.
   */
  changed?: ChangedPolicy | undefined;
  /**
   * Compares the unfinished copy of an earlier call with the source and resumes it; if this call
   * fails, its unfinished copy is kept. Requires `atomic`. Default false.
   */
  resume?: boolean | undefined;
}

/** Whether bytes were read past the system's cache. */
export type ReadSource = 'disk' | 'cache';

/** The result of copying a file. */
export interface FileCopyReport {
  /** Always 'file'. */
  kind: 'file';
  /** Size of the file in bytes. */
  bytes: number;
  /**
   * Bytes that were read and written; excludes holes, clones, resumed parts and what an update in
   * place left as it was.
   */
  dataBytes: number;
  /** 'none': the existing destination was kept because of `force: false`. */
  strategy: CopyStrategy | 'none';
  /** Why this strategy was used. */
  reason: string;
  /** Digest of the content, if requested. */
  hash?: string;
  /** An earlier update in place of the destination that this call has finished. */
  interrupted?: InterruptedUpdate;
  /** Whether the copy was read back and equals the source. */
  verified: boolean;
  /** Where `verify` read the copy: 'cache' if the file system refuses to bypass the cache. */
  verifiedFrom?: ReadSource;
  /** Whether the source was written to during the copy, and `changed` accepted that. */
  changed: boolean;
  /** Parts of the source that could not be read, and are zeros in the copy, in order. */
  badSectors: FileRange[];
  /** How often a step was repeated because of `retries`. */
  retried: number;
  /** Steps that the system refused, and what was done instead. */
  fallbacks: CopyFallback[];
  /** Parts of `metadata: true` that the file system of the destination refused, by name. */
  metadataRefused: string[];
  /** Milliseconds that the copy took. */
  durationMs: number;
  /** The engine that was used. */
  engine: EngineKind;
}

/** The options of copy(), with their defaults. */
export interface CopySettings extends DiskOptions {
  strategy: 'auto' | CopyStrategy;
  unbuffered: boolean;
  depth: number | undefined;
  chunkSize: number | undefined;
  keepHoles: boolean;
  /** Whether zeros become holes. */
  findHoles: boolean;
  preallocate: boolean;
  verify: boolean;
  hash: string | undefined;
  manifest: SystemPath | undefined;
  rateLimit: number | undefined;
  signal: AbortSignal | undefined;
  onProgress: ((progress: CopyProgress) => void) | undefined;
  metadata: MetadataParts;
  keepAccess: boolean;
  atomic: boolean;
  resume: boolean;
  overwriteDevice: boolean;
  /** Whether `update` is 'inplace'. */
  isInPlace: boolean;
  writeHardLinks: boolean;
  changed: ChangedPolicy;
  retries: number;
  badSectors: 'error' | 'zero';
  force: boolean;
  errorOnExist: boolean;
  /** Whether the source is read as with `dontCache: 'prefer'`, and the copy written without it. */
  readsUncached?: boolean | undefined;
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE */
export function parseManifestPath(path: PathLike | undefined): SystemPath | undefined {
  return path === undefined ? undefined : systemPathOf(path, 'options.manifest');
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE */
export function replacementOf(options: ReplaceOptions): { force: boolean; errorOnExist: boolean } {
  const own = ownOptions(options);
  const { overwrite = true } = own;
  const { force = overwrite, errorOnExist = !overwrite } = own;
  const booleans = { overwrite, force, errorOnExist };
  for (const [name, value] of Object.entries(booleans)) validateBoolean(value, `options.${name}`);
  if (!overwrite && force) {
    throw invalidArgValue('options.overwrite', overwrite, 'contradicts options.force');
  }
  return { force, errorOnExist };
}

const retriesMax = 1_000_000;

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE */
export function parseCopyOptions(given: FileCopyOptions): CopySettings {
  validateObject(given, 'options');
  const options = ownOptions(given);
  const {
    strategy = 'auto',
    unbuffered = false,
    sparse = 'auto',
    preallocate = unbuffered,
    verify = false,
    atomic = true,
    resume = false,
    overwriteDevice = false,
    update = 'replace',
    writeHardLinks = false,
    keepAccess = false,
    changed = 'error',
    retries = 0,
    badSectors = 'error',
    rateLimit,
    onProgress,
    signal,
  } = options;
  validateOneOf(strategy, 'options.strategy', ['auto', 'clone', 'offload', 'engine']);
  validateOneOf(sparse, 'options.sparse', ['auto', 'never', 'always']);
  validateOneOf(changed, 'options.changed', ['retry', 'accept', 'error']);
  validateOneOf(update, 'options.update', ['replace', 'inplace']);
  validateOneOf(badSectors, 'options.badSectors', ['error', 'zero']);
  validateInteger(retries, 'options.retries', 0, retriesMax);
  const booleans = {
    ...{ unbuffered, preallocate, verify, atomic, resume },
    ...{ overwriteDevice, writeHardLinks, keepAccess },
  };
  for (const [name, value] of Object.entries(booleans)) validateBoolean(value, `options.${name}`);
  if (rateLimit !== undefined) validateInteger(rateLimit, 'options.rateLimit', 1);
  const depth = queueDepthOf(options);
  validateWindow({ depth, chunkSize: options.chunkSize });
  validateSignal(signal);
  const manifest = parseManifestPath(options.manifest);
  validateDiskOptions(options);
  const settings: CopySettings = {
    ...booleans,
    ...replacementOf(options),
    ...{ strategy, changed, retries, badSectors, depth },
    isInPlace: update === 'inplace',
    chunkSize: options.chunkSize,
    keepHoles: sparse !== 'never',
    findHoles: sparse === 'always',
    hash: options.hash ?? (verify || manifest !== undefined ? 'sha256' : undefined),
    manifest,
    rateLimit,
    dontCache: options.dontCache,
    ioPriority: options.ioPriority,
    signal,
    onProgress,
    metadata: parseMetadata(options.metadata),
  };
  if (settings.hash !== undefined) makeHash(settings.hash, 'options.hash');
  if (keepAccess && process.platform === 'win32') throw unavailable('options.keepAccess');
  checkTogether(settings);
  return settings;
}

function checkTogether(settings: CopySettings): void {
  const { strategy, unbuffered, keepHoles, findHoles, atomic, resume, isInPlace } = settings;
  const { keepAccess, metadata } = settings;
  if (keepAccess && (metadata.owner === 'must' || metadata.mode === 'must')) {
    throw invalidArgValue('options.keepAccess', true, 'contradicts options.metadata');
  }
  if (resume && !atomic) {
    const reason = 'cannot be used, since options.atomic is false';
    throw invalidArgValue('options.resume', resume, reason);
  }
  const isByEngine = strategy === 'auto' || strategy === 'engine';
  const why = `cannot be combined with '${strategy}'`;
  if (unbuffered && !isByEngine) throw invalidArgValue('options.unbuffered', unbuffered, why);
  if (settings.dontCache === true && strategy === 'offload') {
    throw invalidArgValue('options.dontCache', true, why);
  }
  if (isInPlace && !isByEngine) throw invalidArgValue('options.update', 'inplace', why);
  if (!isByEngine && (!keepHoles || findHoles)) {
    const sparse = findHoles ? 'always' : 'never';
    throw invalidArgValue('options.sparse', sparse, why);
  }
}

import type { EngineKind } from '../engine/native.js';
import { invalidArgValue } from '../node/errors.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateOneOf,
  validateSignal,
} from '../node/validate.js';
import { validateWindow } from '../transfer/window.js';
import { makeHash } from './make-hash.js';
import { type MetadataOptions, type MetadataParts, parseMetadata } from './metadata.js';
import type { Progress } from './progress.js';

/**
 * How a file is copied. 'clone': the file system lets both files share their blocks. 'offload': the
 * system copies between them. 'engine': this package reads and writes.
 */
export type CopyStrategy = 'clone' | 'offload' | 'engine';

/** How far a copy is. */
export interface CopyProgress extends Progress {
  /** 'resume': what is there already is compared; 'verify': the copy is read back. */
  phase: 'resume' | 'copy' | 'verify';
}

export interface CopyOptions {
  /** Default 'auto': the first of clone, offload and engine that can do what is asked for. */
  strategy?: 'auto' | CopyStrategy | undefined;
  /** Both files are opened past the system's cache, which asks for the engine. Default false. */
  unbuffered?: boolean | undefined;
  /** Chunks in flight. Default 8. */
  depth?: number | undefined;
  /** Bytes of a chunk. Default 1 MiB; with `rateLimit` at most an eighth of a second's bytes. */
  chunkSize?: number | undefined;
  /** 'auto': holes stay holes. 'never': they are written as zeros. Default 'auto'. */
  sparse?: 'auto' | 'never' | undefined;
  /**
   * Reserves the space at once, so that a lack of it shows before anything is copied. What is
   * cloned needs none, and a file whose holes are kept gets none. Default: as `unbuffered`, whose
   * writes then need not make the file grow.
   */
  preallocate?: boolean | undefined;
  /**
   * Hashes the source while it is copied, reads the copy back, past the cache where that can be
   * had, and compares. Default false.
   */
  verify?: boolean | undefined;
  /**
   * Gives the digest of the content, in hexadecimal, by this algorithm of node:crypto. Default
   * with `verify` 'sha256', else none.
   */
  hash?: string | undefined;
  /** Bytes per second at most, of those that are read and written. Default: no limit. */
  rateLimit?: number | undefined;
  /** Ends it with an AbortError. Once the copy has its name it is not undone. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: CopyProgress) => void) | undefined;
  /**
   * What the copy gets of the source besides its content. `true`: all that the system and the file
   * system have, the owner where the process may give files away; parts that are named must
   * succeed. Without it the copy has the source's permission bits, less the umask.
   */
  metadata?: boolean | MetadataOptions | undefined;
  /**
   * The copy is made under another name in the same folder, synced, and gets its name when it is
   * complete; the folder is synced, too. False writes to the destination itself. Default true.
   */
  atomic?: boolean | undefined;
  /**
   * What an earlier call with `resume` has left unfinished is compared with the source and gone on
   * with; what this one leaves unfinished stays for the next. Needs `atomic`. Default false.
   */
  resume?: boolean | undefined;
  /** False: EEXIST where the destination exists, also if it comes to be meanwhile. Default true. */
  overwrite?: boolean | undefined;
}

/** What a copy came to. */
export interface CopyReport {
  /** Bytes of the file. */
  bytes: number;
  /** Bytes that were read and written; holes, clones and what was resumed are not among them. */
  dataBytes: number;
  strategy: CopyStrategy;
  /** Why it was this one. */
  reason: string;
  /** Digest of the content, where one was asked for. */
  hash?: string;
  /** Whether the copy was read back and is the same. */
  verified: boolean;
  /** Parts of `metadata: true` that the file system of the destination refused, by their names. */
  metadataRefused: string[];
  durationMs: number;
  engine: EngineKind;
}

/** The options with their defaults. */
export interface CopySettings {
  strategy: 'auto' | CopyStrategy;
  unbuffered: boolean;
  depth: number | undefined;
  chunkSize: number | undefined;
  keepHoles: boolean;
  preallocate: boolean;
  verify: boolean;
  hash: string | undefined;
  rateLimit: number | undefined;
  signal: AbortSignal | undefined;
  onProgress: ((progress: CopyProgress) => void) | undefined;
  metadata: MetadataParts;
  atomic: boolean;
  resume: boolean;
  overwrite: boolean;
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE */
export function parseCopyOptions(options: CopyOptions): CopySettings {
  validateObject(options, 'options');
  const {
    strategy = 'auto',
    unbuffered = false,
    sparse = 'auto',
    preallocate = unbuffered,
    verify = false,
    atomic = true,
    resume = false,
    overwrite = true,
    rateLimit,
    onProgress,
    signal,
  } = options;
  validateOneOf(strategy, 'options.strategy', ['auto', 'clone', 'offload', 'engine']);
  validateOneOf(sparse, 'options.sparse', ['auto', 'never']);
  const booleans = { unbuffered, preallocate, verify, atomic, resume, overwrite };
  for (const [name, value] of Object.entries(booleans)) validateBoolean(value, `options.${name}`);
  if (rateLimit !== undefined) validateInteger(rateLimit, 'options.rateLimit', 1);
  validateWindow(options);
  validateSignal(signal);
  const settings: CopySettings = {
    ...booleans,
    strategy,
    depth: options.depth,
    chunkSize: options.chunkSize,
    keepHoles: sparse === 'auto',
    hash: options.hash ?? (verify ? 'sha256' : undefined),
    rateLimit,
    signal,
    onProgress,
    metadata: parseMetadata(options.metadata),
  };
  if (settings.hash !== undefined) makeHash(settings.hash, 'options.hash');
  checkTogether(settings);
  return settings;
}

function checkTogether({ strategy, unbuffered, keepHoles, atomic, resume }: CopySettings): void {
  if (resume && !atomic) throw invalidArgValue('options.resume', resume, 'needs options.atomic');
  const isByEngine = strategy === 'auto' || strategy === 'engine';
  if (unbuffered && !isByEngine) {
    throw invalidArgValue('options.unbuffered', unbuffered, `cannot be had with '${strategy}'`);
  }
  if (!isByEngine && !keepHoles) {
    throw invalidArgValue('options.sparse', 'never', `cannot be had with '${strategy}'`);
  }
}

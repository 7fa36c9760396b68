import { abortError } from '../../node/errors.js';
import type { PathLike } from '../../node/paths.js';
import { validateOneOf, validateSignal } from '../../node/validate.js';
import { validateWindow } from '../../transfer/window.js';
import { placeOfCopy } from '../destination.js';
import { type DiskOptions, validateDiskOptions } from '../disk-options.js';
import type { ReadSource } from '../file-copy-options.js';
import { forEach } from '../for-each.js';
import { type QueueOptions, queueDepthOf } from '../read-chunks.js';
import { isTemporaryName } from '../temporary-name.js';
import { compareContent } from './compare-content.js';
import { parseConcurrency } from './copy-tree-options.js';
import { readLists } from './name-lists.js';
import { signalForMany } from './signal-for-many.js';
import type { TreeEntry } from './tree-entry.js';
import { TreeFilter, type TreeFilterOptions } from './tree-filter.js';
import { type Place, showPlace } from './tree-place.js';
import { TreeMeter, type TreeProgress } from './tree-progress.js';
import { TreeRoot } from './tree-root.js';
import { type Trees, walkTrees } from './tree-walk.js';

/** Options of verifyTree(). */
export interface VerifyTreeOptions extends TreeFilterOptions, QueueOptions, DiskOptions {
  /** Files compared at a time. Default 16. */
  concurrency?: number | undefined;
  /**
   * Reads past the system's cache, and so from the devices; 'prefer' falls back to the cache.
   * Default false.
   */
  unbuffered?: boolean | 'prefer' | undefined;
  /** Bytes of one read. Default 1 MiB. */
  chunkSize?: number | undefined;
  /** Aborts the call with an AbortError when nothing is in flight. */
  signal?: AbortSignal | undefined;
  /** Called after each file, and while a large one is compared. */
  onProgress?: ((progress: TreeProgress) => void) | undefined;
}

/** A difference between two trees. */
export interface TreeDifference {
  /** Relative to the trees, with slashes; '.' for the trees themselves. */
  path: string;
  /**
   * 'missing': the destination lacks the entry; 'extra': the source lacks it. 'type': one is a file
   * and the other a folder, for example. 'size', 'content': files differ. 'link': the targets of
   * links differ. 'error': the entry could not be read.
   */
  kind: 'missing' | 'extra' | 'type' | 'size' | 'content' | 'link' | 'error';
  /** The error, if `kind` is 'error'. */
  error?: unknown;
}

/** The result of verifyTree(). */
export interface VerifyTreeReport {
  /** Files whose content was compared up to the end or the first difference. */
  files: number;
  /** Bytes of those files. */
  bytes: number;
  /** 'disk' if every file was read past the system's cache. */
  readFrom: ReadSource;
  /** Differences in the order of paths; empty if the trees are the same. */
  differences: TreeDifference[];
  /**
   * Unfinished files that copies have left in the destination, or still work on, relative to it.
   * They are no differences; clean() removes them.
   */
  unfinished: string[];
}

/** Whether an entry is a file or link under a temporary name of a copy. */
export function isUnfinished({ place, kind }: TreeEntry): boolean {
  return (kind === 'file' || kind === 'link') && isTemporaryName(place);
}

/** Puts differences and unfinished files into the order of their paths. */
export function sortReport({ differences, unfinished }: VerifyTreeReport): void {
  differences.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  unfinished.sort();
}

/** Validates options, and returns those of the comparison and of its walk. */
export async function parseVerifyOptions(given: VerifyTreeOptions) {
  validateWindow({ depth: queueDepthOf(given), chunkSize: given.chunkSize });
  validateOneOf(given.unbuffered, 'options.unbuffered', [undefined, true, false, 'prefer']);
  validateSignal(given.signal);
  validateDiskOptions(given);
  const options = { ...(await readLists(given)), signal: signalForMany(given.signal) };
  const { signal } = options;
  const concurrency = parseConcurrency(options.concurrency);
  return { options, concurrency, walk: { filter: new TreeFilter(options), concurrency, signal } };
}

class TreeComparison {
  readonly report: VerifyTreeReport;
  readonly #source: TreeRoot;
  readonly #destination: TreeRoot;
  readonly #options: VerifyTreeOptions;
  readonly #meter: TreeMeter;

  constructor(source: TreeRoot, destination: TreeRoot, options: VerifyTreeOptions) {
    this.#source = source;
    this.#destination = destination;
    this.#options = options;
    const readFrom = options.unbuffered ? 'disk' : 'cache';
    this.report = { files: 0, bytes: 0, readFrom, differences: [], unfinished: [] };
    this.#meter = new TreeMeter('verify', options.onProgress);
  }

  async run({ source, destination }: Trees, concurrency: number): Promise<void> {
    for (const { place, error } of [...source.errors, ...destination.errors]) {
      this.#differ(place, 'error', error);
    }
    const files: TreeEntry[] = [];
    for (const entry of source.entries.values()) {
      if (this.#isToRead(entry, destination.entries.get(entry.place))) files.push(entry);
    }
    for (const [place, entry] of destination.entries) {
      if (source.entries.has(place)) continue;
      if (isUnfinished(entry)) this.report.unfinished.push(showPlace(place));
      else this.#differ(place, 'extra');
    }
    const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
    this.#meter.start(files.length, totalBytes);
    await forEach(files, concurrency, (entry) => this.#compare(entry));
    sortReport(this.report);
  }

  /** Reports differences that show without reading. @returns whether to compare content */
  #isToRead(entry: TreeEntry, other: TreeEntry | undefined): boolean {
    const { place, kind } = entry;
    // A copy leaves sockets out, which mean nothing without their process.
    if (other === undefined && kind === 'socket') return false;
    if (other === undefined) this.#differ(place, 'missing');
    else if (other.kind !== kind) this.#differ(place, 'type');
    else if (kind === 'link') {
      if (!(entry.target as Buffer).equals(other.target as Buffer)) this.#differ(place, 'link');
    } else if (kind === 'file') {
      if (entry.size === other.size) return true;
      this.#differ(place, 'size');
    }
    return false;
  }

  async #compare(entry: TreeEntry): Promise<void> {
    const { place, size } = entry;
    const { unbuffered = false, chunkSize, signal, dontCache, ioPriority } = this.#options;
    const queueDepth = queueDepthOf(this.#options);
    if (signal?.aborted) throw abortError(signal);
    try {
      const { equal, readFrom } = await compareContent(entry, [this.#source, this.#destination], {
        ...{ unbuffered, queueDepth, chunkSize, dontCache, ioPriority, signal },
        onCompared: (bytes) => this.#meter.advance(place, 0, bytes),
      });
      if (!equal) this.#differ(place, 'content');
      if (readFrom === 'cache') this.report.readFrom = 'cache';
      this.report.files++;
      this.report.bytes += size;
    } catch (error) {
      if (signal?.aborted) throw abortError(signal);
      this.#differ(place, 'error', error);
    }
    this.#meter.advance(place, 1, 0);
  }

  #differ(place: Place, kind: TreeDifference['kind'], error?: unknown): void {
    const path = showPlace(place);
    this.report.differences.push(kind === 'error' ? { path, kind, error } : { path, kind });
  }
}

/**
 * Compares two folders with everything below them, byte for byte: the types of entries, the sizes
 * and contents of files and the targets of links, but not times, modes or owners. FIFOs, sockets
 * and devices are not opened, and a copy may lack sockets.
 * @param source a folder, or a link to one
 * @param destination the folder to compare with it
 * @param given see `VerifyTreeOptions`
 * @returns the differences; other errors are differences of the kind 'error'
 * @throws a system error of the source or the destination itself; AbortError; ERR_INVALID_ARG_TYPE,
 *   ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 */
export async function verifyTree(
  source: PathLike,
  destination: PathLike,
  given: VerifyTreeOptions = {},
): Promise<VerifyTreeReport> {
  const { options, concurrency, walk } = await parseVerifyOptions(given);
  const copy = placeOfCopy(source, destination);
  const roots = [
    new TreeRoot(source, 'source', { isOnlyRead: true }),
    new TreeRoot(copy, 'destination', { isOnlyRead: true }),
  ] as const;
  if (options.signal?.aborted) throw abortError(options.signal);
  try {
    // A destination that does not exist is an error here.
    await roots[1].open();
    const trees = await walkTrees(...roots, { ...walk, entersExtra: true, omitsSame: false });
    const comparison = new TreeComparison(...roots, options);
    await comparison.run(trees, concurrency);
    return comparison.report;
  } finally {
    await Promise.all(roots.map((root) => root.close()));
  }
}

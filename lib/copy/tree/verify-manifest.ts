import { Buffer } from 'node:buffer';
import { stat } from '../../functions/status.js';
import { abortError } from '../../node/errors.js';
import { type PathLike, showPath } from '../../node/paths.js';
import { folderOf, nameOf, systemPathOf } from '../destination.js';
import { forEach } from '../for-each.js';
import { makeHash } from '../make-hash.js';
import { ManifestError } from '../manifest-error.js';
import { readManifest } from '../manifest-file.js';
import { algorithmOfDigest, type ManifestEntry } from '../manifest-format.js';
import { queueDepthOf } from '../read-chunks.js';
import type { SystemPath } from '../spot.js';
import { hashInTree } from './hash-in-tree.js';
import { entryOf, type TreeEntry } from './tree-entry.js';
import { placeInside } from './tree-overlap.js';
import { type Place, placeOfPath, showPlace } from './tree-place.js';
import { TreeMeter } from './tree-progress.js';
import { TreeRoot } from './tree-root.js';
import { walkTree } from './tree-walk.js';
import {
  isUnfinished,
  parseVerifyOptions,
  sortReport,
  type TreeDifference,
  type VerifyTreeOptions,
  type VerifyTreeReport,
} from './verify-tree.js';

/** Options of verify() with a manifest. */
export interface VerifyManifestOptions extends VerifyTreeOptions {
  /**
   * A file with digests and names in the format of sha256sum, as `manifest` of copy() writes it.
   * Names are relative to the folder that is compared.
   */
  manifest: PathLike;
  /**
   * Algorithm of node:crypto. Default: the one that a line names, else the one of md5sum, sha1sum,
   * sha224sum, sha256sum, sha384sum or sha512sum whose digests have that length.
   */
  hash?: string | undefined;
}

/** A file that a manifest lists. */
interface Listed {
  place: Place;
  digest: string;
  algorithm: string;
}

function digitsOf(algorithm: string): number {
  return makeHash(algorithm, 'options.hash').digest('hex').length;
}

class ManifestReader {
  readonly #path: SystemPath;
  readonly #hash: string | undefined;
  readonly #digits = new Map<string, number>();

  constructor(path: SystemPath, hash: string | undefined) {
    this.#path = path;
    this.#hash = hash;
    if (hash !== undefined) this.#digits.set(hash, digitsOf(hash));
  }

  /** @throws ManifestError; system errors */
  async read(): Promise<Listed[]> {
    return (await readManifest(this.#path)).map((entry) => this.#listed(entry));
  }

  #listed({ name, digest, algorithm: tag, line }: ManifestEntry): Listed {
    const position = { path: showPath(this.#path.toString()), line };
    const place = placeOfPath(name);
    if (place === undefined || place === '') {
      const shown = Buffer.from(name, 'latin1').toString();
      const message = `A line names '${shown}', which is not below the folder`;
      throw new ManifestError('ERR_MANIFEST_PATH', message, position);
    }
    const algorithm = this.#hash ?? tag ?? algorithmOfDigest(digest);
    if (algorithm === undefined || this.#digitsOf(algorithm) !== digest.length) {
      const message = 'A line has no digest of a known algorithm';
      throw new ManifestError('ERR_MANIFEST_FORMAT', message, position);
    }
    return { place, digest, algorithm };
  }

  #digitsOf(algorithm: string): number {
    let digits = this.#digits.get(algorithm);
    if (digits === undefined) {
      try {
        digits = digitsOf(algorithm);
      } catch {
        digits = -1;
      }
      this.#digits.set(algorithm, digits);
    }
    return digits;
  }
}

class ManifestComparison {
  readonly report: VerifyTreeReport;
  readonly #root: TreeRoot;
  readonly #options: VerifyTreeOptions;
  readonly #meter: TreeMeter;

  constructor(root: TreeRoot, options: VerifyTreeOptions) {
    this.#root = root;
    this.#options = options;
    const readFrom = options.unbuffered ? 'disk' : 'cache';
    this.report = { files: 0, bytes: 0, readFrom, differences: [], unfinished: [] };
    this.#meter = new TreeMeter('verify', options.onProgress);
  }

  differ(place: Place, kind: TreeDifference['kind'], error?: unknown): void {
    const path = showPlace(place);
    this.report.differences.push(kind === 'error' ? { path, kind, error } : { path, kind });
  }

  /** Reports files that are not listed. */
  noteExtra(entries: Iterable<TreeEntry>, listed: ReadonlySet<Place>): void {
    for (const entry of entries) {
      const { place, kind } = entry;
      if (listed.has(place)) continue;
      if (isUnfinished(entry)) this.report.unfinished.push(showPlace(place));
      else if (kind === 'file') this.differ(place, 'extra');
    }
  }

  async compare(
    listed: readonly Listed[],
    entries: ReadonlyMap<Place, TreeEntry>,
    concurrency: number,
  ): Promise<void> {
    const files = listed.filter(({ place }) => {
      const kind = entries.get(place)?.kind;
      if (kind === undefined) this.differ(place, 'missing');
      else if (kind !== 'file') this.differ(place, 'type');
      return kind === 'file';
    });
    const sizeOf = ({ place }: Listed): number => (entries.get(place) as TreeEntry).size;
    this.#meter.start(
      files.length,
      files.reduce((sum, file) => sum + sizeOf(file), 0),
    );
    await forEach(files, concurrency, (file) => this.#compareOne(file, sizeOf(file)));
    sortReport(this.report);
  }

  async #compareOne({ place, digest, algorithm }: Listed, size: number): Promise<void> {
    const { unbuffered, chunkSize, dontCache, ioPriority, signal } = this.#options;
    const queueDepth = queueDepthOf(this.#options);
    if (signal?.aborted) throw abortError(signal);
    try {
      const read = await hashInTree(
        this.#root,
        { place, size },
        {
          ...{ algorithm, unbuffered, queueDepth, chunkSize, dontCache, ioPriority, signal },
          onHashed: (bytes) => this.#meter.advance(place, 0, bytes),
        },
      );
      if (read.digest !== digest) this.differ(place, 'content');
      if (read.readFrom === 'cache') this.report.readFrom = 'cache';
      this.report.files++;
      this.report.bytes += size;
    } catch (error) {
      if (signal?.aborted) throw abortError(signal);
      this.differ(place, 'error', error);
    }
    this.#meter.advance(place, 1, 0);
  }
}

/**
 * Compares a folder, or a single file, with a manifest. Listed files are read; other files are
 * differences of the kind 'extra', except unfinished copies and the manifest itself. Links are not
 * followed, and only regular files count.
 * @throws ManifestError, before any file is read; system errors of the manifest and of the folder;
 *   AbortError; ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 */
export async function verifyManifest(
  target: PathLike,
  given: VerifyManifestOptions,
): Promise<VerifyTreeReport> {
  const { options, concurrency, walk } = await parseVerifyOptions(given);
  const manifest = systemPathOf(given.manifest, 'options.manifest');
  const path = systemPathOf(target, 'destination');
  const { signal } = options;
  if (signal?.aborted) throw abortError(signal);
  const listed = await new ManifestReader(manifest, given.hash).read();
  const isFolder = (await stat(path, { signal })).isDirectory();
  const root = new TreeRoot(isFolder ? path : folderOf(path), 'destination', { isOnlyRead: true });
  try {
    const comparison = new ManifestComparison(root, options);
    if (!isFolder) {
      const place = placeOfPath(nameOf(path)) as Place;
      const entry = entryOf(place, await root.status(place));
      const ofFile = listed.filter((other) => other.place === place);
      if (ofFile.length === 0) comparison.differ(place, 'extra');
      await comparison.compare(ofFile, new Map([[place, entry]]), concurrency);
      return comparison.report;
    }
    const { entries, errors } = await walkTree(root, walk);
    for (const { place, error } of errors) comparison.differ(place, 'error', error);
    const own = await placeInside(manifest, root.at(''));
    const known = new Set(listed.map(({ place }) => place));
    if (own !== undefined) known.add(own.place);
    comparison.noteExtra(entries.values(), known);
    const wanted = listed.filter(({ place }) => walk.filter.admitsPlace(place));
    await comparison.compare(wanted, entries, concurrency);
    return comparison.report;
  } finally {
    await root.close();
  }
}

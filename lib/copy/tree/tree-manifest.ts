import process from 'node:process';
import { systemErrorOf } from '../../node/errors.js';
import { pathBytes } from '../../node/path-text.js';
import { checkManifestPlace, writeManifest } from '../manifest-file.js';
import { manifestLine } from '../manifest-format.js';
import type { SystemPath } from '../spot.js';
import type { CopiedFile } from './copy-small-file.js';
import type { TreeSettings } from './copy-tree-options.js';
import { hashInTree } from './hash-in-tree.js';
import { placeInFuture, placeInside } from './tree-overlap.js';
import { type Place, showPlace } from './tree-place.js';
import type { NameTask, Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';

const isWindows = process.platform === 'win32';

/** Returns a place as the name in a manifest, with one character for each byte. */
export function nameInManifest(place: Place): string {
  return isWindows ? pathBytes(place).toString('latin1') : place;
}

/** The digests of the files of a tree, which become a manifest when the copy is complete. */
export class TreeManifest {
  readonly #path: SystemPath;
  readonly #algorithm: string;
  readonly #digests = new Map<Place, string>();

  constructor({ path, algorithm }: { path: SystemPath; algorithm: string }) {
    this.#path = path;
    this.#algorithm = algorithm;
  }

  addCopied({ entry }: Task, { hash }: CopiedFile): void {
    if (hash !== undefined) this.#digests.set(entry.place, hash);
  }

  /** Adds another name of a file. */
  addName({ entry, first }: NameTask): void {
    const digest = this.#digests.get(first.entry.place);
    if (digest !== undefined) this.#digests.set(entry.place, digest);
  }

  /** Adds an unchanged file, whose source is read for that. @throws AbortError; system errors */
  async addUnchanged(
    { entry, first }: Task,
    source: TreeRoot,
    { fileOptions, signal }: TreeSettings,
  ): Promise<void> {
    if (entry.kind !== 'file') return;
    const { queueDepth, depth, chunkSize, dontCache, ioPriority } = fileOptions;
    const disk = { dontCache, ioPriority };
    const options = { algorithm: this.#algorithm, queueDepth, depth, chunkSize, ...disk, signal };
    const known = first && this.#digests.get(first.entry.place);
    const digest = known ?? (await hashInTree(source, entry, options)).digest;
    this.#digests.set(entry.place, digest);
  }

  /** Writes the manifest, in the order of the bytes of the names. @throws system errors */
  async write(): Promise<void> {
    await writeManifest(this.#path, this.#lines());
  }

  *#lines(): Generator<string> {
    const places = [...this.#digests.keys()].sort((a, b) => (a < b ? -1 : 1));
    for (const place of places) {
      yield manifestLine(this.#digests.get(place) as string, nameInManifest(place));
    }
  }
}

/**
 * Returns the place of a manifest that lies in one of two trees, and so belongs to neither.
 * @throws EEXIST if it would replace the copy of a file of the source; ENOENT and others if it
 *   could not be written
 */
export async function placeOfManifest(
  path: SystemPath,
  source: TreeRoot,
  destination: TreeRoot,
): Promise<Place | undefined> {
  const inSource = await placeInside(path, source.at(''));
  const place = await placeInFuture(path, destination.at(''));
  if (place === undefined) await checkManifestPlace(path);
  if (place === undefined || inSource !== undefined) return inSource?.place;
  if ((await source.statusIfThere(place)) === undefined) return place;
  throw systemErrorOf(
    'EEXIST',
    { syscall: 'copyTree', path: source.show(place) },
    `the manifest would replace the copy of '${showPlace(place)}'`,
  );
}

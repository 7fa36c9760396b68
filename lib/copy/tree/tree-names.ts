import { folderOf, type Place, showPlace } from './tree-place.js';
import type { TreeRoot } from './tree-root.js';
import type { Tree, TreeEntry } from './tree-walk.js';

/**
 * What file systems take for one name and what for two: that of the source may tell `A` from `a`,
 * and that of the destination not. Whether it does is asked of the file system itself.
 */

/** The same for all names that any file system takes for one: case, Unicode, dots at the end. */
function folded(place: Place): string {
  if (place === '') return '';
  const text = showPlace(place).normalize('NFKD').toUpperCase().toLowerCase();
  // A name of nothing but dots and spaces keeps the first of them.
  return text.replace(/(?<=[^/])[. ]+(?=\/|$)/g, '');
}

/** The places of a tree by what is the same for all their names. */
export class FoldedNames {
  readonly #tree: Tree;
  #places: Map<string, Place[]> | undefined;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Places that may be the same as this one, where names are not told apart. */
  like(place: Place): readonly Place[] {
    return this.#all().get(folded(place)) ?? [];
  }

  /** Places in folders that have another one like them. */
  clashing(): Set<Place> {
    const found = new Set<Place>();
    for (const places of this.#all().values()) {
      for (const place of places) {
        const isAlone = places.every(
          (other) => other === place || folderOf(other) !== folderOf(place),
        );
        if (!isAlone) found.add(place);
      }
    }
    return found;
  }

  #all(): Map<string, Place[]> {
    if (this.#places !== undefined) return this.#places;
    this.#places = new Map();
    for (const place of this.#tree.entries.keys()) {
      // The top has no name, and a name of dots alone folds to none.
      if (place === '') continue;
      const key = folded(place);
      const places = this.#places.get(key);
      if (places === undefined) this.#places.set(key, [place]);
      else places.push(place);
    }
    return this.#places;
  }
}

function placeUnder(folder: Place, place: Place): Place {
  const name = place.slice(place.lastIndexOf('/') + 1);
  return folder === '' ? name : `${folder}/${name}`;
}

async function isAt(root: TreeRoot, place: Place, { identity }: TreeEntry): Promise<boolean> {
  const status = await root.statusIfThere(place);
  return status !== undefined && `${status.dev}:${status.ino}` === identity;
}

/**
 * The destination with the places of the source, where its file system finds by a name of the
 * source what it has itself under another one. Without this that would be what the source lacks.
 * @param names of the source
 */
export async function withPlacesOf(
  source: Tree,
  names: FoldedNames,
  destination: Tree,
  root: TreeRoot,
): Promise<Tree> {
  const moved = new Map<Place, Place>();
  const entries = new Map<Place, TreeEntry>();
  // Here a folder stands before what is in it.
  for (const [place, entry] of destination.entries) {
    const folder = moved.get(folderOf(place)) ?? folderOf(place);
    let at = place === '' ? place : placeUnder(folder, place);
    if (!source.entries.has(at)) {
      for (const wanted of names.like(at)) {
        const isOther = destination.entries.has(placeUnder(folderOf(place), wanted));
        if (isOther || folderOf(wanted) !== folder) continue;
        if (await isAt(root, wanted, entry)) at = wanted;
      }
    }
    if (at !== place) moved.set(place, at);
    entries.set(at, at === place ? entry : { ...entry, place: at });
  }
  if (moved.size === 0) return destination;
  const withheld = new Set([...destination.withheld].map((place) => moved.get(place) ?? place));
  return { ...destination, entries, withheld };
}

import { folderOf, type Place, showPlace } from './tree-place.js';
import type { TreeRoot } from './tree-root.js';
import type { Tree, TreeEntry } from './tree-walk.js';

/**
 * Handling of file systems that treat different names as one: the source may distinguish `A` from
 * `a` where the destination does not. The file system itself is asked whether it does.
 */

/**
 * Returns the same text for all names that any file system treats as one: case, Unicode, dots at
 * the end.
 */
function folded(place: Place): string {
  if (place === '') return '';
  const text = showPlace(place).normalize('NFKD').toUpperCase().toLowerCase();
  // A name of only dots and spaces keeps the first of them.
  return text.replace(/(?<=[^/])[. ]+(?=\/|$)/g, '');
}

/** The places of a tree, grouped by their folded names. */
export class FoldedNames {
  readonly #tree: Tree;
  #places: Map<string, Place[]> | undefined;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Returns places that may be the same as this one if names are not distinguished. */
  like(place: Place): readonly Place[] {
    return this.#all().get(folded(place)) ?? [];
  }

  /** Returns places whose folder has another entry with a similar name. */
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
 * Returns the destination with the places of the source, where its file system finds an existing
 * entry by the source's name for it. Otherwise that entry would count as one that the source lacks.
 * @param names names of the source
 */
export async function withPlacesOf(
  source: Tree,
  names: FoldedNames,
  destination: Tree,
  root: TreeRoot,
): Promise<Tree> {
  const moved = new Map<Place, Place>();
  const entries = new Map<Place, TreeEntry>();
  // A folder precedes its entries here.
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

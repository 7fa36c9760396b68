import process from 'node:process';
import { Minimatch } from 'minimatch';
import { invalidArgType, invalidArgValue } from '../../node/errors.js';
import type { PathLike } from '../../node/paths.js';
import { folderOf, type Place, showPlace } from './tree-place.js';

/** Selects the entries of a tree. */
export interface TreeFilterOptions {
  /**
   * Glob patterns of paths relative to the source, with slashes: what matches one, and all below a
   * folder that does. Default: everything. A pattern means the whole path: `*.log` is at the top,
   * `**\/*.log` anywhere. One that ends with a slash matches only folders.
   */
  include?: readonly string[] | undefined;
  /** Patterns of excluded paths, with everything below; takes precedence. Default: nothing. */
  exclude?: readonly string[] | undefined;
  /**
   * Includes only these paths relative to the source, each with everything below it, in addition to
   * `include`: a list of names, or a file that has one per line or, if it has zero bytes, before
   * each of them. They are no patterns. Default: everything.
   */
  filesFrom?: PathLike | readonly (string | Uint8Array)[] | undefined;
  /** A file with patterns of excluded paths, one per line, without empty lines and `#` lines. */
  excludeFrom?: PathLike | undefined;
}

/** Options with the content of their lists. */
export interface ReadFilterOptions extends TreeFilterOptions {
  /** The places of `filesFrom`. */
  places?: ReadonlySet<Place> | undefined;
}

/** 'through': a folder that is not included itself, but may contain included entries. */
export type Admission = 'yes' | 'no' | 'through';

const ignoresCase = process.platform === 'win32' || process.platform === 'darwin';
const matching = { dot: true, nonegate: true, nocomment: true, nocase: ignoresCase } as const;

/** A pattern of paths. */
interface Pattern {
  matcher: Minimatch;
  /** Whether it ends with a slash, and so matches only folders. */
  isOfFolders: boolean;
}

function parsePatterns(given: unknown, name: string): Pattern[] | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || !given.every((pattern) => typeof pattern === 'string')) {
    throw invalidArgType(name, 'of type string[]', given);
  }
  if (given.includes('')) throw invalidArgValue(name, given, 'must not contain an empty pattern');
  // Patterns for folders may end with a slash, and those for the top begin with `./` or `/`.
  return (given as string[]).map((text) => ({
    matcher: new Minimatch(text.replace(/^(\.?\/)+|\/+$/g, ''), matching),
    isOfFolders: text.endsWith('/'),
  }));
}

/** Returns the folders that lead to places. */
function foldersTo(places: Iterable<Place>): Set<Place> {
  const folders = new Set<Place>();
  for (const place of places) {
    for (let at = folderOf(place); at !== '' && !folders.has(at); at = folderOf(at)) {
      folders.add(at);
    }
  }
  return folders;
}

/** Decides which places of a tree are included. */
export class TreeFilter {
  readonly #include: Pattern[] | undefined;
  readonly #exclude: Pattern[];
  /** Places that are included by name; undefined if there is no such list. */
  readonly places: ReadonlySet<Place> | undefined;
  readonly #leading: ReadonlySet<Place>;

  constructor({ include, exclude, places }: ReadFilterOptions) {
    this.#include = parsePatterns(include, 'options.include');
    this.#exclude = parsePatterns(exclude, 'options.exclude') ?? [];
    // A list with the top itself includes everything.
    this.places = places?.has('') ? undefined : places;
    this.#leading = foldersTo(this.places ?? []);
  }

  /** @param isBelow whether the containing folder is itself included */
  admit(place: Place, isFolder: boolean, isBelow: boolean): Admission {
    const path = showPlace(place);
    const matches = ({ matcher, isOfFolders }: Pattern): boolean =>
      (isFolder || !isOfFolders) && matcher.match(path);
    if (this.#exclude.some(matches)) return 'no';
    if (this.admitsAll || isBelow || this.places?.has(place)) return 'yes';
    const include = this.#include ?? [];
    if (include.some(matches)) return 'yes';
    const mayLead = ({ matcher }: Pattern): boolean => matcher.match(path, true);
    return isFolder && (this.#leading.has(place) || include.some(mayLead)) ? 'through' : 'no';
  }

  /** Whether a place belongs to the tree, given the folders that contain it. */
  admitsPlace(place: Place): boolean {
    let isBelow = this.admitsAll;
    for (let end = place.indexOf('/'); ; end = place.indexOf('/', end + 1)) {
      const isLast = end < 0;
      const admission = this.admit(isLast ? place : place.slice(0, end), !isLast, isBelow);
      if (admission === 'no' || isLast) return admission === 'yes';
      isBelow = admission === 'yes';
    }
  }

  /** Whether there are no rules, so that everything is included. */
  get isEmpty(): boolean {
    return this.admitsAll && this.#exclude.length === 0;
  }

  /** Whether the top of a tree is included, and with it everything that is not excluded. */
  get admitsAll(): boolean {
    return this.#include === undefined && this.places === undefined;
  }
}

import process from 'node:process';
import { Minimatch } from 'minimatch';
import { invalidArgType } from '../../node/errors.js';

/** Selects the entries of a tree. */
export interface TreeFilterOptions {
  /**
   * Glob patterns of paths relative to the source, with slashes: what matches one, and all below a
   * folder that does. Default: everything. A pattern means the whole path: `*.log` is at the top,
   * `**\/*.log` anywhere.
   */
  include?: readonly string[] | undefined;
  /** Patterns of excluded paths, with everything below; takes precedence. Default: nothing. */
  exclude?: readonly string[] | undefined;
}

/** 'through': a folder that is not included itself, but may contain included entries. */
export type Admission = 'yes' | 'no' | 'through';

const ignoresCase = process.platform === 'win32' || process.platform === 'darwin';
const matching = { dot: true, nonegate: true, nocomment: true, nocase: ignoresCase } as const;

function parsePatterns(given: unknown, name: string): Minimatch[] | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || !given.every((pattern) => typeof pattern === 'string')) {
    throw invalidArgType(name, 'of type string[]', given);
  }
  // Patterns for folders may end with a slash, and those for the top begin with `./` or `/`.
  const trimmed = (given as string[]).map((text) => text.replace(/^(\.?\/)+|\/+$/g, ''));
  return trimmed.map((text) => new Minimatch(text, matching));
}

/** Decides which paths of a tree are included. */
export class TreeFilter {
  readonly #include: Minimatch[] | undefined;
  readonly #exclude: Minimatch[];

  constructor({ include, exclude }: TreeFilterOptions) {
    this.#include = parsePatterns(include, 'options.include');
    this.#exclude = parsePatterns(exclude, 'options.exclude') ?? [];
  }

  /**
   * @param path relative to the tree, with slashes
   * @param isBelow whether the containing folder is itself included
   */
  admit(path: string, isFolder: boolean, isBelow: boolean): Admission {
    if (this.#exclude.some((pattern) => pattern.match(path))) return 'no';
    if (this.#include === undefined || isBelow) return 'yes';
    if (this.#include.some((pattern) => pattern.match(path))) return 'yes';
    const mayLead = isFolder && this.#include.some((pattern) => pattern.match(path, true));
    return mayLead ? 'through' : 'no';
  }

  /** Whether there are no patterns, so that everything is included. */
  get isEmpty(): boolean {
    return this.#include === undefined && this.#exclude.length === 0;
  }

  /** Whether the top of a tree is included, and with it everything that is not excluded. */
  get admitsAll(): boolean {
    return this.#include === undefined;
  }
}

import { Minimatch } from 'minimatch';
import { invalidArgType } from '../../node/errors.js';

/** Which entries of a tree are taken. */
export interface TreeFilterOptions {
  /**
   * Glob patterns of paths relative to the source, with slashes: what matches one, and all below a
   * folder that does. Default: everything. A pattern means the whole path: `*.log` is at the top,
   * `**\/*.log` anywhere.
   */
  include?: readonly string[] | undefined;
  /** The same of what is left out, with all below; it has precedence. Default: nothing. */
  exclude?: readonly string[] | undefined;
}

/** 'through': of a folder that is not meant itself, but may have something below that is. */
export type Admission = 'yes' | 'no' | 'through';

const ignoresCase = process.platform === 'win32' || process.platform === 'darwin';
const matching = { dot: true, nonegate: true, nocomment: true, nocase: ignoresCase } as const;

function parsePatterns(given: unknown, name: string): Minimatch[] | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || !given.every((pattern) => typeof pattern === 'string')) {
    throw invalidArgType(name, 'of type string[]', given);
  }
  // People write folders with a slash behind, and `./` or `/` before what is at the top.
  const trimmed = (given as string[]).map((text) => text.replace(/^(\.?\/)+|\/+$/g, ''));
  return trimmed.map((text) => new Minimatch(text, matching));
}

/** Which paths of a tree are meant. */
export class TreeFilter {
  readonly #include: Minimatch[] | undefined;
  readonly #exclude: Minimatch[];

  constructor({ include, exclude }: TreeFilterOptions) {
    this.#include = parsePatterns(include, 'options.include');
    this.#exclude = parsePatterns(exclude, 'options.exclude') ?? [];
  }

  /**
   * @param path relative to the tree, with slashes
   * @param isBelow whether the folder that it is in is itself meant
   */
  admit(path: string, isFolder: boolean, isBelow: boolean): Admission {
    if (this.#exclude.some((pattern) => pattern.match(path))) return 'no';
    if (this.#include === undefined || isBelow) return 'yes';
    if (this.#include.some((pattern) => pattern.match(path))) return 'yes';
    const mayLead = isFolder && this.#include.some((pattern) => pattern.match(path, true));
    return mayLead ? 'through' : 'no';
  }

  /** Whether the top of a tree is meant, and with it all that is not excluded. */
  get admitsAll(): boolean {
    return this.#include === undefined;
  }
}

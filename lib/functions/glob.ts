import type { Dirent } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IgnoreLike, Path } from 'glob';
import { makeDirent, typeOfKind } from '../handle/dirents.js';
import { invalidArgType } from '../node/errors.js';
import { nodePromises } from '../node/node-fs.js';
import { isUrl } from '../node/paths.js';
import { validateBoolean, validateObject } from '../node/validate.js';

/** Options of glob(). */
export interface GlobOptions {
  /** The folder that patterns start from. Default: that of the process. */
  cwd?: string | URL | undefined;
  /** What is left out: patterns, or a function of names (of Dirents, where those are given). */
  exclude?:
    | readonly string[]
    | ((name: string) => boolean)
    | ((entry: Dirent) => boolean)
    | undefined;
  /** Links to folders are entered as folders are. Default false. */
  followSymlinks?: boolean | undefined;
  /** Dirents in the place of paths. Default false. */
  withFileTypes?: boolean | undefined;
}
type Exclude = (value: string | Dirent) => boolean;
type Glob = (pattern: unknown, options: unknown) => AsyncIterableIterator<string | Dirent>;

function validatePatterns(value: unknown): asserts value is string | readonly string[] {
  if (typeof value === 'string') return;
  if (!Array.isArray(value)) {
    const isObject = typeof value === 'object';
    throw invalidArgType('patterns', isObject ? 'an instance of Array' : 'of type string', value);
  }
  value.forEach((pattern, index) => {
    if (typeof pattern === 'string') return;
    throw invalidArgType(`patterns[${index}]`, 'of type string', pattern);
  });
}

function validateOptions(options: unknown): asserts options is GlobOptions {
  validateObject(options, 'options');
  const { exclude, followSymlinks } = options as GlobOptions;
  if (followSymlinks != null) validateBoolean(followSymlinks, 'options.followSymlinks');
  if (exclude == null || typeof exclude === 'function') return;
  const isList = Array.isArray(exclude) && exclude.every((item) => typeof item === 'string');
  if (!isList) throw invalidArgType('options.exclude', 'of type function or string[]', exclude);
}

function toDirent(path: Path): Dirent {
  return makeDirent(path.name, typeOfKind(path), path.parentPath) as Dirent;
}

/** What is left out, as the library asks for it. */
function ignoreOf(options: GlobOptions): string[] | IgnoreLike | undefined {
  const { exclude, withFileTypes } = options;
  if (exclude == null) return undefined;
  if (typeof exclude !== 'function') return [...exclude];
  const isExcluded = exclude as Exclude;
  const ignored = (path: Path): boolean =>
    withFileTypes
      ? isExcluded(toDirent(path))
      : isExcluded(path.name) || isExcluded(path.relative() || '.');
  return { ignored, childrenIgnored: ignored };
}

// For Node 20, which has no glob. The library matches with the code that Node has built in.
async function* globByLibrary(
  pattern: unknown,
  options: unknown = {},
): AsyncIterableIterator<string | Dirent> {
  validateOptions(options);
  validatePatterns(pattern);
  const { cwd, followSymlinks, withFileTypes } = options;
  const { globIterate } = await import('glob');
  const ignore = ignoreOf(options);
  const found = globIterate(typeof pattern === 'string' ? pattern : [...pattern], {
    cwd: resolve(isUrl(cwd) ? fileURLToPath(cwd) : (cwd ?? '.')),
    follow: followSymlinks ?? false,
    windowsPathsNoEscape: true,
    withFileTypes: true,
    stat: withFileTypes ?? false,
    ...(ignore === undefined ? {} : { ignore }),
  });
  for await (const path of found) yield withFileTypes ? toDirent(path) : path.relative() || '.';
}

const nodeGlob = (nodePromises as { glob?: Glob }).glob;

export interface GlobFunction {
  (pattern: string | readonly string[]): AsyncGenerator<string>;
  (
    pattern: string | readonly string[],
    options: GlobOptions & { withFileTypes: true },
  ): AsyncGenerator<Dirent>;
  (
    pattern: string | readonly string[],
    options: GlobOptions & { withFileTypes?: false | undefined },
  ): AsyncGenerator<string>;
  (pattern: string | readonly string[], options: GlobOptions): AsyncGenerator<Dirent | string>;
}

/**
 * The paths that match a pattern (one of many, where there are several), relative to options.cwd:
 * `**`, `*`, `?`, `[a-z]`, `{a,b}` and `!(a)`, as in minimatch.
 */
export const glob = (nodeGlob ?? globByLibrary) as GlobFunction;

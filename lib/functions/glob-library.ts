import type { Dirent } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IgnoreLike, Path } from 'glob';
import { makeDirent, typeOfKind } from '../handle/dirents.js';
import { invalidArgType } from '../node/errors.js';
import { ownOptions } from '../node/own-options.js';
import { isUrl } from '../node/paths.js';
import { validateBoolean, validateObject } from '../node/validate.js';
import type { GlobOptions } from './glob-types.js';

type Exclude = (value: string | Dirent) => boolean;

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

/** Converts the `exclude` option to the library's `ignore` option. */
function ignoreOf(options: GlobOptions): string[] | IgnoreLike | undefined {
  const { exclude, withFileTypes } = ownOptions(options);
  if (exclude == null) return undefined;
  if (typeof exclude !== 'function') return [...exclude];
  const isExcluded = exclude as Exclude;
  const ignored = (path: Path): boolean =>
    withFileTypes
      ? isExcluded(toDirent(path))
      : isExcluded(path.name) || isExcluded(path.relative() || '.');
  return { ignored, childrenIgnored: ignored };
}

/**
 * glob() for Node 20, which has none. The library uses the same matcher that is built into Node.
 */
export function globByLibrary(
  pattern: unknown,
  options: unknown = {},
): AsyncIterableIterator<string | Dirent> {
  return find(pattern, options);
}

async function* find(pattern: unknown, options: unknown): AsyncIterableIterator<string | Dirent> {
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

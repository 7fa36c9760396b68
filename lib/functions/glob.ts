import type { Dirent } from 'node:fs';
import { nodePromises } from '../node/node-fs.js';
import { globByLibrary } from './glob-library.js';
import type { GlobFunction } from './glob-types.js';

type Glob = (pattern: unknown, options: unknown) => AsyncIterableIterator<string | Dirent>;

const nodeGlob = (nodePromises as { glob?: Glob }).glob;

/**
 * Iterates over the paths that match a pattern, or any of several patterns, relative to
 * `options.cwd`. Patterns are minimatch's: `**`, `*`, `?`, `[a-z]`, `{a,b}` and `!(a)`.
 * @example
 * for await (const path of glob('src/*.ts')) console.log(path);
 */
export const glob = (nodeGlob ?? globByLibrary) as GlobFunction;

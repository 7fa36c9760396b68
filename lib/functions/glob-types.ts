import type { Dirent } from 'node:fs';

/** Options of glob(). */
export interface GlobOptions {
  /** The folder that patterns start from. Default: the working directory. */
  cwd?: string | URL | undefined;
  /** Excluded entries: patterns, or a function of names (of Dirents with `withFileTypes`). */
  exclude?:
    | readonly string[]
    | ((name: string) => boolean)
    | ((entry: Dirent) => boolean)
    | undefined;
  /** Enter links to folders. Default false. */
  followSymlinks?: boolean | undefined;
  /** Return Dirents instead of paths. Default false. */
  withFileTypes?: boolean | undefined;
}
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

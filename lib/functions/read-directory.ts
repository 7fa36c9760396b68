import type { Dirent } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Content, copyOptions, parseEncodingOptions } from '../file-handle/whole-file.js';
import { makeDirent, typeOfKind, unknownType } from '../handle/dirents.js';
import { decodeNames, type EntryList, splitNames } from '../handle/entry-list.js';
import { isUrl, type PathLike, parsePath } from '../node/paths.js';
import { listTree } from './directory-tree.js';
import { lstat } from './status.js';

export interface ReaddirOptions {
  /** Of the names. Default 'utf8'; 'buffer' gives Buffers. */
  encoding?: BufferEncoding | 'buffer' | null | undefined;
  /** Dirents in the place of names. Default false. */
  withFileTypes?: boolean | undefined;
  /** All below the folder too, as paths relative to it. Default false. */
  recursive?: boolean | undefined;
  /** Aborts it. */
  signal?: AbortSignal | undefined;
}
type AsStrings = { encoding?: BufferEncoding | null | undefined };
type AsBuffers = { encoding: 'buffer' };
type Names = { withFileTypes?: false | undefined };
type Types = { withFileTypes: true };
type Common = Pick<ReaddirOptions, 'recursive' | 'signal'>;
type Listing = string[] | Buffer[] | Dirent[] | Dirent<Buffer>[];
type AnyName = string | Buffer;

/** As readdir(); throws at once what is wrong with the arguments. */
export function startReaddir(path: unknown, options: unknown): Promise<Listing> {
  const given = copyOptions(parseEncodingOptions<ReaddirOptions>(options));
  const parsed = parsePath(path);
  const recursive = Boolean(given.recursive);
  // Node's own list enters links to folders only where it gives names.
  const followLinks = recursive && !given.withFileTypes;
  const listing = listTree(parsed, { recursive, followLinks, signal: given.signal });
  if (!given.withFileTypes) return listing.then((list) => decodeNames(list, given.encoding));
  const folder = isUrl(path) ? fileURLToPath(path) : (path as AnyName);
  return listing.then((list) => decodeDirents(list, folder, given)) as Promise<Dirent[]>;
}

function decodeDirents(
  list: EntryList,
  folder: AnyName,
  options: ReaddirOptions,
): Promise<Dirent<AnyName>[]> {
  const names = options.recursive
    ? splitNames(list).map((name) => name.toString())
    : decodeNames(list, options.encoding);
  return Promise.all(
    names.map((name, index) => toDirent(name, list.types[index] as number, folder, options)),
  );
}

async function toDirent(
  path: AnyName,
  knownType: number,
  root: AnyName,
  options: ReaddirOptions,
): Promise<Dirent<AnyName>> {
  const type =
    knownType === unknownType
      ? typeOfKind(await lstat(join(String(root), String(path))))
      : knownType;
  if (!options.recursive) return makeDirent(path, type, root);
  const relative = String(path);
  const within = dirname(relative);
  const folder = within === '.' ? root : join(String(root), within);
  return makeDirent(encodeName(basename(relative), options.encoding), type, folder);
}

function encodeName(name: string, encoding: ReaddirOptions['encoding']): AnyName {
  if (!encoding || encoding === 'utf8') return name;
  const bytes = Buffer.from(name);
  return encoding === 'buffer' ? bytes : bytes.toString(encoding);
}

/**
 * Lists a folder, in Node's order.
 * @returns names, or Dirents with `withFileTypes: true`
 * @throws a system error; AbortError
 */
export function readdir(
  path: PathLike,
  options?: (AsStrings & Names & Common) | BufferEncoding | null,
): Promise<string[]>;
export function readdir(
  path: PathLike,
  options: (AsBuffers & Names & Common) | 'buffer',
): Promise<Content[]>;
export function readdir(path: PathLike, options: AsStrings & Types & Common): Promise<Dirent[]>;
export function readdir(
  path: PathLike,
  options: AsBuffers & Types & Common,
): Promise<Dirent<Content>[]>;
export function readdir(
  path: PathLike,
  options?: (ReaddirOptions & Names) | BufferEncoding | 'buffer' | null,
): Promise<string[] | Content[]>;
export function readdir(
  path: PathLike,
  options?: ReaddirOptions | BufferEncoding | 'buffer' | null,
): Promise<string[] | Content[] | Dirent[] | Dirent<Content>[]>;
export async function readdir(
  path: PathLike,
  options?: ReaddirOptions | BufferEncoding | 'buffer' | null,
): Promise<Listing> {
  return startReaddir(path, options);
}

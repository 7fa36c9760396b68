import { Buffer, isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { CompleteRequest } from '../engine/operation.js';
import type { Callback } from '../engine/outcome.js';
import { type Content, copyOptions, parseEncodingOptions } from '../file-handle/whole-file.js';
import { makeDirent, typeOfKind, unknownType } from '../handle/dirents.js';
import {
  decodeEntries,
  decodingNames,
  decodingTypedNames,
  type EntryList,
  type NameEncoding,
  namesOf,
  splitNames,
  type TypedNames,
  textIn,
} from '../handle/entry-list.js';
import { noOptions } from '../node/own-options.js';
import { pathBytes, pathText } from '../node/path-text.js';
import { isUrl, type PathLike, parsePath } from '../node/paths.js';
import { list, listFor, listRequest } from './directory-tree.js';
import { lstat } from './status.js';

/** Options of readdir(). */
export interface ReaddirOptions {
  /** The encoding of the names. Default 'utf8'; 'buffer' returns Buffers. */
  encoding?: BufferEncoding | 'buffer' | null | undefined;
  /** Return Dirents instead of names. Default false. */
  withFileTypes?: boolean | undefined;
  /** Include everything below the folder, as relative paths. Default false. */
  recursive?: boolean | undefined;
  /** Aborts the listing. */
  signal?: AbortSignal | undefined;
}
type AsStrings = { encoding?: BufferEncoding | null | undefined };
type AsBuffers = { encoding: 'buffer' };
type Names = { withFileTypes?: false | undefined };
type Types = { withFileTypes: true };
type Common = Pick<ReaddirOptions, 'recursive' | 'signal'>;
type Listing = string[] | Buffer[] | Dirent[] | Dirent<Buffer>[];
type AnyName = string | Buffer;

/** A listing to submit, and what to do with its result. */
interface ReaddirRequest {
  readonly request: CompleteRequest;
  readonly later: ((result: never) => Listing | Promise<Listing>) | undefined;
}

/** The request of readdir(). @throws invalid-argument errors */
function readdirRequest(path: unknown, options: unknown): ReaddirRequest {
  const checked = parseEncodingOptions<ReaddirOptions>(options);
  const given = checked === noOptions ? checked : copyOptions(checked);
  const parsed = parsePath(path);
  const { encoding, signal } = given;
  const recursive = Boolean(given.recursive);
  // Node's own list enters links to folders only when it returns names.
  const how = { recursive, followLinks: recursive && !given.withFileTypes, signal };
  if (!given.withFileTypes) {
    return { request: listRequest(parsed, how, decodingNames(encoding)), later: undefined };
  }
  const folder = isUrl(path) ? fileURLToPath(path) : (path as AnyName);
  if (recursive) {
    const later = (list: EntryList): Promise<Listing> =>
      resolveDirents(placesInTree(list, folder, encoding), list.types);
    return { request: listRequest(parsed, how, decodeEntries), later };
  }
  const later = (list: TypedNames): Listing | Promise<Listing> => direntsIn(folder, list);
  return { request: listRequest(parsed, how, decodingTypedNames(encoding)), later };
}

function startReaddir(path: unknown, options: unknown): Promise<Listing> {
  const { request, later } = readdirRequest(path, options);
  return later === undefined ? list(request) : list<never>(request).then(later);
}

/** readdir() for a callback. @throws invalid-argument errors */
export function readdirFor(path: unknown, options: unknown, callback: Callback<Listing>): void {
  const { request, later } = readdirRequest(path, options);
  listFor(request, callback, later);
}

function direntsIn(folder: AnyName, { names, types }: TypedNames): Listing | Promise<Listing> {
  // Only some file systems keep no types in their folders.
  if (Array.prototype.includes.call(types, unknownType)) {
    return resolveDirents(
      names.map((name) => ({ name, folder })),
      types,
    );
  }
  return names.map((name, index) => makeDirent(name, types[index] as number, folder)) as Dirent[];
}

function resolveDirents(places: Place[], types: ArrayLike<number>): Promise<Listing> {
  const dirents = places.map((place, index) => toDirent(place, types[index] as number));
  return Promise.all(dirents) as Promise<Listing>;
}

/** The name of an entry, and the path of its folder. */
interface Place {
  name: AnyName;
  folder: AnyName;
}

// Names on Windows are UTF-16; the addon converts them to WTF-8.
const isWindows = process.platform === 'win32';
const separator = sep.charCodeAt(0);

/** The places of the entries of a tree, whose names may not be valid UTF-8. */
function placesInTree(list: EntryList, root: AnyName, encoding: NameEncoding): Place[] {
  const isText = !encoding || encoding === 'utf8' || encoding === 'utf-8';
  if (isText && typeof root === 'string' && (isWindows || isUtf8(list.paths))) {
    return namesOf(list).map((path) => ({ name: basename(path), folder: folderOf(path, root) }));
  }
  return splitNames(list).map((path) => {
    const end = path.lastIndexOf(separator);
    const name = path.subarray(end + 1);
    const shown = encoding === 'buffer' ? name : textIn(encoding, name);
    return {
      name: shown,
      folder: end < 0 ? root : folderIn(root, path.subarray(0, end), encoding),
    };
  });
}

function folderOf(path: string, root: string): string {
  const within = dirname(path);
  return within === '.' ? root : join(root, within);
}

// As in Node since version 26, the folder is a Buffer if the root or the names are Buffers.
function folderIn(root: AnyName, within: Buffer, encoding: NameEncoding): AnyName {
  if (typeof root === 'string' && encoding !== 'buffer') return join(root, pathText(within));
  const start = bytesOf(root);
  const isSeparated = start.at(-1) === separator;
  return Buffer.concat([start, Buffer.from(isSeparated ? '' : sep), within]);
}

function bytesOf(name: AnyName): Buffer {
  return typeof name === 'string' ? pathBytes(name) : name;
}

async function toDirent({ name, folder }: Place, knownType: number): Promise<Dirent<AnyName>> {
  if (knownType !== unknownType) return makeDirent(name, knownType, folder);
  const path = Buffer.concat([bytesOf(folder), Buffer.from(sep), bytesOf(name)]);
  return makeDirent(name, typeOfKind(await lstat(path)), folder);
}

/**
 * Lists a folder, in Node's order.
 * @param options an encoding, or encoding, withFileTypes, recursive and signal
 * @returns names, or Dirents with `withFileTypes: true`
 * @throws a system error (ENOENT, ENOTDIR, EACCES, …); AbortError
 * @example
 * const files = await readdir('src', { recursive: true });
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
export function readdir(
  path: PathLike,
  options?: ReaddirOptions | BufferEncoding | 'buffer' | null,
): Promise<Listing> {
  // An async function would take three more turns of the microtask queue.
  try {
    return startReaddir(path, options);
  } catch (error) {
    return Promise.reject(error);
  }
}

import { Buffer } from 'node:buffer';
import type { Completion } from '../engine/completion.js';
import { pathText } from '../node/path-text.js';

/** The entries of a directory or tree: paths relative to it, and Node's UV_DIRENT_* of each. */
export interface EntryList {
  /** Names in UTF-8, separated by zero bytes. Those of Windows may have halves of pairs. */
  paths: Buffer;
  types: Uint8Array;
}

/** The form of names: strings of an encoding, or Buffers. */
export type NameEncoding = BufferEncoding | 'buffer' | null | undefined;

type AnyName = string | Buffer;

// The addon delivers a short list of listTree as a string, which is faster, if its names are ASCII.

/** Decodes the completion of listTree and listIn. */
export function decodeEntries(completion: Completion): EntryList {
  return listOf(completion.takeEntries());
}

/** Decodes the same completions to the names alone. */
export function decodeTextNames(completion: Completion): string[] {
  const entries = completion.takeEntries();
  if (typeof entries !== 'string') return namesOf(listOf(entries));
  return namesIn(entries, countIn(entries));
}

/** Returns a decoder of the same completions to the names alone. */
export function decodingNames(encoding: NameEncoding): (completion: Completion) => AnyName[] {
  if (isText(encoding)) return decodeTextNames;
  return (completion) => decodeNames(decodeEntries(completion), encoding);
}

/** The names of a directory, and Node's UV_DIRENT_* of each. */
export interface TypedNames {
  names: AnyName[];
  types: ArrayLike<number>;
}

/** Returns a decoder of the same completions to the names and their types. */
export function decodingTypedNames(encoding: NameEncoding): (completion: Completion) => TypedNames {
  return (completion) => {
    const entries = completion.takeEntries();
    if (typeof entries === 'string' && isText(encoding)) {
      const count = countIn(entries);
      const types = Array.from({ length: count }, (_, index) => entries.charCodeAt(4 + index));
      return { names: namesIn(entries, count), types };
    }
    const list = listOf(entries);
    return { names: decodeNames(list, encoding), types: list.types };
  };
}

function listOf(entries: Buffer | string): EntryList {
  const content = typeof entries === 'string' ? Buffer.from(entries, 'latin1') : entries;
  const count = content.readUInt32LE(0);
  return { types: content.subarray(4, 4 + count), paths: content.subarray(4 + count) };
}

// Lists that are strings have less than 65536 entries.
function countIn(entries: string): number {
  return entries.charCodeAt(0) + entries.charCodeAt(1) * 256;
}

function namesIn(entries: string, count: number): string[] {
  return count === 0 ? [] : entries.slice(4 + count).split('\0');
}

function isText(encoding: NameEncoding): boolean {
  return !encoding || encoding === 'utf8' || encoding === 'utf-8';
}

/** Returns the names of a list as strings. */
export function namesOf(list: EntryList): string[] {
  return list.types.byteLength === 0 ? [] : pathText(list.paths).split('\0');
}

/** Returns the names of a list as bytes. */
export function splitNames({ paths, types }: EntryList): Buffer[] {
  const names: Buffer[] = [];
  let start = 0;
  while (names.length < types.byteLength) {
    const end = paths.indexOf(0, start);
    // A copy, so that keeping one name does not keep the whole list.
    names.push(Buffer.from(paths.subarray(start, end < 0 ? paths.byteLength : end)));
    start = end + 1;
  }
  return names;
}

/** Returns the names of a list in the requested form. */
export function decodeNames(list: EntryList, encoding: NameEncoding): string[] | Buffer[] {
  if (isText(encoding)) return namesOf(list);
  const names = splitNames(list);
  if (encoding === 'buffer') return names;
  return names.map((name) => textIn(encoding, name));
}

/** Returns a name or the target of a link as text. @param encoding none for UTF-8 */
export function textIn(encoding: NameEncoding, bytes: Buffer): string {
  return isText(encoding) ? pathText(bytes) : bytes.toString(encoding as BufferEncoding);
}

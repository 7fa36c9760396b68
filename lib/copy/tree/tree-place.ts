import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { EntryName } from '../../handle/entry-name.js';
import { pathText } from '../../node/path-text.js';

/**
 * A place in a tree: names separated by slashes, '' for the top. On POSIX, where a name is bytes
 * without a defined encoding, each character stands for one byte, so that every name survives.
 */
export type Place = string;

const isWindows = process.platform === 'win32';
// Names that are the same in every encoding are passed as strings, which costs less.
const plain = /^[\0-\x7f]*$/;

/** Converts bytes to a string with one character for each byte. */
export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Converts a result of fromBytes() to the form that the system takes. */
export function toSystem(text: string): string | Buffer {
  return isWindows || plain.test(text) ? text : Buffer.from(text, 'latin1');
}

/** Returns the place of a named entry in a folder. */
export function placeIn(folder: Place, name: Buffer): Place {
  return placeOf(folder, isWindows ? pathText(name) : fromBytes(name));
}

/** Returns the place of an entry in a folder. @param name in the form of places */
export function placeOf(folder: Place, name: string): Place {
  return folder === '' ? name : `${folder}/${name}`;
}

/**
 * Returns the place that a relative path of a list names; '' for the top, undefined if it is
 * absolute or leads out of the tree.
 * @param path with one character for each byte
 */
export function placeOfPath(path: string): Place | undefined {
  const text = isWindows ? pathText(Buffer.from(path, 'latin1')).replaceAll('\\', '/') : path;
  // On Windows a colon names a drive or a stream of a file.
  if (text.startsWith('/') || (isWindows && text.includes(':'))) return undefined;
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  return parts.includes('..') ? undefined : parts.join('/');
}

/** Returns the folder that contains a place; the top for a name without a folder. */
export function folderOf(place: Place): Place {
  return place.slice(0, Math.max(0, place.lastIndexOf('/')));
}

/** Returns the name of a place in its folder. */
export function nameOf(place: Place): EntryName {
  return toSystem(place.slice(place.lastIndexOf('/') + 1));
}

/** Returns how many folders deep a place lies; 0 for the top. */
export function depthOf(place: Place): number {
  if (place === '') return 0;
  let depth = 1;
  for (let at = place.indexOf('/'); at >= 0; at = place.indexOf('/', at + 1)) depth++;
  return depth;
}

/** Returns a place as people read it and filters match it: with slashes, '.' for the top. */
export function showPlace(place: Place): string {
  if (place === '') return '.';
  return isWindows || plain.test(place) ? place : Buffer.from(place, 'latin1').toString();
}

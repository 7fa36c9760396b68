import type { EntryName } from '../../handle/entry-name.js';

/**
 * A place in a tree: names with slashes between them, '' for the top. On POSIX, where a name is
 * bytes in no certain encoding, each character stands for one byte, so that every name survives.
 */
export type Place = string;

const isWindows = process.platform === 'win32';
// Names that are the same in every encoding go to the system as strings, which costs less.
const plain = /^[\0-\x7f]*$/;

/** Bytes as a string with one character for each. */
export function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** What fromBytes() was made of, as the system takes it. */
export function toSystem(text: string): string | Buffer {
  return isWindows || plain.test(text) ? text : Buffer.from(text, 'latin1');
}

/** The place of an entry with this name in a folder. */
export function placeIn(folder: Place, name: Buffer): Place {
  const text = isWindows ? name.toString() : fromBytes(name);
  return folder === '' ? text : `${folder}/${text}`;
}

/** The folder that a place is in; of a name without a folder the top. */
export function folderOf(place: Place): Place {
  return place.slice(0, Math.max(0, place.lastIndexOf('/')));
}

/** The name of a place in its folder. */
export function nameOf(place: Place): EntryName {
  return toSystem(place.slice(place.lastIndexOf('/') + 1));
}

/** How many folders a place lies deep; 0 for the top. */
export function depthOf(place: Place): number {
  if (place === '') return 0;
  let depth = 1;
  for (let at = place.indexOf('/'); at >= 0; at = place.indexOf('/', at + 1)) depth++;
  return depth;
}

/** A place as people read it, and as filters match it: with slashes, '.' for the top. */
export function showPlace(place: Place): string {
  if (place === '') return '.';
  return isWindows || plain.test(place) ? place : Buffer.from(place, 'latin1').toString();
}

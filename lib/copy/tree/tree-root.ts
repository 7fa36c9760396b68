import { type PathLike, parsePath, showPath } from '../../node/paths.js';

/**
 * A place in a tree: names with slashes between them, '' for the top. On POSIX, where a name is
 * bytes in no certain encoding, each character stands for one byte, so that every name survives.
 */
export type Place = string;

const isWindows = process.platform === 'win32';
// What is the same in every encoding goes to the system as a string, which costs less.
const plain = /^[\0-\x7f]*$/;

function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
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

/** How many folders a place lies deep; 0 for the top. */
export function depthOf(place: Place): number {
  return place === '' ? 0 : place.split('/').length;
}

/** A place as people read it, and as filters match it: with slashes, '.' for the top. */
export function showPlace(place: Place): string {
  if (place === '') return '.';
  return isWindows || plain.test(place) ? place : Buffer.from(place, 'latin1').toString();
}

/** The top of a tree, which makes paths of places. */
export class TreeRoot {
  /** As errors name it. */
  readonly shown: string;
  readonly #path: string;

  /** @param name of the argument, in errors */
  constructor(path: PathLike, name: string) {
    const { native, shown } = parsePath(path, name);
    const bytes = typeof native === 'string' ? Buffer.from(native) : native;
    this.#path = isWindows ? (native as string) : fromBytes(bytes);
    this.shown = shown;
  }

  /** The path of a place, for calls of this package and of Node. */
  at(place: Place): string | Buffer {
    const whole = this.#join(place);
    return isWindows || plain.test(whole) ? whole : Buffer.from(whole, 'latin1');
  }

  /** The same as errors name it. */
  show(place: Place): string {
    const path = this.at(place);
    return typeof path === 'string' ? showPath(path) : path.toString();
  }

  #join(place: Place): string {
    if (place === '') return this.#path;
    const separator = isWindows ? '\\' : '/';
    const below = isWindows ? place.replaceAll('/', '\\') : place;
    return this.#path.endsWith(separator)
      ? this.#path + below
      : `${this.#path}${separator}${below}`;
  }
}

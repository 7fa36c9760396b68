import { Buffer } from 'node:buffer';
import { isUint8Array } from 'node:util/types';
import { readFile } from '../../functions/file-content.js';
import { invalidArgType, invalidArgValue } from '../../node/errors.js';
import { ownOptions } from '../../node/own-options.js';
import { pathBytes, pathText } from '../../node/path-text.js';
import type { PathLike } from '../../node/paths.js';
import { validateObject } from '../../node/validate.js';
import type { ReadFilterOptions, TreeFilterOptions } from './tree-filter.js';
import { type Place, placeOfPath } from './tree-place.js';

const lineEnd = /\r?\n/;

/** Returns the names in a list: each ends with a zero byte or, without any, with its line. */
export function namesInList(content: Buffer): Buffer[] {
  const text = content.toString('latin1');
  const names = text.split(text.includes('\0') ? '\0' : lineEnd);
  return names.filter((name) => name !== '').map((name) => Buffer.from(name, 'latin1'));
}

function placeOf(name: unknown): Place {
  if (typeof name !== 'string' && !isUint8Array(name)) {
    throw invalidArgType('options.filesFrom', 'of type string[] or Buffer[]', name);
  }
  const bytes = typeof name === 'string' ? pathBytes(name) : Buffer.from(name);
  const place = placeOfPath(bytes.toString('latin1'));
  if (place !== undefined) return place;
  const reason = 'must be relative to the source, and not lead out of it';
  throw invalidArgValue('options.filesFrom', pathText(bytes), reason);
}

/** Returns the patterns in a list, one per line, without comments. */
export function patternsInList(content: Buffer): string[] {
  const lines = content.toString().split(lineEnd);
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

/**
 * Reads the lists that options name.
 * @throws system errors; ERR_INVALID_ARG_TYPE; ERR_INVALID_ARG_VALUE for a name outside of the tree
 */
export async function readLists<T extends TreeFilterOptions>(
  given: T,
): Promise<T & ReadFilterOptions> {
  validateObject(given, 'options');
  const { filesFrom, excludeFrom, exclude } = ownOptions<TreeFilterOptions>(given);
  if (filesFrom === undefined && excludeFrom === undefined) return given;
  const read: T & ReadFilterOptions = { ...given };
  if (filesFrom !== undefined) {
    const isList = Array.isArray(filesFrom);
    const names = isList ? filesFrom : namesInList(await readFile(filesFrom as PathLike));
    read.places = new Set(names.map(placeOf));
  }
  if (excludeFrom !== undefined) {
    const patterns = patternsInList(await readFile(excludeFrom));
    // A wrong type is reported with the other options.
    read.exclude = Array.isArray(exclude) ? [...exclude, ...patterns] : (exclude ?? patterns);
  }
  return read;
}

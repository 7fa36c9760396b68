import { Buffer } from 'node:buffer';
import process from 'node:process';
import { isUint8Array } from 'node:util/types';
import { invalidArgType, invalidArgValue } from '../node/errors.js';
import { pathText } from '../node/path-text.js';

/** A name in a directory: one component of a path. */
export type EntryName = string | Uint8Array;

const isWindows = process.platform === 'win32';
const slash = 0x2f;
const dot = 0x2e;

// On Windows a colon would open a named stream of the file.
const separators = isWindows ? /[/\\:]/ : /\//;
const reason =
  "must be one component of a path: not empty, not '.' or '..', no separator, no zero byte";

function isDots(name: EntryName): boolean {
  if (name.length === 0 || name.length > 2) return name.length === 0;
  if (typeof name === 'string') return name === '.' || name === '..';
  return name.every((byte) => byte === dot);
}

/**
 * Validates a name, and returns it in the form that the addon takes.
 * @throws ERR_INVALID_ARG_TYPE; ERR_INVALID_ARG_VALUE if it is not a single component
 */
export function parseName(name: unknown, argument = 'name'): EntryName {
  if (typeof name === 'string') {
    if (isDots(name) || name.includes('\0') || separators.test(name)) {
      throw invalidArgValue(argument, name, reason);
    }
    return name;
  }
  if (!isUint8Array(name)) {
    throw invalidArgType(argument, 'of type string or an instance of Buffer', name);
  }
  if (isWindows) return parseName(pathText(Buffer.from(name)), argument);
  if (isDots(name) || name.includes(0) || name.includes(slash)) {
    throw invalidArgValue(argument, name, reason);
  }
  // A copy, since it is read when the batch is submitted, and the caller may change it before.
  return new Uint8Array(name);
}

/** Formats a name for errors. */
export function showName(name: EntryName): string {
  if (typeof name === 'string') return name;
  return pathText(Buffer.from(name.buffer, name.byteOffset, name.byteLength));
}

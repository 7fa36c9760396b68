import { Buffer } from 'node:buffer';
import { toNamespacedPath } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { isUint8Array } from 'node:util/types';
import { invalidArgType, invalidArgValue } from './errors.js';
import { pathText } from './path-text.js';

/** A path: a string, a Buffer that holds its bytes, or a file: URL. */
export type PathLike = string | Buffer | URL;

/** A path in the form for the addon (`native`) and in the form for errors (`shown`). */
export interface ParsedPath {
  readonly native: string | Uint8Array;
  readonly shown: string;
}

const isWindows = process.platform === 'win32';
const extendedPrefix = '\\\\?\\';
const extendedSharePrefix = '\\\\?\\UNC\\';

/**
 * Validates a path as Node does. On Windows the path becomes absolute and gets the prefix that
 * lifts the limit of 260 characters.
 */
export function parsePath(path: unknown, name = 'path'): ParsedPath {
  const value = typeof path !== 'string' && isUrl(path) ? fileURLToPath(path) : path;
  if (typeof value === 'string') {
    if (value.includes('\0')) throw nullByte(name, value);
    if (!isWindows) return { native: value, shown: value };
    const native = toNamespacedPath(value);
    return { native, shown: showPath(native) };
  }
  if (isUint8Array(value)) {
    if (value.includes(0)) throw nullByte(name, value);
    const shown = pathText(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    if (isWindows) return parsePath(shown, name);
    // The addon reads the path later, with the batch; a copy protects it from changes until then.
    return { native: new Uint8Array(value), shown };
  }
  throw invalidArgType(name, 'of type string or an instance of Buffer or URL', value);
}

/** Whether a path is a URL, possibly of another context; old-style URL objects are not. */
export function isUrl(path: unknown): path is URL {
  const { href, protocol, auth, path: oldPath } = (path ?? {}) as Record<string, unknown>;
  return Boolean(href && protocol) && auth === undefined && oldPath === undefined;
}

/** Converts a system path to the form that errors show. */
export function showPath(native: string): string {
  if (!native.startsWith(extendedPrefix)) return native;
  const isShare = native.slice(0, extendedSharePrefix.length).toUpperCase() === extendedSharePrefix;
  const prefix = isShare ? extendedSharePrefix : extendedPrefix;
  return (isShare ? '\\\\' : '') + native.slice(prefix.length);
}

function nullByte(name: string, value: unknown): Error {
  return invalidArgValue(name, value, 'must be a string, Uint8Array, or URL without null bytes');
}

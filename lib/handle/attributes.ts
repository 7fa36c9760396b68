import process from 'node:process';
import type { Completion } from '../engine/completion.js';
import { getEngine } from '../engine/engine.js';
import { decodeNothing, type Operable } from '../engine/operation.js';
import {
  attributesOfFile,
  attributesOfPath,
  changeAttributes,
  changeAttributesOfPath,
} from '../engine/requests.js';
import { invalidArgValue, unavailable } from '../node/errors.js';
import { type PathLike, parsePath } from '../node/paths.js';
import { validateBoolean, validateObject } from '../node/validate.js';

/** The bits of the attributes (FILE_ATTRIBUTE_* in Windows' winnt.h) by their names here. */
const bitOf = {
  readOnly: 0x1,
  hidden: 0x2,
  system: 0x4,
  directory: 0x10,
  archive: 0x20,
  device: 0x40,
  normal: 0x80,
  temporary: 0x100,
  sparse: 0x200,
  reparsePoint: 0x400,
  compressed: 0x800,
  offline: 0x1000,
  notContentIndexed: 0x2000,
  encrypted: 0x4000,
} as const;

type AttributeName = keyof typeof bitOf;

/**
 * The attributes of a file. On systems other than Windows: `readOnly` if nobody has permission to
 * write, `directory`, `reparsePoint` for a symbolic link, `sparse` if it occupies fewer whole
 * blocks than its size, on Linux `compressed` and `encrypted` from
 * [statx(2)](https://man7.org/linux/man-pages/man2/statx.2.html), `normal` if it is none of these;
 * the others are false.
 */
export type FileAttributes = { readonly [name in AttributeName]: boolean };

/** Attributes that can be set; `normal` clears all and must stand alone. */
export interface SettableAttributes {
  /** Nobody may write to the file. POSIX: the write permissions. */
  readOnly?: boolean | undefined;
  /** Folder listings leave the file out. Windows. */
  hidden?: boolean | undefined;
  /** The file belongs to the operating system. Windows. */
  system?: boolean | undefined;
  /** The file has changed since the last backup. Windows. */
  archive?: boolean | undefined;
  /** The file has no attributes; excludes all others. */
  normal?: boolean | undefined;
  /** The system avoids writing the file to the disk. Windows. */
  temporary?: boolean | undefined;
  /** The data of the file is on remote storage. Windows. */
  offline?: boolean | undefined;
  /** The search index leaves the file out. Windows. */
  notContentIndexed?: boolean | undefined;
  /** Set at creation or by path; Windows cannot change it through an open handle. */
  encrypted?: boolean | undefined;
}

const settable = [
  'readOnly',
  'hidden',
  'system',
  'archive',
  'normal',
  'temporary',
  'offline',
  'notContentIndexed',
  'encrypted',
] as const satisfies (keyof SettableAttributes)[];

const everywhere: readonly string[] = ['readOnly', 'normal'];
const isWindows = process.platform === 'win32';

interface AttributeChange {
  set: number;
  clear: number;
}

/** Validates attributes; absent ones stay unchanged. */
function parseAttributes(given: SettableAttributes, name: string): AttributeChange {
  validateObject(given, name);
  const unknown = Object.keys(given).find((key) => !(settable as readonly string[]).includes(key));
  if (unknown !== undefined) {
    const reason = `must have no property but ${settable.join(', ')}`;
    throw invalidArgValue(name, given, reason);
  }
  const change = { set: 0, clear: 0 };
  for (const key of settable) {
    const value = given[key];
    if (value === undefined) continue;
    validateBoolean(value, `${name}.${key}`);
    if (!isWindows && value && !everywhere.includes(key)) throw unavailable(`${name}.${key}`);
    change[value ? 'set' : 'clear'] |= bitOf[key];
  }
  if (change.set & bitOf.normal) {
    if (change.set !== bitOf.normal) {
      throw invalidArgValue(name, given, "must have 'normal' alone");
    }
    // All attributes that can be cleared without changing the data.
    change.clear = settable.reduce((bits, key) => bits | bitOf[key], 0) & ~bitOf.encrypted;
    change.set = isWindows ? bitOf.normal : 0;
  }
  return change;
}

/** Validates attributes of a new file, and returns their bits. */
export function attributeBits(given: SettableAttributes, name: string): number {
  return parseAttributes(given, name).set;
}

/** Options of getAttributes() and setAttributes() for a path. */
export interface PathAttributeOptions {
  /** Uses the target of a link instead of the link itself. Default true. */
  followLinks?: boolean | undefined;
}

function decodeAttributes({ attributes: bits }: Completion): FileAttributes {
  const entries = Object.entries(bitOf).map(([name, bit]) => [name, (bits & bit) !== 0]);
  return Object.fromEntries(entries) as FileAttributes;
}
function decodeAllocated({ allocatedSize }: Completion): number {
  return allocatedSize;
}
const getSubject = { syscall: 'getattributes' };
const setSubject = { syscall: 'setattributes' };
const sizeSubject = { syscall: 'allocatedsize' };

export function attributesOfHandle(handle: Operable): Promise<FileAttributes> {
  return handle.operate({
    ...attributesOfFile(),
    subject: getSubject,
    decode: decodeAttributes,
  });
}

export function allocatedSizeOfHandle(handle: Operable): Promise<number> {
  return handle.operate({
    ...attributesOfFile(),
    subject: sizeSubject,
    decode: decodeAllocated,
  });
}

export async function setAttributesOfHandle(
  handle: Operable,
  attributes: SettableAttributes,
): Promise<void> {
  const { set, clear } = parseAttributes(attributes, 'attributes');
  if ((set | clear) & bitOf.encrypted && isWindows && attributes.encrypted !== undefined) {
    const reason = 'can be changed by path only';
    throw invalidArgValue('attributes.encrypted', attributes.encrypted, reason);
  }
  await handle.operate({
    ...changeAttributes({ set, clear }),
    subject: setSubject,
    decode: decodeNothing,
  });
}

function parseFollowLinks({ followLinks = true }: PathAttributeOptions): boolean {
  validateBoolean(followLinks, 'options.followLinks');
  return followLinks;
}

/**
 * Returns the attributes of a file by its path.
 * @param path string, Buffer or file: URL
 * @throws a system error: ENOENT, …; ERR_INVALID_ARG_TYPE
 * @example
 * const { readOnly } = await getAttributes('report.csv');
 */
export async function getAttributes(
  path: PathLike,
  options: PathAttributeOptions = {},
): Promise<FileAttributes> {
  const { native, shown } = parsePath(path);
  validateObject(options, 'options');
  return getEngine().submit({
    ...attributesOfPath({ path: native, followLinks: parseFollowLinks(options) }),
    subject: { ...getSubject, path: shown },
    decode: decodeAttributes,
  });
}

/**
 * Changes attributes of a file by its path; attributes that are not given stay unchanged. Systems
 * other than Windows support `readOnly` by permission bits: nobody may write, or else the owner
 * may.
 * @param path string, Buffer or file: URL
 * @throws a system error; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM for attributes that the system lacks;
 *   ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
 * @example
 * await setAttributes('report.csv', { readOnly: true });
 */
export async function setAttributes(
  path: PathLike,
  attributes: SettableAttributes,
  options: PathAttributeOptions = {},
): Promise<void> {
  const { native, shown } = parsePath(path);
  validateObject(options, 'options');
  const { set, clear } = parseAttributes(attributes, 'attributes');
  const followLinks = parseFollowLinks(options);
  return getEngine().submit({
    ...changeAttributesOfPath({ path: native, followLinks, set, clear }),
    subject: { ...setSubject, path: shown },
    decode: decodeNothing,
  });
}

/**
 * Returns the bytes that a file occupies on the disk: fewer than its size if it is sparse or
 * compressed, and otherwise usually more (GetCompressedFileSize; st_blocks times 512).
 * @param path string, Buffer or file: URL
 * @throws a system error; ERR_INVALID_ARG_TYPE
 * @example
 * const bytes = await allocatedSize('disk.img');
 */
export async function allocatedSize(
  path: PathLike,
  options: PathAttributeOptions = {},
): Promise<number> {
  const { native, shown } = parsePath(path);
  validateObject(options, 'options');
  return getEngine().submit({
    ...attributesOfPath({ path: native, followLinks: parseFollowLinks(options) }),
    subject: { ...sizeSubject, path: shown },
    decode: decodeAllocated,
  });
}

import type * as fs from 'node:fs';
import * as path from 'node:path';
import { isWindows, settled } from '../helpers.js';

/**
 * Everything observable about an action on files: its value or error, in a form that two runs in
 * two folders share, and the resulting tree.
 */
export interface Outcome {
  value?: unknown;
  error?: Record<string, unknown>;
  tree: Record<string, unknown>;
}

/** The functions of node:fs that inspect a tree; memfs has them too. */
export type SyncFs = typeof fs;

function hideFolder(text: string, folder: string): string {
  // Node's cp() shows a Buffer path as numbers.
  const numbers = [...Buffer.from(folder)].join();
  const hidden = text.replaceAll(folder, '<folder>').replaceAll(numbers, '<folder>');
  // The folder appears within formatted strings and in URLs.
  return isWindows
    ? hidden
        .replaceAll(folder.replaceAll('\\', '\\\\'), '<folder>')
        .replaceAll(folder.replaceAll('\\', '/'), '<folder>')
    : hidden;
}

// ---- Errors

const ownKeys = new Set(['win32Error', 'bytesMayHaveMoved']);
const errorFields = ['name', 'code', 'message', 'errno', 'syscall', 'path', 'dest'] as const;

/** All parts of an error that a program may inspect. */
export function describeError(thrown: unknown, folder: string): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { thrown: normalise(thrown, folder) };
  const described: Record<string, unknown> = { class: Object.prototype.toString.call(thrown) };
  for (const base of [TypeError, RangeError]) described[base.name] = thrown instanceof base;
  for (const field of errorFields) {
    const value = (thrown as unknown as Record<string, unknown>)[field];
    described[field] = typeof value === 'string' ? hideFolder(value, folder) : value;
  }
  described.text = hideFolder(String(thrown), folder);
  // What console.log() shows. Our errors add the system's own number and the effect of an abort.
  described.keys = Object.keys(thrown).filter((key) => !ownKeys.has(key));
  if (thrown.cause !== undefined) described.cause = normalise(thrown.cause, folder);
  return described;
}

// ---- Values

const kinds = [
  'isFile',
  'isDirectory',
  'isSymbolicLink',
  'isFIFO',
  'isSocket',
  'isCharacterDevice',
  'isBlockDevice',
] as const;
type Kinds = Record<(typeof kinds)[number], () => boolean>;

function kindOf(value: Kinds): string {
  return kinds.filter((kind) => value[kind]()).join();
}

// These fields differ between two files, or depend on when the file system writes them.
const volatileFields =
  /^(dev|ino|blocks|blksize|bfree|bavail|ffree|files|(a|m|c|birth)time(Ms|Ns)?)$/;

function describeObject(value: object, folder: string, depth: number): unknown {
  const fields: Record<string, unknown> = {};
  const isStatus = 'isFile' in value || 'bavail' in value;
  for (const [key, field] of Object.entries(value)) {
    const isVolatile = isStatus && volatileFields.test(key);
    fields[key] = isVolatile ? typeof field : normalise(field, folder, depth + 1);
  }
  const name = value.constructor?.name;
  if (name === undefined || name === 'Object') return fields;
  if ('isFile' in value) fields.kind = kindOf(value as unknown as Kinds);
  return { class: name, ...fields };
}

const depthMax = 8;

/** A value without the parts that differ between two folders: paths, inodes and times. */
export function normalise(value: unknown, folder: string, depth = 0): unknown {
  if (typeof value === 'string') return hideFolder(value, folder);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > depthMax) return '…';
  if (value instanceof Error) return describeError(value, folder);
  if (Array.isArray(value)) return value.map((item) => normalise(item, folder, depth + 1));
  if (value instanceof Date) return { Date: value.getTime() };
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    const bytes = Buffer.from(new Uint8Array(buffer, byteOffset, byteLength));
    return { [value.constructor.name]: hideFolder(bytes.toString('latin1'), folder) };
  }
  if (value instanceof ArrayBuffer) return { ArrayBuffer: Buffer.from(value).toString('latin1') };
  if (value instanceof Map || value instanceof Set) return normalise([...value], folder, depth);
  // The behavior of handles, streams and folders is compared, not their structure.
  if ('close' in value || 'destroy' in value) return { class: value.constructor.name };
  return describeObject(value, folder, depth);
}

// ---- Trees

function entryOf(sync: SyncFs, place: string, folder: string): unknown {
  const status = sync.lstatSync(place);
  const mode = (status.mode & 0o7777).toString(8);
  if (status.isSymbolicLink()) return `link to ${hideFolder(sync.readlinkSync(place), folder)}`;
  if (status.isDirectory()) return `folder ${mode}`;
  if (!status.isFile()) return kindOf(status);
  // Unreadable content is compared too.
  if ((status.mode & 0o400) === 0) sync.chmodSync(place, 0o600);
  const data = sync.readFileSync(place);
  return { mode, links: status.nlink, data: data.toString('latin1') };
}

/** Everything below a folder, by relative path: kinds, modes, contents, targets of links. */
export function treeOf(sync: SyncFs, folder: string, below = ''): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const name of sync.readdirSync(path.join(folder, below)).sort()) {
    const relative = path.posix.join(below, name);
    const place = path.join(folder, relative);
    tree[relative] = entryOf(sync, place, folder);
    if (String(tree[relative]).startsWith('folder')) {
      Object.assign(tree, treeOf(sync, folder, relative));
    }
  }
  return tree;
}

/** Runs an action in a folder and returns everything observable about it. */
export async function observe(
  sync: SyncFs,
  folder: string,
  action: () => Promise<unknown>,
): Promise<Outcome> {
  const result = await settled(action());
  const tree = treeOf(sync, folder);
  return 'error' in result
    ? { error: describeError(result.error, folder), tree }
    : { value: normalise(result.value, folder), tree };
}

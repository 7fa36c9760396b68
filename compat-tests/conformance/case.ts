import * as fs from 'node:fs';
import type * as nodePromises from 'node:fs/promises';
import * as path from 'node:path';
import { isLinux, isWindows } from '../helpers.js';
import { type Outcome, observe, type SyncFs } from './observe.js';

// biome-ignore lint/suspicious/noExplicitAny: cases also make the calls that the types forbid.
type AnyCall = (...args: any[]) => any;

/** node:fs/promises, or an object with its functions. */
export type LooseFs = Record<Exclude<keyof typeof nodePromises, 'constants'> | 'glob', AnyCall>;
/** A FileHandle. */
export type LooseHandle = Record<
  Exclude<keyof nodePromises.FileHandle, symbol | 'fd'> | 'on' | 'once' | 'getAsyncId',
  AnyCall
> & { fd: number; [Symbol.asyncDispose]: AnyCall };

/** The environment of a case: a folder that holds the tree of plant(). */
export interface Setting {
  fs: LooseFs;
  /** For preparations and later checks. */
  sync: SyncFs;
  folder: string;
  /** 'folder/file', whose content is `text`. */
  file: string;
  /** 'folder/directory', which contains inner, deep/ and deep/leaf. */
  directory: string;
  /** The path of a missing file in the folder. */
  missing: string;
  /** The path of a name in the folder. */
  at(name: string): string;
}

export interface Case {
  /** Begins with the tested function, if there is a single one. */
  name: string;
  /**
   * Node's outcome: 'ok', or the code (or message) of its error, so that two wrong outcomes do not
   * pass. If it is undefined, any outcome of Node is accepted except a failure without a code.
   */
  expected: string | undefined;
  act(setting: Setting): Promise<unknown>;
  /** Why the case cannot run here. */
  skip: string | undefined;
  /** Whether the case needs no tree. */
  bare: boolean;
  /** The row of docs/delegated.md that describes our difference from Node; it is tested, too. */
  differs: string | undefined;
}

export const text = 'The file says: 0123456789 äöü ☃ 𝄞, and ends.\n';

/** Creates the tree that every case starts with. Windows lacks the links. */
export function plant(sync: SyncFs, folder: string): void {
  const at = (name: string): string => path.join(folder, name);
  sync.writeFileSync(at('file'), text);
  sync.writeFileSync(at('empty'), '');
  sync.mkdirSync(at('directory'));
  sync.writeFileSync(at('directory/inner'), 'inner');
  sync.mkdirSync(at('directory/deep'));
  sync.writeFileSync(at('directory/deep/leaf'), 'leaf');
  if (isWindows) return;
  sync.symlinkSync('file', at('link'));
  sync.symlinkSync('nowhere', at('dangling'));
  sync.symlinkSync('loop', at('loop'));
  sync.symlinkSync('directory', at('to-directory'));
}

/** Runs a case with these functions in this empty folder. */
export async function runCase(
  { act, bare }: Case,
  promises: LooseFs,
  sync: SyncFs,
  folder: string,
): Promise<Outcome> {
  if (!bare) plant(sync, folder);
  const at = (name: string): string => path.join(folder, name);
  const places = { file: at('file'), directory: at('directory'), missing: at('missing') };
  return observe(sync, folder, async () => act({ fs: promises, sync, folder, at, ...places }));
}

// ---- Creating cases

export type Act = (setting: Setting) => unknown;
export type ActOnHandle = (handle: LooseHandle, setting: Setting) => unknown;

type Where = Partial<Pick<Case, 'skip' | 'bare' | 'differs'>>;

export interface CaseList {
  cases: Case[];
  add(name: string, expected: string | undefined, act: Act, where?: Where): void;
  /** Adds a case on a handle of `file` opened with these flags; the handle is closed afterwards. */
  onHandle(
    name: string,
    expected: string | undefined,
    act: ActOnHandle,
    flags?: unknown,
    where?: Where,
  ): void;
}

export function caseList(): CaseList {
  const cases: Case[] = [];
  const add: CaseList['add'] = (name, expected, act, where = {}) => {
    const { skip, bare = false, differs } = where;
    cases.push({
      name,
      expected,
      act: async (setting) => act(setting),
      skip,
      bare,
      differs,
    });
  };
  const onHandle: CaseList['onHandle'] = (name, expected, act, flags = 'r+', where = {}) => {
    add(name, expected, (setting) => withHandle(setting, setting.file, flags, act), where);
  };
  return { cases, add, onHandle };
}

export async function withHandle(
  setting: Setting,
  place: string,
  flags: unknown,
  act: ActOnHandle,
): Promise<unknown> {
  const handle: LooseHandle = await setting.fs.open(place, flags);
  try {
    return await act(handle, setting);
  } finally {
    await handle.close();
  }
}

// ---- Where cases can be run

const unless = (possible: boolean, skip: string): Where => (possible ? {} : { skip });

export const posix = unless(!isWindows, 'Windows has no such modes, owners, links or errors');
export const linux = unless(isLinux, 'it is of Linux');
export const notRoot = unless(process.getuid?.() !== 0, 'root may do everything');
export const nodeMajor = Number(process.versions.node.split('.')[0]);
export const since = (version: number): Where =>
  unless(nodeMajor >= version, `Node ${version} has it`);

// ---- Showing values

/** Formats a value for the name of a case. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value === 'function') return value.name || 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof URL) return `URL ${value.protocol}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.byteLength})`;
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (value.constructor !== Object) return `a ${value.constructor?.name ?? 'null prototype'}`;
  const entries = Object.entries(value).map(([key, item]) => `${key}: ${shown(item)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** The outcome of a promise, as part of a value. */
export async function came(promise: unknown): Promise<unknown> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

/** Paths of the running system's constants, for flags. */
export const { constants } = fs;

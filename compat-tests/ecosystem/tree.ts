import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isWindows, packageFolder, randomBytes, temporaryFolder } from '../helpers.js';

// A real tree as input, and a description of whole trees to compare.

/** One path of a tree: everything that two trees must have in common. */
export type Entry = Record<string, string | number>;

function describe(file: string, first: Map<string, string>, name: string): Entry {
  const stats = fs.lstatSync(file, { bigint: true });
  const mode = (Number(stats.mode) & 0o7777).toString(8);
  if (stats.isSymbolicLink()) return { type: 'link', target: fs.readlinkSync(file) };
  if (stats.isDirectory()) return { type: 'directory', mode };
  if (!stats.isFile()) return { type: 'other', mode };
  const content = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
  const entry: Entry = { type: 'file', mode, size: Number(stats.size), content };
  if (stats.nlink > 1n) {
    const identity = `${stats.dev}:${stats.ino}`;
    entry.sameFileAs = first.get(identity) ?? name;
    first.set(identity, entry.sameFileAs as string);
  }
  return entry;
}

/** The names of everything below a folder, with slashes; links are not followed. */
function namesBelow(folder: string, prefix = ''): string[] {
  return fs
    .readdirSync(path.join(folder, prefix), { withFileTypes: true })
    .flatMap((entry) => {
      const name = `${prefix}${entry.name}`;
      return entry.isDirectory() ? [name, ...namesBelow(folder, `${name}/`)] : [name];
    })
    .sort();
}

/**
 * Describes every path below a folder, with slashes and sorted by name: type, mode, size, SHA-256,
 * the target of a link, and the first name of a file with several.
 */
export function describeTree(folder: string): Record<string, Entry> {
  const firstNames = new Map<string, string>();
  const tree: Record<string, Entry> = {};
  for (const name of namesBelow(folder)) {
    tree[name] = describe(path.join(folder, name), firstNames, name);
  }
  return tree;
}

/** The part of a described tree that lies below a folder. */
export function below(tree: Record<string, Entry>, folder: string): Record<string, Entry> {
  const part: Record<string, Entry> = {};
  for (const [name, entry] of Object.entries(tree)) {
    if (!name.startsWith(`${folder}/`)) continue;
    part[name.slice(folder.length + 1)] = relativeTo(folder, entry);
  }
  return part;
}

function relativeTo(folder: string, entry: Entry): Entry {
  if (entry.sameFileAs === undefined) return entry;
  return { ...entry, sameFileAs: String(entry.sameFileAs).slice(folder.length + 1) };
}

/** Modification times of the files below a folder, in whole seconds, as archives store them. */
export function timesOfFiles(folder: string): Record<string, number> {
  const times: Record<string, number> = {};
  for (const [name, { type }] of Object.entries(describeTree(folder))) {
    if (type !== 'file') continue;
    times[name] = Math.floor(fs.statSync(path.join(folder, name)).mtimeMs / 1000);
  }
  return times;
}

function hasSymbolicLinks(): boolean {
  const folder = temporaryFolder();
  try {
    fs.symlinkSync('target', path.join(folder, 'link'));
    return fs.readlinkSync(path.join(folder, 'link')) === 'target';
  } catch {
    return false;
  }
}

/** Whether the tests may create symbolic links; under Wine 8 and as plain users they may not. */
export const symbolicLinks = !isWindows || hasSymbolicLinks();

// In the past, and different for each file.
const firstSecond = 1_600_000_000;

function addSpecialFiles(folder: string): void {
  const write = (name: string, content: string | Buffer, mode = 0o644): void => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), content, { mode });
  };
  write('empty', '');
  write('empty folder/below/.keep', '');
  fs.rmSync(path.join(folder, 'empty folder/below/.keep'));
  write('bin/tool.sh', '#!/bin/sh\necho tool\n', 0o755);
  write('private/secret.txt', 'secret', 0o600);
  write('large.bin', randomBytes(300_000));
  write('block.bin', randomBytes(65_536, 2));
  write('names/grüße 日本 🎉.txt', 'grüße\r\n');
  // Longer than the 100 bytes that a tar header reserves for it.
  write(`names/${'deep/'.repeat(12)}${'n'.repeat(60)}.txt`, 'deep');
  fs.linkSync(path.join(folder, 'large.bin'), path.join(folder, 'large again.bin'));
  if (!isWindows) fs.chmodSync(path.join(folder, 'private'), 0o700);
  if (!symbolicLinks) return;
  fs.mkdirSync(path.join(folder, 'links'));
  fs.symlinkSync('../empty', path.join(folder, 'links', 'to file'));
  fs.symlinkSync('../library', path.join(folder, 'links', 'to folder'), 'dir');
  fs.symlinkSync('nowhere', path.join(folder, 'links', 'to nothing'));
}

const copiedSources = ['index.ts', 'fs.ts', 'engine', 'file-handle', 'node', 'streams'];

/**
 * Creates a tree with some sources of this package and unusual entries: modes, hard and symbolic
 * links, an empty folder, a large file, long and foreign names.
 */
export function sourceTree(): string {
  const folder = path.join(temporaryFolder(), 'source');
  for (const name of copiedSources) {
    const to = path.join(folder, 'library', name);
    fs.cpSync(path.join(packageFolder, 'lib', name), to, { recursive: true });
  }
  addSpecialFiles(folder);
  Object.keys(describeTree(folder)).forEach((name, index) => {
    const time = firstSecond + 60 * index;
    const file = path.join(folder, name);
    if (!fs.lstatSync(file).isSymbolicLink()) fs.utimesSync(file, time, time);
  });
  return folder;
}

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describeTree, sourceTree } from '../ecosystem/tree.js';
import { isWindows, randomBytes, temporaryFolder } from '../helpers.js';

// Trees to copy, and everything that a copy must preserve.

/** Larger than the files that are copied in one operation. */
export const largeSize = 3 * 1024 * 1024 + 17;

/** Creates files of many kinds, hard and symbolic links, and a read-only folder. */
export function richTree(): string {
  const folder = sourceTree();
  const large = path.join(folder, 'disk.img');
  fs.writeFileSync(large, randomBytes(largeSize, 7));
  fs.utimesSync(large, 1_500_000_000, 1_500_000_000.125);
  fs.linkSync(path.join(folder, 'empty'), path.join(folder, 'bin', 'also empty'));
  fs.utimesSync(path.join(folder, 'bin'), 1_400_000_000, 1_400_000_000.5);
  if (!isWindows) fs.chmodSync(path.join(folder, 'bin'), 0o555);
  return folder;
}

/** describeTree() with owners, and times to the microsecond. */
export function whole(folder: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries({ '.': {}, ...describeTree(folder) })) {
    const stats = fs.lstatSync(path.join(folder, name));
    const time = Math.round(stats.mtimeMs);
    // Node cannot set the times of a link on Windows.
    const times = isWindows && stats.isSymbolicLink() ? {} : { time };
    found[name] = { ...entry, ...times, uid: stats.uid, gid: stats.gid };
  }
  return found;
}

/** Creates a folder with this content: the text of a file, or null for a folder. */
export function folderOf(content: Record<string, string | Buffer | null>): string {
  const folder = path.join(temporaryFolder(), 'tree');
  fs.mkdirSync(folder);
  for (const [name, text] of Object.entries(content)) {
    const file = path.join(folder, name);
    fs.mkdirSync(text === null ? file : path.dirname(file), { recursive: true });
    if (text !== null) fs.writeFileSync(file, text);
  }
  return folder;
}

/** The sorted names of all files and folders in a folder, with slashes. */
export function namesIn(folder: string): string[] {
  return Object.keys(describeTree(folder)).sort();
}

/** A path for a destination that does not exist yet. */
export function newPlace(name = 'copy'): string {
  return path.join(temporaryFolder(), name);
}

/** A copy made by the system's own command. */
export function copyOfSystem(source: string): string {
  const to = newPlace();
  execFileSync('cp', ['-a', source, to]);
  return to;
}

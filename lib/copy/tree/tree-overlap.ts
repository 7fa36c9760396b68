import { Buffer } from 'node:buffer';
import type { BigIntStats } from 'node:fs';
import { basename, dirname } from 'node:path';
import process from 'node:process';
import { stat } from '../../functions/status.js';
import { systemErrorOf } from '../../node/errors.js';
import { realPath } from '../../node/real-path.js';
import type { SystemPath } from '../spot.js';
import type { Tree } from './tree-collector.js';
import type { TreeFilter } from './tree-filter.js';
import type { Place } from './tree-place.js';
import type { TreeRoot } from './tree-root.js';

const isWindows = process.platform === 'win32';

// Latin-1 has a character for each byte, so that names of any encoding survive.
function parentOf(path: SystemPath): SystemPath {
  if (typeof path === 'string') return dirname(path);
  return Buffer.from(dirname(path.toString('latin1')), 'latin1');
}

function isSamePath(a: SystemPath, b: SystemPath): boolean {
  return Buffer.from(a as string).equals(Buffer.from(b as string));
}

function nameOf(path: SystemPath): string {
  const text = typeof path === 'string' ? path : path.toString('latin1');
  return basename(typeof path === 'string' && !isWindows ? latin1Of(text) : text);
}

// Places have one character for each byte of a name.
function latin1Of(text: string): string {
  return Buffer.from(text).toString('latin1');
}

interface Existing {
  /** The path without links. */
  path: SystemPath;
  /** Names below it that do not exist. */
  missing: string[];
}

/** Returns the nearest existing ancestor of a path, or the path itself. */
async function existingPart(path: SystemPath): Promise<Existing> {
  const missing: string[] = [];
  for (let at = path; ; at = parentOf(at)) {
    try {
      return { path: await realPath(at), missing };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (isSamePath(parentOf(at), at)) throw error;
      missing.unshift(nameOf(at));
    }
  }
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

interface Inside {
  /** The place of a path in a folder; '' for the folder itself. */
  place: Place;
  /** Whether a mount point lies between them. */
  isMounted: boolean;
}

/** Returns where a path lies in a folder, by the identities of folders and not by their names. */
export async function placeInside(
  path: SystemPath,
  folder: SystemPath,
): Promise<Inside | undefined> {
  const wanted = await stat(folder, { bigint: true, throwIfNoEntry: false });
  if (wanted === undefined) return undefined;
  const existing = await existingPart(path);
  const names = existing.missing;
  let isMounted = false;
  for (let at = existing.path; ; at = parentOf(at)) {
    const status = await stat(at, { bigint: true });
    if (isSame(status, wanted)) return { place: names.join('/'), isMounted };
    isMounted ||= status.dev !== wanted.dev;
    if (isSamePath(parentOf(at), at)) return undefined;
    names.unshift(nameOf(at));
  }
}

/** Returns the place of a path in a folder that may not exist yet. */
export async function placeInFuture(
  path: SystemPath,
  folder: SystemPath,
): Promise<Place | undefined> {
  const [inner, outer] = [await existingPart(path), await existingPart(folder)];
  if (outer.missing.length === 0) return (await placeInside(path, folder))?.place;
  const isBelow = outer.missing.every((name, index) => inner.missing[index] === name);
  if (!isBelow || !isSamePath(inner.path, outer.path)) return undefined;
  return inner.missing.slice(outer.missing.length).join('/');
}

/** Settings that decide which places a tree copy works on. */
export interface TreeBounds {
  filter: TreeFilter;
  oneFileSystem: boolean;
  accepts?: ((place: Place) => boolean | Promise<boolean>) | undefined;
  delete: boolean;
}

/** Whether a copy never enters a place in one of its trees. */
async function isLeftOut({ place, isMounted }: Inside, bounds: TreeBounds): Promise<boolean> {
  if (place === '') return false;
  if (isMounted && bounds.oneFileSystem) return true;
  let isBelow = bounds.filter.admitsAll;
  const names = place.split('/');
  for (let length = 1; length <= names.length; length++) {
    const folder = names.slice(0, length).join('/');
    const admission = bounds.filter.admit(folder, true, isBelow);
    if (admission === 'no' || (await bounds.accepts?.(folder)) === false) return true;
    isBelow = admission === 'yes';
  }
  return false;
}

/**
 * Refuses copies that would never end or would destroy the source: a destination that is the source
 * or lies in it, and with `delete` also one that contains the source, unless the inner folder is
 * excluded.
 * @throws a system error with code EINVAL
 */
export async function checkApart(
  source: TreeRoot,
  destination: TreeRoot,
  bounds: TreeBounds,
): Promise<void> {
  const subject = { syscall: 'copyTree', path: source.shown, dest: destination.shown };
  const below = await placeInside(destination.at(''), source.at(''));
  if (below !== undefined && !(await isLeftOut(below, bounds))) {
    const hint = 'a folder cannot be copied into itself, unless the destination is excluded';
    throw systemErrorOf('EINVAL', subject, hint);
  }
  if (!bounds.delete) return;
  const above = await placeInside(source.at(''), destination.at(''));
  if (above !== undefined && !(await isLeftOut(above, bounds))) {
    throw systemErrorOf('EINVAL', subject, 'the source would be deleted, being in the destination');
  }
}

/**
 * Returns places of one folder that both trees contain, such as by a bind mount. Folders that are
 * not entered do not count, nor those of the destination that a copy leaves alone.
 */
function sharedFolder(
  source: Tree,
  destination: Tree,
  deletes: boolean,
): { mine: Place; theirs: Place } | undefined {
  const mine = new Map<string, Place>();
  for (const { kind, identity, place } of source.entries.values()) {
    if (kind === 'folder' && !source.unread.has(place)) mine.set(identity, place);
  }
  for (const { kind, identity, place } of destination.entries.values()) {
    if (kind !== 'folder' || destination.unread.has(place)) continue;
    const known = mine.get(identity);
    if (known === undefined || (!deletes && !source.entries.has(place))) continue;
    return { mine: known, theirs: place };
  }
  return undefined;
}

/**
 * Refuses trees that have a folder in common, which checkApart() cannot see in their paths: what is
 * deleted or replaced in the copy would be lost in the source, too.
 * @throws a system error with code EINVAL
 */
export async function checkNothingShared(
  roots: readonly [TreeRoot, TreeRoot],
  trees: { source: Tree; destination: Tree },
  deletes: boolean,
): Promise<void> {
  const shared = sharedFolder(trees.source, trees.destination, deletes);
  if (shared === undefined) return;
  const [source, destination] = roots;
  const [one, other] = await Promise.all([
    source.status(shared.mine),
    destination.status(shared.theirs),
  ]);
  // On file systems whose numbers change, two folders may have had the same number.
  if (!isSame(one, other)) return;
  const [path, dest] = [source.show(shared.mine), destination.show(shared.theirs)];
  const hint = 'both names lead to one folder, and one of them must be excluded';
  throw systemErrorOf('EINVAL', { syscall: 'copyTree', path, dest }, hint);
}

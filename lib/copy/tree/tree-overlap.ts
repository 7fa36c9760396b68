import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { stat } from '../../functions/status.js';
import { systemErrorOf } from '../../node/errors.js';
import { nodePromises } from '../../node/node-fs.js';
import type { SystemPath } from '../destination.js';
import type { TreeRoot } from './tree-root.js';

// A byte for a character, so that names of any encoding survive.
function parentOf(path: SystemPath): SystemPath {
  if (typeof path === 'string') return dirname(path);
  return Buffer.from(dirname(path.toString('latin1')), 'latin1');
}

function isSamePath(a: SystemPath, b: SystemPath): boolean {
  return Buffer.from(a as string).equals(Buffer.from(b as string));
}

/** The path without links, of the nearest folder above where it does not exist. */
async function existingPart(path: SystemPath): Promise<SystemPath> {
  for (let at = path; ; at = parentOf(at)) {
    try {
      const encoding = Buffer.isBuffer(at) ? 'buffer' : 'utf8';
      return await nodePromises.realpath(at, { encoding: encoding as 'utf8' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (isSamePath(parentOf(at), at)) throw error;
    }
  }
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** Whether a path lies in a folder, or is it: by what the folders are, not by their names. */
async function liesIn(path: SystemPath, folder: SystemPath): Promise<boolean> {
  const wanted = await stat(folder, { bigint: true, throwIfNoEntry: false });
  if (wanted === undefined) return false;
  for (let at = await existingPart(path); ; at = parentOf(at)) {
    if (isSame(await stat(at, { bigint: true }), wanted)) return true;
    if (isSamePath(parentOf(at), at)) return false;
  }
}

/**
 * Refuses what would never end or destroy the source: a destination that is the source or in it,
 * and where what the source lacks is deleted also a destination that the source is in.
 * @throws a system error with code EINVAL
 */
export async function checkApart(
  source: TreeRoot,
  destination: TreeRoot,
  deletes: boolean,
): Promise<void> {
  const subject = { syscall: 'copyTree', path: source.shown, dest: destination.shown };
  if (await liesIn(destination.at(''), source.at(''))) {
    throw systemErrorOf('EINVAL', subject, 'a folder cannot be copied into itself');
  }
  if (deletes && (await liesIn(source.at(''), destination.at('')))) {
    throw systemErrorOf('EINVAL', subject, 'the source would be deleted, being in the destination');
  }
}

import type { BigIntStats } from 'node:fs';
import { systemErrorOf } from '../node/errors.js';
import { nodeFs, nodePromises } from '../node/node-fs.js';
import { CopyError } from './copy-errors.js';
import { checkReplaceable, type ShownPaths, statIfThere, statusIfThere } from './destination.js';
import { openEndOfLinks } from './end-of-links.js';
import type { Spot, SystemPath } from './spot.js';

/** Returns the error for a link, through which a copy would write to an unnamed file. */
function linkInPlace({ path, dest }: ShownPaths): CopyError {
  const message = `'${dest}' is a symbolic link, which an update in place does not follow`;
  return new CopyError('ERR_COPY_LINK', message, path, dest);
}

/** The file that a copy replaces or writes to. */
export interface ResolvedDestination {
  /** Its directory, which the caller closes. */
  spot: Spot;
  /** Whether it is a block device. */
  isDevice: boolean;
}

/**
 * Opens the directory of the file that a copy replaces. Links to files are followed, since a rename
 * would replace the link itself.
 * @throws EISDIR, EEXIST, EACCES, …; CopyError
 */
export async function resolveDestination(
  destination: SystemPath,
  from: Pick<BigIntStats, 'dev' | 'ino'>,
  { force, isInPlace }: { force: boolean; isInPlace: boolean },
  shown: ShownPaths,
): Promise<ResolvedDestination> {
  const to = await statIfThere(destination, false);
  if (isInPlace && !to?.isBlockDevice()) {
    if ((await statIfThere(destination, true))?.isSymbolicLink()) throw linkInPlace(shown);
  }
  if (to !== undefined) checkReplaceable(to, from, force, shown);
  const spot = await openEndOfLinks(destination);
  try {
    // The destination may have changed since it was examined.
    const there = await statusIfThere(spot);
    const isDevice = there?.isBlockDevice() === true;
    if (isInPlace && spot.isThroughLink && !isDevice) throw linkInPlace(shown);
    if (there !== undefined) {
      await checkExisting(there, from, { spot, force, shown });
    } else if (spot.isThroughLink && !force) {
      throw systemErrorOf('EEXIST', { syscall: 'copyfile', ...shown });
    }
    return { spot, isDevice };
  } catch (error) {
    await spot.directory.close();
    throw error;
  }
}

async function checkExisting(
  there: BigIntStats,
  from: Pick<BigIntStats, 'dev' | 'ino'>,
  { spot, force, shown }: { spot: Spot; force: boolean; shown: ShownPaths },
): Promise<void> {
  checkReplaceable(there, from, force, shown);
  // A rename would replace a read-only file; its mode says that its owner does not want that.
  await nodePromises.access(spot.path, nodeFs.constants.W_OK);
}

import type { CoreHandle } from '../handle/core-handle.js';
import { statusIfThere } from './destination.js';
import { keepParts, type MetadataPart, type MetadataParts } from './metadata.js';
import type { Spot } from './spot.js';

/** Who may use a file. */
export interface FileAccess {
  uid: number;
  gid: number;
  /** Permission bits without set-ID bits, which belong to the old content. */
  mode: number;
}

const permissions = 0o777n;

/** Returns the access of the regular file that a copy replaces; undefined if there is none. */
export async function accessOfExisting(spot: Spot): Promise<FileAccess | undefined> {
  const status = await statusIfThere(spot);
  if (!status?.isFile()) return undefined;
  const { uid, gid, mode } = status;
  return { uid: Number(uid), gid: Number(gid), mode: Number(mode & permissions) };
}

/** Returns the parts of metadata without those that the replaced file decides. */
export function partsBesideAccess({ owner, mode, ...others }: MetadataParts): MetadataParts {
  return others;
}

/** Gives a new file the access of the one that it replaces. @returns refused parts */
export function giveAccess(
  handle: CoreHandle,
  { uid, gid, mode }: FileAccess,
): Promise<MetadataPart[]> {
  // The owner is first, since the mode may open the file to others.
  return keepParts({ owner: 'try', mode: 'try' }, (part) =>
    part === 'owner' ? handle.chown(uid, gid) : handle.chmod(mode),
  );
}

import { constants } from 'node:fs';
import process from 'node:process';
import { MetadataFlag } from '../engine/opcodes.js';
import { decodeNothing } from '../engine/operation.js';
import { copyMetadataParts } from '../engine/requests.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { statusIfThere } from './destination.js';
import { keepParts, type MetadataPart, type MetadataParts } from './metadata.js';
import { openRegular } from './open-regular.js';
import type { Spot } from './spot.js';

/** Who may use a file. */
export interface FileAccess {
  uid: number;
  gid: number;
  /** Permission bits without set-ID bits, which belong to the old content. */
  mode: number;
  /** Whether the access control list of the file may be copied with its mode. */
  mayCopyList: boolean;
}

const permissions = 0o777n;
const setIds = 0o6000n;

/** Returns the access of the regular file that a copy replaces; undefined if there is none. */
export async function accessOfExisting(spot: Spot): Promise<FileAccess | undefined> {
  const status = await statusIfThere(spot);
  if (!status?.isFile()) return undefined;
  const { uid, gid, mode } = status;
  const mayCopyList = process.platform === 'linux' && (mode & setIds) === 0n;
  return { uid: Number(uid), gid: Number(gid), mode: Number(mode & permissions), mayCopyList };
}

/** Returns the parts of metadata without those that the replaced file decides. */
export function partsBesideAccess({ owner, mode, ...others }: MetadataParts): MetadataParts {
  return others;
}

/** Gives a new file the access of the one that it replaces. @returns refused parts */
export function giveAccess(
  handle: CoreHandle,
  { uid, gid, mode, mayCopyList }: FileAccess,
  existing: Spot,
): Promise<MetadataPart[]> {
  const giveMode = async (): Promise<void> => {
    if (mayCopyList) await copyList(existing, handle);
    await handle.chmod(mode);
  };
  // The owner is first, since the mode may open the file to others.
  return keepParts({ owner: 'try', mode: 'try' }, (part) =>
    part === 'owner' ? handle.chown(uid, gid) : giveMode(),
  );
}

/** Copies the access control list of a file, which says what the group bits of its mode mean. */
async function copyList({ directory, name }: Spot, handle: CoreHandle): Promise<void> {
  const opening = openRegular(
    (more) => directory.openCore(name, constants.O_RDONLY | more),
    undefined,
  );
  // A file that the process may not read has been replaced or keeps only its mode.
  const existing = await opening.catch(() => undefined);
  if (existing === undefined) return;
  try {
    await handle.operateFrom(existing, {
      ...copyMetadataParts(MetadataFlag.mode),
      subject: { syscall: 'fchmod' },
      decode: decodeNothing,
    });
  } finally {
    await existing.close();
  }
}

import process from 'node:process';
import { MetadataFlag } from '../../engine/opcodes.js';
import { decodeNothing } from '../../engine/operation.js';
import { copyMetadataParts } from '../../engine/requests.js';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import { getAttributes, setAttributes } from '../../handle/attributes.js';
import type { EntryName } from '../../handle/entry-name.js';
import { keepParts, type MetadataPart, type MetadataParts } from '../metadata.js';
import type { SystemPath } from '../spot.js';
import type { CopiedFile } from './copy-small-file.js';
import { differenceOf } from './time-window.js';
import type { TreeEntry } from './tree-entry.js';
import type { Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';

// Leaves out attributes that say how the file system stores the content.
async function copyAttributes(from: SystemPath, to: SystemPath): Promise<void> {
  const { readOnly, hidden, system, archive, notContentIndexed } = await getAttributes(from);
  await setAttributes(to, { readOnly, hidden, system, archive, notContentIndexed });
}

const permissions = 0o777;
const setUserId = 0o4000;
const setGroupId = 0o2000;

/**
 * Returns the mode for an existing file, without set-ID bits for an owner that it does not have.
 */
function modeOf(entry: TreeEntry, there: TreeEntry): number {
  if (entry.kind !== 'file') return entry.mode;
  const others =
    (entry.uid === there.uid ? 0 : setUserId) | (entry.gid === there.gid ? 0 : setGroupId);
  return entry.mode & ~others;
}

/**
 * Whether an unchanged file must be copied again rather than get the metadata of its source. A user
 * could otherwise get his own content a foreign owner, or set-ID bits, by a file of the same size
 * and time.
 */
export function mayBeForged({ entry, there }: Task, parts: MetadataParts): boolean {
  const { owner, mode } = parts;
  const user = process.geteuid?.();
  if (user === undefined || entry.kind !== 'file' || there?.kind !== 'file') return false;
  if (!differsInMetadata(entry, there, parts)) return false;
  const isGivenAway = owner !== undefined && there.uid !== entry.uid && there.uid !== user;
  const wanted = owner === undefined ? modeOf(entry, there) : entry.mode;
  const getsSetId = mode !== undefined && (wanted & (setUserId | setGroupId)) !== 0;
  return isGivenAway || getsSetId;
}

/**
 * Takes an existing file from its owner. A file of this process is given to the owner of its source
 * instead, which loses its set-ID bits.
 * @returns false if the file system or the rights of the process refuse that
 */
export async function mayGiveAway(
  { entry, there }: Task,
  destination: TreeRoot,
  { owner }: MetadataParts,
): Promise<boolean> {
  if (owner === undefined) return true;
  const user = process.geteuid?.() ?? -1;
  const [uid, gid] = there?.uid === user ? [entry.uid, entry.gid] : [user, -1];
  try {
    return await destination.spot(entry.place, async ({ directory, name }) => {
      await directory.chown(name, uid, gid);
      // Some mounts accept a new owner and ignore it.
      return (await directory.lstat(name)).uid === uid;
    });
  } catch {
    return false;
  }
}

type Keepers = Partial<Record<MetadataPart, () => Promise<void>>>;

/** The two trees between which metadata is copied. */
export interface TreePair {
  source: TreeRoot;
  destination: TreeRoot;
}

/**
 * Gives a file or folder of the destination the owner, mode, times and attributes of its source.
 * @param there the existing entry; undefined only for a new folder
 * @returns the parts that were tried and refused
 */
export async function keepMetadata(
  trees: TreePair,
  { entry, there = entry }: { entry: TreeEntry; there?: TreeEntry | undefined },
  parts: MetadataParts,
): Promise<MetadataPart[]> {
  const { source, destination } = trees;
  const { place, uid, gid, atimeNs, mtimeNs } = entry;
  return destination.beside(place, (directory, name) => {
    let now = there;
    const keepers: Keepers = {
      owner: async () => {
        await directory.chown(name, uid, gid);
        now = entry;
      },
      mode: () => directory.chmod(name, modeOf(entry, now)),
      times: () => directory.utimes(name, atimeNs, mtimeNs),
      attributes: () => copyAttributes(source.at(place), destination.at(place)),
      xattrs: () => copyFolderXattrs(trees, entry),
    };
    return keepParts(parts, (part) => keepers[part]?.());
  });
}

/** Copies the extended attributes of a folder, access control lists included. */
async function copyFolderXattrs(
  { source, destination }: TreePair,
  { kind, place }: TreeEntry,
): Promise<void> {
  // Files get theirs with their content.
  if (kind !== 'folder') return;
  await source.within(place, ({ core: from }) =>
    destination.within(place, ({ core: to }) =>
      to.operateFrom(from, {
        ...copyMetadataParts(MetadataFlag.xattrs),
        subject: { syscall: 'fsetxattr', path: destination.show(place) },
        decode: decodeNothing,
      }),
    ),
  );
}

/**
 * Keeps the metadata of a symbolic link, a FIFO or a device under any name in a directory. Links
 * have no mode. A device gets its owner before a mode lets anybody open it.
 */
export async function keepMetadataOfName(
  directory: DirectoryHandle,
  name: EntryName,
  { kind, mode, uid, gid, atimeNs, mtimeNs }: TreeEntry,
  parts: MetadataParts,
): Promise<MetadataPart[]> {
  const keepers: Keepers = {
    owner: () => directory.chown(name, uid, gid),
    ...(kind === 'link' ? {} : { mode: () => directory.chmod(name, mode) }),
    times: () => directory.utimes(name, atimeNs, mtimeNs),
  };
  const refused = await keepParts(parts, (part) => keepers[part]?.());
  // A new FIFO or device has no permissions.
  const isClosed = kind !== 'link' && parts.mode === undefined;
  if (isClosed) await directory.chmod(name, mode & permissions & ~process.umask());
  return refused;
}

/** Gives a durable file that was written in place its times. @returns its new result */
export async function giveTimes(
  { entry }: Task,
  copied: CopiedFile,
  destination: TreeRoot,
  { times }: MetadataParts,
): Promise<CopiedFile> {
  const { timesLater } = copied;
  if (times === undefined || timesLater === undefined) return copied;
  const refused = await destination.spot(entry.place, ({ directory, name }) =>
    keepParts({ times }, () => directory.utimes(name, timesLater.atimeNs, timesLater.mtimeNs)),
  );
  return { ...copied, metadataRefused: [...copied.metadataRefused, ...refused] };
}

/** Whether an existing folder has the metadata of its source. */
export function isFolderLike(
  { entry, there }: Task,
  metadata: MetadataParts,
  timeWindowNs: bigint,
): boolean {
  if (there?.kind !== 'folder' || differsInMetadata(entry, there, metadata)) return false;
  // Attributes are not compared.
  if (metadata.attributes || metadata.xattrs) return false;
  return !metadata.times || differenceOf(entry.mtimeNs, there.mtimeNs) < timeWindowNs;
}

/** Whether an existing entry has another mode or owner than the copy should have. */
export function differsInMetadata(
  entry: TreeEntry,
  there: TreeEntry,
  { owner, mode }: MetadataParts,
): boolean {
  if (owner && (entry.uid !== there.uid || entry.gid !== there.gid)) return true;
  return mode !== undefined && entry.kind !== 'link' && modeOf(entry, there) !== there.mode;
}

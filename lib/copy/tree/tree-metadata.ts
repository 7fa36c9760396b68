import process from 'node:process';
import { MetadataFlag } from '../../engine/opcodes.js';
import { decodeNothing } from '../../engine/operation.js';
import { copyMetadataParts } from '../../engine/requests.js';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import type { CoreHandle } from '../../handle/core-handle.js';
import type { EntryMetadata } from '../../handle/entry-metadata.js';
import type { EntryName } from '../../handle/entry-name.js';
import { keepParts, type MetadataPart, type MetadataParts } from '../metadata.js';
import { isOwn } from '../own-file.js';
import type { Spot } from '../spot.js';
import type { CopiedFile } from './copy-small-file.js';
import type { KnownEntries, NamedEntry } from './known-entries.js';
import { differenceOf } from './time-window.js';
import type { TreeEntry } from './tree-entry.js';
import { folderOf, type Place } from './tree-place.js';
import type { Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';

/**
 * Runs an action with an entry that is opened for its attributes alone, and not followed.
 * @param name null for the directory itself
 */
async function withAttributes<T>(
  directory: DirectoryHandle,
  name: EntryName | null,
  act: (core: CoreHandle) => Promise<T>,
): Promise<T> {
  if (name === null) return act(directory.core);
  const core = await directory.openCore(name, 'r', { attributesOnly: true });
  try {
    return await act(core);
  } finally {
    await core.close();
  }
}

// Leaves out attributes that say how the file system stores the content.
async function copyAttributes(
  source: TreeRoot,
  place: Place,
  directory: DirectoryHandle,
  name: EntryName | null,
): Promise<void> {
  const { readOnly, hidden, system, archive, notContentIndexed } = await source.beside(
    place,
    (from, its) => withAttributes(from, its, (core) => core.getAttributes()),
  );
  const wanted = { readOnly, hidden, system, archive, notContentIndexed };
  await withAttributes(directory, name, (core) => core.setAttributes(wanted));
}

const isWindows = process.platform === 'win32';
const permissions = 0o777;
const ofOwner = 0o700;
const ofGroup = 0o070;
const ofOthers = 0o077;
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
  known: KnownEntries,
  { owner }: MetadataParts,
): Promise<boolean> {
  if (owner === undefined || there === undefined) return true;
  const user = process.geteuid?.() ?? -1;
  const [uid, gid] = there.uid === user ? [entry.uid, entry.gid] : [user, -1];
  const { place } = entry;
  try {
    return await destination.spot(place, async ({ directory, name }) => {
      const wanted = { ...metadataOf(there), uid, gid };
      await known.setMetadata({ directory, name, place }, wanted, { owner: 'must' }, there);
      // Some mounts accept a new owner and ignore it.
      return (await directory.lstat(name)).uid === uid;
    });
  } catch {
    return false;
  }
}

/** Changes of an existing folder that come before anything is copied into it. */
export interface EarlyChanges {
  parts: MetadataParts;
  mode: number;
}

/**
 * Returns the changes by which an existing folder loses rights that its source does not grant;
 * undefined if there are none. A folder of another user gets its owner, and one of this process
 * keeps it until it is complete.
 */
export function earlyChangesOf(
  entry: TreeEntry,
  there: TreeEntry,
  { owner, mode: keepsMode }: MetadataParts,
): EarlyChanges | undefined {
  if (isWindows || keepsMode === undefined) return undefined;
  const changesGroup = owner !== undefined && entry.gid !== there.gid;
  const changesOwner = owner !== undefined && entry.uid !== there.uid;
  const isTaken = (changesOwner || changesGroup) && !isOwn(there.uid);
  const mode = there.mode & (entry.mode | ofOwner) & ~(changesGroup ? ofGroup : 0);
  if (!isTaken && ((there.mode ^ mode) & ofOthers) === 0) return undefined;
  // A refusal is reported, or is an error, when the folder is complete.
  return { parts: { ...(isTaken && { owner: 'try' }), mode: 'try' }, mode };
}

function metadataOf({ uid, gid, mode, atimeNs, mtimeNs }: TreeEntry): EntryMetadata {
  return { uid, gid, mode, atimeNs, mtimeNs };
}

/** The two trees between which metadata is copied. */
export interface TreePair {
  source: TreeRoot;
  destination: TreeRoot;
  known: KnownEntries;
}

/**
 * Gives an entry of the destination the owner, times and attributes of its source, and a mode.
 * @returns the parts that were tried and refused
 */
export async function keepMetadata(
  { source, destination, known }: TreePair,
  { entry, there }: Task,
  parts: MetadataParts,
  mode: number,
): Promise<MetadataPart[]> {
  const { place, kind } = entry;
  if (isWindows) return keepMetadataOfWindows(source, destination, entry, parts);
  const wanted = { ...metadataOf(entry), mode };
  const seen = there?.kind === kind ? there : { kind };
  const set = (spot: Omit<NamedEntry, 'place'>, some: MetadataParts): Promise<MetadataPart[]> =>
    known.setMetadata({ ...spot, place }, wanted, partsFor(entry, some), seen);
  const setByName: SetParts = (some) =>
    withSource(source, folderOf(place), entry, (from) =>
      destination.beside(place, (directory, name) => set({ directory, name, from }, some)),
    );
  // Files get their extended attributes with their content.
  if (kind !== 'folder') return setByName(parts);
  const setXattrs = (directory: DirectoryHandle): Promise<MetadataPart[]> =>
    keepFolderXattrs(source, directory, entry, parts);
  if (there?.kind === kind) {
    return keepInOrder(parts, setByName, () => destination.within(place, setXattrs));
  }
  // A new folder has been checked when it was opened.
  return destination.within(place, (directory) => {
    const setOpen: SetParts = (some) =>
      withSource(source, place, entry, (from) => set({ directory, name: null, from }, some));
    return keepInOrder(parts, setOpen, () => setXattrs(directory));
  });
}

type SetParts = (parts: MetadataParts) => Promise<MetadataPart[]>;

/**
 * Sets the metadata of a folder. The owner comes first, because an access control list grants
 * rights to the folder's group. The mode comes last, because a read-only folder does not let its
 * owner change extended attributes.
 */
async function keepInOrder(
  parts: MetadataParts,
  set: SetParts,
  setXattrs: () => Promise<MetadataPart[]>,
): Promise<MetadataPart[]> {
  if (parts.xattrs === undefined) return set(parts);
  const { owner, ...others } = parts;
  const refused = owner === undefined ? [] : await set({ owner });
  return [...refused, ...(await setXattrs()), ...(await set(others))];
}

/**
 * Runs an action with an open folder of the source if the mode of an entry may come with an access
 * control list. A folder that has vanished has none.
 */
async function withSource<T>(
  source: TreeRoot,
  folder: Place,
  { mode }: TreeEntry,
  act: (from: DirectoryHandle | undefined) => Promise<T>,
): Promise<T> {
  if (process.platform !== 'linux' || (mode & ofOthers) === 0) return act(undefined);
  let isOpen = false;
  try {
    return await source.within(folder, (from) => {
      isOpen = true;
      return act(from);
    });
  } catch (error) {
    if (isOpen) throw error;
    return act(undefined);
  }
}

/** Copies the extended attributes of a folder, access control lists included. */
function keepFolderXattrs(
  source: TreeRoot,
  directory: DirectoryHandle,
  { place }: TreeEntry,
  { xattrs }: MetadataParts,
): Promise<MetadataPart[]> {
  return keepParts(xattrs === undefined ? {} : { xattrs }, () =>
    source.within(place, ({ core: from }) =>
      directory.core.operateFrom(from, {
        ...copyMetadataParts(MetadataFlag.xattrs),
        subject: { syscall: 'fsetxattr' },
        decode: decodeNothing,
      }),
    ),
  );
}

/**
 * Gives a new link, FIFO or device under a temporary name the metadata of its source. A device gets
 * its owner before a mode lets anybody open it.
 */
export function keepMetadataOfNew(
  { directory, name }: Pick<Spot, 'directory' | 'name'>,
  entry: TreeEntry,
  parts: MetadataParts,
  known: KnownEntries,
): Promise<MetadataPart[]> {
  if (isWindows) return keepTimes(directory, name, entry, parts);
  const { kind, place, mode } = entry;
  // A new FIFO or device has no permissions.
  const isUsual = parts.mode === undefined;
  const wanted = isUsual ? mode & permissions & ~process.umask() : mode;
  return known.setMetadata(
    { directory, name, place },
    { ...metadataOf(entry), mode: wanted },
    partsFor(entry, isUsual ? { ...parts, mode: 'must' } : parts),
    { kind },
  );
}

/** Links have no mode. */
function partsFor({ kind }: TreeEntry, { mode, ...others }: MetadataParts): MetadataParts {
  return kind === 'link' || mode === undefined ? others : { ...others, mode };
}

function keepTimes(
  directory: DirectoryHandle,
  name: EntryName | null,
  { atimeNs, mtimeNs }: TreeEntry,
  { times }: MetadataParts,
): Promise<MetadataPart[]> {
  const parts = times === undefined ? {} : { times };
  return keepParts(parts, () => directory.utimes(name, atimeNs, mtimeNs));
}

function keepMetadataOfWindows(
  source: TreeRoot,
  destination: TreeRoot,
  entry: TreeEntry,
  { times, attributes }: MetadataParts,
): Promise<MetadataPart[]> {
  const { place, kind } = entry;
  return destination.beside(place, (directory, name) => {
    const kept = keepTimes(directory, name, entry, { ...(times && { times }) });
    if (kind === 'link' || attributes === undefined) return kept;
    return kept.then(async (refused) => [
      ...refused,
      ...(await keepParts({ attributes }, () => copyAttributes(source, place, directory, name))),
    ]);
  });
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

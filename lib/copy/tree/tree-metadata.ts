import { getAttributes, setAttributes } from '../../handle/attributes.js';
import { nodePromises } from '../../node/node-fs.js';
import type { SystemPath } from '../destination.js';
import { keepParts, type MetadataPart, type MetadataParts } from '../metadata.js';
import type { TreeEntry } from './tree-walk.js';

const isWindows = process.platform === 'win32';
const nanosecondsPerSecond = 1e9;

function secondsOf(nanoseconds: bigint): number {
  return Number(nanoseconds) / nanosecondsPerSecond;
}

// Those that are no part of how the file system keeps the content.
async function copyAttributes(from: SystemPath, to: SystemPath): Promise<void> {
  const { readOnly, hidden, system, archive, notContentIndexed } = await getAttributes(from);
  await setAttributes(to, { readOnly, hidden, system, archive, notContentIndexed });
}

const setUserId = 0o4000;
const setGroupId = 0o2000;

/** The mode of a file that is there: nobody runs it as an owner whom it does not have there. */
function modeOf(entry: TreeEntry, there: TreeEntry): number {
  if (entry.kind !== 'file') return entry.mode;
  const others =
    (entry.uid === there.uid ? 0 : setUserId) | (entry.gid === there.gid ? 0 : setGroupId);
  return entry.mode & ~others;
}

type Keepers = Partial<Record<MetadataPart, () => Promise<void>>>;

/**
 * Gives a file or folder the owner, mode, times and attributes of another one.
 * @param there what is at the path; only a new folder has none
 * @returns the parts that were tried and refused
 */
export async function keepMetadata(
  from: SystemPath,
  path: SystemPath,
  { entry, there = entry }: { entry: TreeEntry; there?: TreeEntry | undefined },
  parts: MetadataParts,
): Promise<MetadataPart[]> {
  let now = there;
  const keepers: Keepers = {
    owner: async () => {
      await nodePromises.chown(path, entry.uid, entry.gid);
      now = entry;
    },
    mode: () => nodePromises.chmod(path, modeOf(entry, now)),
    times: () => nodePromises.utimes(path, secondsOf(entry.atimeNs), secondsOf(entry.mtimeNs)),
    attributes: () => copyAttributes(from, path),
  };
  return keepParts(parts, (part) => keepers[part]?.());
}

/** The same of a symbolic link, which has no mode of its own. */
export async function keepLinkMetadata(
  path: SystemPath,
  entry: TreeEntry,
  parts: MetadataParts,
): Promise<MetadataPart[]> {
  const { uid, gid, atimeNs, mtimeNs } = entry;
  const keepers: Keepers = { owner: () => nodePromises.lchown(path, uid, gid) };
  // Windows has no call for the times of a link that Node would make.
  if (!isWindows) {
    keepers.times = () => nodePromises.lutimes(path, secondsOf(atimeNs), secondsOf(mtimeNs));
  }
  return keepParts(parts, (part) => keepers[part]?.());
}

/** Whether what is there has another mode or owner than it is to have. */
export function differsInMetadata(
  entry: TreeEntry,
  there: TreeEntry,
  { owner, mode }: MetadataParts,
): boolean {
  if (owner && (entry.uid !== there.uid || entry.gid !== there.gid)) return true;
  return mode !== undefined && entry.kind !== 'link' && modeOf(entry, there) !== there.mode;
}

import { getAttributes, setAttributes } from '../attributes.js';
import { nodePromises } from '../node-fs.js';
import type { KeptMetadata } from './copy-tree-options.js';
import type { SystemPath } from './destination.js';
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
function modeOf(entry: TreeEntry, there: TreeEntry, kept: KeptMetadata): number {
  if (kept.owner || entry.kind !== 'file') return entry.mode;
  const others =
    (entry.uid === there.uid ? 0 : setUserId) | (entry.gid === there.gid ? 0 : setGroupId);
  return entry.mode & ~others;
}

/**
 * Gives a file or folder the owner, mode, times and attributes of another one, in an order in which
 * none undoes another: a new owner clears set-user-ID, and what is read-only on Windows takes no
 * times.
 */
export async function keepMetadata(
  from: SystemPath,
  path: SystemPath,
  { entry, there }: { entry: TreeEntry; there: TreeEntry | undefined },
  kept: KeptMetadata,
): Promise<void> {
  if (kept.owner) await nodePromises.chown(path, entry.uid, entry.gid);
  if (kept.mode) await nodePromises.chmod(path, modeOf(entry, there ?? entry, kept));
  if (kept.times) {
    await nodePromises.utimes(path, secondsOf(entry.atimeNs), secondsOf(entry.mtimeNs));
  }
  if (kept.attributes) await copyAttributes(from, path);
}

/** The same of a symbolic link, which has no mode of its own. */
export async function keepLinkMetadata(
  path: SystemPath,
  entry: TreeEntry,
  kept: KeptMetadata,
): Promise<void> {
  if (kept.owner) await nodePromises.lchown(path, entry.uid, entry.gid);
  // Windows has no call for the times of a link that Node would make.
  if (!kept.times || isWindows) return;
  await nodePromises.lutimes(path, secondsOf(entry.atimeNs), secondsOf(entry.mtimeNs));
}

/** Whether what is there has another mode or owner than it is to have. */
export function differsInMetadata(entry: TreeEntry, there: TreeEntry, kept: KeptMetadata): boolean {
  if (kept.owner && (entry.uid !== there.uid || entry.gid !== there.gid)) return true;
  return kept.mode && entry.kind !== 'link' && modeOf(entry, there, kept) !== there.mode;
}

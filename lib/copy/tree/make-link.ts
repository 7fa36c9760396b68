import { open } from '../../functions/open.js';
import { getAttributes } from '../../handle/attributes.js';
import { nodePromises } from '../../node/node-fs.js';
import type { SystemPath } from '../destination.js';
import type { TreeEntry } from './tree-walk.js';

type LinkKind = 'file' | 'dir' | 'junction';

// IO_REPARSE_TAG_MOUNT_POINT in Windows' winnt.h.
const junctionTag = 0xa0000003;

async function windowsKindOf(path: SystemPath): Promise<LinkKind> {
  const { directory } = await getAttributes(path, { followLinks: false });
  if (!directory) return 'file';
  const handle = await open(path, 'r', {
    attributesOnly: true,
    windows: { openReparsePoint: true, backupIntent: true },
  });
  try {
    return (await handle.readReparsePoint()).tag === junctionTag ? 'junction' : 'dir';
  } finally {
    await handle.close();
  }
}

/** Makes a link like another one: a symbolic link, on Windows of its kind, or a junction. */
export async function makeLink(
  from: SystemPath,
  { target }: TreeEntry,
  to: SystemPath,
): Promise<void> {
  const kind = process.platform === 'win32' ? await windowsKindOf(from) : undefined;
  const leadsTo = target as Buffer;
  await nodePromises.symlink(kind === undefined ? leadsTo : leadsTo.toString(), to, kind);
}

import process from 'node:process';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import type { EntryName } from '../../handle/entry-name.js';
import { readReparsePoint } from '../../win32/reparse-point.js';
import type { Spot } from '../spot.js';

type LinkKind = 'file' | 'dir' | 'junction';

// IO_REPARSE_TAG_MOUNT_POINT in Windows' winnt.h.
const junctionTag = 0xa0000003;

async function windowsKindOf({ directory, name }: Spot): Promise<LinkKind> {
  const handle = await directory.openCore(name, 'r', {
    attributesOnly: true,
    windows: { openReparsePoint: true },
  });
  try {
    const { directory: leadsToDirectory } = await handle.getAttributes();
    if (!leadsToDirectory) return 'file';
    return (await readReparsePoint(handle)).tag === junctionTag ? 'junction' : 'dir';
  } finally {
    await handle.close();
  }
}

/**
 * Makes a link like an existing one: a symbolic link (of the same kind on Windows) or a junction.
 */
export async function makeLink(
  from: Spot,
  target: Buffer,
  directory: DirectoryHandle,
  name: EntryName,
): Promise<void> {
  const kind = process.platform === 'win32' ? await windowsKindOf(from) : undefined;
  await directory.symlink(target, name, kind);
}

import process from 'node:process';
import type { EntryName } from '../handle/entry-name.js';
import type { SystemError } from '../node/errors.js';
import { copyContent } from './copy-content.js';
import { renameOver, replaceWith } from './destination.js';
import type { FallbackLog } from './fallbacks.js';
import type { Spot } from './spot.js';
import { unlinkIfThere } from './unfinished.js';

/** A file that another one is mounted over cannot be replaced, only written to (rename(2)). */
function isMounted(error: unknown): boolean {
  return (error as SystemError).code === 'EBUSY' && process.platform !== 'win32';
}

/**
 * Renames a complete file, replacing an existing file.
 * @param replacesReadOnly whether read-only files are replaced on Windows, too
 */
export async function replaceOrOverwrite(
  from: EntryName,
  to: Spot,
  replacesReadOnly: boolean,
  fallbacks: FallbackLog,
): Promise<void> {
  const replace = replacesReadOnly ? replaceWith : renameOver;
  const isReplaced = await fallbacks.attempt('rename', isMounted, () => replace(from, to));
  if (isReplaced) return;
  await overwrite(from, to);
  await unlinkIfThere(to.directory, from);
}

/** Overwrites the content of a file with that of a complete file. */
async function overwrite(from: EntryName, { directory, name }: Spot): Promise<void> {
  const source = await directory.openCore(from, 'r');
  try {
    const destination = await directory.openCore(name, 'r+');
    try {
      await copyContent(source, destination, (await source.stat()).size);
      await destination.sync();
    } finally {
      await destination.close();
    }
  } finally {
    await source.close();
  }
}

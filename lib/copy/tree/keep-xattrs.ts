import { constants } from 'node:fs';
import { MetadataFlag, ofExistingFileFlag, securityDiffers } from '../../engine/opcodes.js';
import { decodeValue } from '../../engine/operation.js';
import { copyMetadataParts } from '../../engine/requests.js';
import type { CoreHandle } from '../../handle/core-handle.js';
import { keepParts, type MetadataPart, type MetadataParts } from '../metadata.js';
import { openRegular } from '../open-regular.js';
import type { TreePair } from './tree-metadata.js';
import type { Place } from './tree-place.js';
import type { Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';

/** The outcome of keeping the extended attributes of an unchanged file. */
export interface KeptXattrs {
  /** Whether some have been changed. */
  hasChanged: boolean;
  /** Whether the file must be copied again, because its capabilities differ. */
  mustBeCopied: boolean;
  refused: MetadataPart[];
}

function openAt(root: TreeRoot, place: Place, signal?: AbortSignal): Promise<CoreHandle> {
  return root.spot(place, ({ directory, name }) =>
    openRegular((more) => directory.openCore(name, constants.O_RDONLY | more, { signal }), signal),
  );
}

/**
 * Gives an unchanged file the extended attributes of its source, since a change of them does not
 * change the time of a file.
 * @throws EPERM if another entry has its name
 */
export async function keepXattrs(
  { source, destination, known }: TreePair,
  { entry, there }: Task,
  { xattrs }: MetadataParts,
  signal: AbortSignal | undefined,
): Promise<KeptXattrs | undefined> {
  if (xattrs === undefined || entry.kind !== 'file' || there === undefined) return undefined;
  const parts = { xattrs };
  const opened: CoreHandle[] = [];
  let changes = 0;
  try {
    const unopened = await keepParts(parts, async () => {
      for (const root of [source, destination]) {
        opened.push(await openAt(root, entry.place, signal));
      }
    });
    const [from, to] = opened;
    if (from === undefined || to === undefined) {
      return { hasChanged: false, mustBeCopied: false, refused: unopened };
    }
    await known.check(to, there);
    const refused = await keepParts(parts, async () => {
      changes = await copyBetween(from, to);
    });
    return { hasChanged: changes > 0, mustBeCopied: changes === securityDiffers, refused };
  } finally {
    for (const handle of opened) await handle.close();
  }
}

/** @returns how many attributes have changed, or securityDiffers */
function copyBetween(from: CoreHandle, to: CoreHandle): Promise<number> {
  return to.operateFrom(from, {
    ...copyMetadataParts(MetadataFlag.xattrs | ofExistingFileFlag),
    subject: { syscall: 'fsetxattr' },
    decode: decodeValue,
  });
}

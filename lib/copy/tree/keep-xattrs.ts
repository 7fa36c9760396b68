import { constants } from 'node:fs';
import { compareXattrsIn } from '../../engine/directory-requests.js';
import { MetadataFlag, ofExistingFileFlag, securityDiffers } from '../../engine/opcodes.js';
import { decodeNothing, decodeValue } from '../../engine/operation.js';
import { copyMetadataParts } from '../../engine/requests.js';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import type { CoreHandle } from '../../handle/core-handle.js';
import { NamePairs } from '../../handle/name-pairs.js';
import { keepParts, type MetadataPart, type MetadataParts } from '../metadata.js';
import { openRegular } from '../open-regular.js';
import { attempt, forEachGroup, groupsOf, nameIn } from './small-files.js';
import type { TreePair } from './tree-metadata.js';
import { folderOf, type Place } from './tree-place.js';
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

/**
 * Finds unchanged files that have the extended attributes of their sources, many with one operation
 * (Linux). Each of the others is examined by keepXattrs().
 */
export async function alikeInXattrs(
  { source, destination }: Pick<TreePair, 'source' | 'destination'>,
  tasks: readonly Task[],
  { concurrency, signal }: { concurrency: number; signal: AbortSignal | undefined },
): Promise<ReadonlySet<Task>> {
  const alike = new Set<Task>();
  const groups = groupsOf(tasks, (task) => task, Number.POSITIVE_INFINITY);
  await forEachGroup(groups, concurrency, async (group) => {
    const pairs = new NamePairs(group.map((task) => [nameIn(task), nameIn(task)] as const));
    const folder = folderOf((group[0] as Task).entry.place);
    const compare = (from: DirectoryHandle, to: DirectoryHandle): Promise<void> =>
      to.core.operateFrom<void>(from.core, {
        ...compareXattrsIn(pairs),
        subject: { syscall: 'lgetxattr' },
        decode: decodeNothing,
        signal,
      });
    await attempt(() =>
      source.within(folder, (from) => destination.within(folder, (to) => compare(from, to))),
    );
    for (const [index, task] of group.entries()) {
      if (pairs.valueOf(index) === 0) alike.add(task);
    }
  });
  return alike;
}

import { abortError } from '../../node/errors.js';
import { monotonicMs } from '../../node/globals.js';
import type { PathLike } from '../../node/paths.js';
import { validateObject } from '../../node/validate.js';
import { placeOfCopy } from '../destination.js';
import { ReadFaults } from '../read-faults.js';
import { type CopyTreeOptions, parseTreeOptions, type TreeSettings } from './copy-tree-options.js';
import type { CopyTreeReport } from './copy-tree-report.js';
import { readLists } from './name-lists.js';
import { timeWindowOf } from './time-window.js';
import { TreeCopy } from './tree-copy.js';
import { placeOfManifest } from './tree-manifest.js';
import { checkApart, checkNothingShared } from './tree-overlap.js';
import type { Place } from './tree-place.js';
import { TreeRoot } from './tree-root.js';
import { type WalkOptions, walkTrees } from './tree-walk.js';

/** Wraps the caller's filter so that it is called once for each place of both trees. */
function acceptsOf(
  from: TreeRoot,
  to: TreeRoot,
  { accepts }: TreeSettings,
  leftOut: Place | undefined,
): WalkOptions['accepts'] {
  if (accepts === undefined && leftOut === undefined) return undefined;
  if (accepts === undefined) return (place) => place !== leftOut;
  const answers = new Map<Place, boolean | Promise<boolean>>();
  return (place) => {
    if (place === leftOut) return false;
    const known = answers.get(place);
    if (known !== undefined) return known;
    const answer = accepts(from.show(place), to.show(place));
    answers.set(place, answer);
    return answer;
  };
}

/** Whether files of the same size and time are looked at more closely. */
function examinesSame({ checksum, manifest, metadata }: TreeSettings): boolean {
  return checksum !== undefined || manifest !== undefined || metadata.xattrs !== undefined;
}

/**
 * Copies a folder with everything below it, several files at a time. Files whose copies have the
 * same size and modification time (to 2 us) are skipped, so that a second call resumes an
 * interrupted copy. A file appears under its own name only when it is complete. Hard links stay
 * hard links, symbolic links keep their targets, and folders get their times last. Entries that
 * only the destination has stay, unless `delete` is true.
 * @param source a folder, or a link to one
 * @param destination the folder that becomes the copy; made if missing, with its parents
 * @param options see `CopyTreeOptions`
 * @returns a report. Per-entry failures are listed in `errors` and do not reject. A folder that
 *   cannot be read or made is one error, and nothing below it is listed. FIFOs and devices are not
 *   copied; each is an UnsupportedFileError in the list
 * @throws a system error of the source or the destination itself, before anything is done; EINVAL
 *   if the destination is the source or lies in it; AbortError
 * @example
 * const { errors } = await copyTree('/home/ada', '/backup/ada', { exclude: ['.cache'] });
 */
export async function copyTree(
  source: PathLike,
  destination: PathLike,
  options: CopyTreeOptions = {},
): Promise<CopyTreeReport> {
  const begun = monotonicMs();
  const settings = parseTreeOptions(await readLists(options));
  const { filter, concurrency, signal, oneFileSystem } = settings;
  const from = new TreeRoot(source, 'source', { isOnlyRead: true });
  const to = new TreeRoot(placeOfCopy(source, destination), 'destination');
  if (signal?.aborted) throw abortError(signal);
  await checkApart(from, to, { ...settings, accepts: acceptsOf(from, to, settings, undefined) });
  try {
    const { manifest } = settings;
    const leftOut = manifest && (await placeOfManifest(manifest.path, from, to));
    const accepts = acceptsOf(from, to, settings, leftOut);
    const { retries = 0 } = settings.fileOptions;
    const faults = new ReadFaults({ retries, signal });
    const trees = await walkTrees(from, to, {
      ...{ filter, concurrency, signal, oneFileSystem, accepts, faults },
      // Entries that the source lacks are examined only if they are to be deleted.
      entersExtra: settings.delete,
      omitsSame: !examinesSame(settings),
    });
    await checkNothingShared([from, to], trees, settings.delete);
    const { source: wanted, destination: there } = trees;
    const timeWindowNs = await timeWindowOf(wanted, there, to, settings.modifyWindow);
    const tree = new TreeCopy(from, to, settings, { ...trees, timeWindowNs });
    await tree.run();
    tree.report.retried += faults.retried;
    return { ...tree.report, durationMs: monotonicMs() - begun };
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

/**
 * Makes a folder identical to another one: copies like copyTree(), and deletes entries that the
 * source lacks.
 * @throws the same errors as copyTree()
 * @example
 * const { deleted } = await mirror('/home/ada', '/backup/ada', { dryRun: true });
 */
export async function mirror(
  source: PathLike,
  destination: PathLike,
  options: CopyTreeOptions = {},
): Promise<CopyTreeReport> {
  validateObject(options, 'options');
  const { delete: deletes = true } = options;
  return copyTree(source, destination, { ...options, delete: deletes });
}

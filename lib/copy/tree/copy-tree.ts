import { performance } from 'node:perf_hooks';
import { abortError, systemErrorOf } from '../../node/errors.js';
import type { PathLike } from '../../node/paths.js';
import { type CopyTreeOptions, parseTreeOptions, type TreeSettings } from './copy-tree-options.js';
import type { CopyTreeReport } from './copy-tree-report.js';
import { TreeCopy } from './tree-copy.js';
import { FoldedNames, withPlacesOf } from './tree-names.js';
import { checkApart } from './tree-overlap.js';
import { type Place, TreeRoot } from './tree-root.js';
import { type Tree, walkTree } from './tree-walk.js';

function treeError(code: string, root: TreeRoot): Error {
  return systemErrorOf(code, { syscall: 'copyTree', path: root.shown });
}

async function walkDestination(
  root: TreeRoot,
  source: Tree,
  names: FoldedNames,
  settings: TreeSettings,
): Promise<Tree> {
  const { filter, concurrency, signal } = settings;
  // What the source lacks is looked at only where it is to go.
  const enters = (place: Place): boolean =>
    settings.delete || source.entries.has(place) || names.like(place).length > 0;
  try {
    const tree = await walkTree(root, { filter, concurrency, signal, enters });
    if (tree.entries.get('')?.kind !== 'folder') throw treeError('ENOTDIR', root);
    return withPlacesOf(source, names, tree, root);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return { entries: new Map(), errors: [], withheld: new Set() };
  }
}

/**
 * Copies a folder with all below it, so many files at a time. What is in the destination already
 * with the same size and modification time (to 2 us) is left as it is, so that a copy which was
 * ended early goes on when it is called again. No file is half there under its own name. Several
 * names of a file stay that, symbolic links are made again with the same target, and folders get
 * their times last. Folders of the destination that the source lacks stay, unless `delete` is true.
 * @param source a folder, or a link to one
 * @param destination the folder that becomes its copy; made with the folders above it
 * @returns what has been done; `errors` has what failed, file by file: they do not reject. What is
 *   in a folder that could not be read or made is not in the list, the folder is. FIFOs, sockets
 *   and devices are not copied; each is an UnsupportedFileError in the list
 * @throws before anything is done: a system error of the source or the destination itself, EINVAL
 *   when the destination is the source or within it; and AbortError
 */
export async function copyTree(
  source: PathLike,
  destination: PathLike,
  options: CopyTreeOptions = {},
): Promise<CopyTreeReport> {
  const begun = performance.now();
  const settings = parseTreeOptions(options);
  const { filter, concurrency, signal } = settings;
  const from = new TreeRoot(source, 'source');
  const to = new TreeRoot(destination, 'destination');
  if (signal?.aborted) throw abortError(signal);
  await checkApart(from, to, settings.delete);
  const wanted = await walkTree(from, { filter, concurrency, signal });
  if (wanted.entries.get('')?.kind !== 'folder') throw treeError('ENOTDIR', from);
  const names = new FoldedNames(wanted);
  const there = await walkDestination(to, wanted, names, settings);
  const trees = { source: wanted, destination: there, clashing: names.clashing() };
  const tree = new TreeCopy(from, to, settings, trees);
  if (settings.dryRun) tree.rehearse();
  else await tree.run();
  return { ...tree.report, durationMs: performance.now() - begun };
}

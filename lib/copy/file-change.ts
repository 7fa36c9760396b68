import { stat } from '../functions/status.js';
import { openCore } from '../handle/open.js';
import { monotonicMs } from '../node/globals.js';
import { ownOptions } from '../node/own-options.js';
import type { PathLike } from '../node/paths.js';
import { validateBoolean } from '../node/validate.js';
import { endOf, explain, isLeftAlone, nothingCopied, shownPathsOf } from './copy-steps.js';
import {
  checkSource,
  type ShownPaths,
  shownNameOf,
  statIfThere,
  systemPathOf,
} from './destination.js';
import { examineDevice } from './device-target.js';
import { copyOneFile } from './file-copy.js';
import {
  type CopySettings,
  type FileCopyOptions,
  type FileCopyReport,
  parseCopyOptions,
} from './file-copy-options.js';
import { checkManifestPlace } from './manifest-file.js';
import { resolveDestination } from './resolve-destination.js';
import { sizeOfSource } from './source-size.js';
import type { SystemPath } from './spot.js';
import type { TreeChange } from './tree/copy-tree-report.js';

interface ChangeOptions {
  dryRun?: boolean | undefined;
  onChange?: ((change: TreeChange) => void) | undefined;
}

/** copy() of a file that tells its change or, in a dry run, the one that it would make. */
export async function copyAndTell(
  source: PathLike,
  destination: PathLike,
  options: FileCopyOptions & ChangeOptions,
): Promise<FileCopyReport> {
  const { dryRun = false, onChange } = ownOptions(options);
  validateBoolean(dryRun, 'options.dryRun');
  if (!dryRun && onChange === undefined) return copyOneFile(source, destination, options);
  const settings = parseCopyOptions(options);
  const to = systemPathOf(destination, 'destination');
  const there = await statIfThere(to, false);
  const exists = there !== undefined;
  const report = dryRun
    ? await rehearse(systemPathOf(source, 'source'), to, settings)
    : await copyOneFile(source, destination, options);
  const isKept = dryRun ? exists && !settings.force : report.strategy === 'none';
  // An update in place writes nothing if the files are equal, or if it only cuts the destination.
  const isCut = there?.isFile() === true && Number(there.size) !== report.bytes;
  const isEqual = !dryRun && exists && settings.isInPlace && report.dataBytes === 0 && !isCut;
  if (!isKept && !isEqual) {
    onChange?.({ action: 'copy', path: shownNameOf(to), reason: exists ? 'exists' : 'new' });
  }
  return report;
}

/** Takes the steps of a copy that come before its first byte, without changing anything. */
async function rehearse(
  from: SystemPath,
  to: SystemPath,
  settings: CopySettings,
): Promise<FileCopyReport> {
  const started = monotonicMs();
  const shown = shownPathsOf(from, to);
  const nothing: Omit<FileCopyReport, 'durationMs' | 'engine'> = {
    ...{ ...nothingCopied, kind: 'file', badSectors: [], retried: 0 },
  };
  try {
    const size = await sizeOf(from, shown, settings);
    if (settings.manifest !== undefined) await checkManifestPlace(settings.manifest);
    const status = await stat(from, { bigint: true });
    const resolved = await resolveDestination(to, status, settings, shown);
    const { spot: destination, isDevice } = resolved;
    try {
      const request = { before: status, size, shown, destination, settings };
      if (isDevice) await examineDevice(request);
    } finally {
      await destination.directory.close();
    }
    const reason = 'a dry run copies nothing';
    return { ...nothing, bytes: size ?? 0, reason, ...endOf(started) };
  } catch (error) {
    if (!isLeftAlone(error, settings)) throw explain(error, shown, settings);
    return { ...nothing, ...endOf(started) };
  }
}

/** Returns the size of a source that can be read; null if it does not report one. */
async function sizeOf(
  from: SystemPath,
  shown: ShownPaths,
  { signal }: CopySettings,
): Promise<number | null> {
  const status = await stat(from, { bigint: true });
  checkSource(status, shown);
  // The open of a FIFO would wait for a writer.
  if (status.isFIFO()) return null;
  const source = await openCore(from, 'r', { signal });
  try {
    return await sizeOfSource(source, await source.stat({ bigint: true }));
  } finally {
    await source.close();
  }
}

import { getEngine } from '../engine/engine.js';
import type { EntryName } from '../handle/entry-name.js';
import { type SystemError, systemError } from '../node/errors.js';
import { monotonicMs } from '../node/globals.js';
import { showPath } from '../node/paths.js';
import { renameExclusively, type ShownPaths, syncFolder } from './destination.js';
import type { FallbackLog } from './fallbacks.js';
import type { CopyProgress, CopySettings, FileCopyReport } from './file-copy-options.js';
import { ProgressMeter } from './progress.js';
import { replaceOrOverwrite } from './replace.js';
import type { Spot, SystemPath } from './spot.js';

// Steps that copies of files and copies from streams share.

/** Returns the paths as errors show them. */
export function shownPathsOf(from: SystemPath, to: SystemPath): ShownPaths {
  return { path: showPath(from.toString()), dest: showPath(to.toString()) };
}

/** Returns the end of a report. @param started when the copy began */
export function endOf(started: number): Pick<FileCopyReport, 'durationMs' | 'engine'> {
  return { durationMs: monotonicMs() - started, engine: getEngine().kind };
}

/** Returns a function that reports the progress of a phase. @param before bytes done before it */
export function progressOf(
  phase: CopyProgress['phase'],
  total: number | null,
  { onProgress }: CopySettings,
  before = 0,
): (bytesDone: number) => void {
  const meter = new ProgressMeter(total, before);
  return (bytesDone) => onProgress?.({ phase, ...meter.at(bytesDone) });
}

/** Gives a complete copy its name, durably. */
export async function giveName(
  { name, fallbacks }: { name: EntryName; fallbacks: FallbackLog },
  job: { destination: Spot; settings: CopySettings; isInTree: boolean },
): Promise<void> {
  const { destination, settings, isInTree } = job;
  if (settings.force) await replaceOrOverwrite(name, destination, isInTree, fallbacks);
  else await renameExclusively(name, destination);
  await syncFolder(destination.directory, fallbacks);
}

/** Whether an error says that an existing destination stays, which is no failure. */
export function isLeftAlone(error: unknown, { force, errorOnExist }: CopySettings): boolean {
  return !force && !errorOnExist && (error as SystemError).code === 'EEXIST';
}

/** The report of a copy whose existing destination stays. */
export const nothingCopied: Omit<
  FileCopyReport,
  'kind' | 'badSectors' | 'retried' | 'durationMs' | 'engine'
> = {
  ...{ bytes: 0, dataBytes: 0, strategy: 'none', verified: false, changed: false },
  ...{ metadataRefused: [], fallbacks: [] },
  reason: 'the destination exists, and options.force is false',
};

const refusedCodes = new Set(['EINVAL', 'EOPNOTSUPP']);

/** Makes a system error name the caller's paths instead of a temporary name. */
export function explain(error: unknown, shown: ShownPaths, { unbuffered }: CopySettings): unknown {
  const { code, errno, syscall } = error as Partial<SystemError>;
  if (typeof errno !== 'number' || code === undefined) return error;
  const isRefused = unbuffered && syscall === 'open' && refusedCodes.has(code);
  const hint = isRefused ? 'its file system refuses options.unbuffered' : undefined;
  const subject = { syscall: syscall ?? 'copyfile', ...shown };
  return Object.assign(systemError(errno, subject, undefined, hint), { cause: error });
}

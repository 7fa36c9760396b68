import { type BigIntStats, constants } from 'node:fs';
import { getEngine } from '../engine/engine.js';
import { lstat, stat } from '../functions/status.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { openCore } from '../handle/open.js';
import { abortError, type SystemError, systemError } from '../node/errors.js';
import { monotonicMs } from '../node/globals.js';
import { type PathLike, showPath } from '../node/paths.js';
import { VerifyError } from './copy-errors.js';
import {
  checkPlaceInTree,
  checkSource,
  folderOf,
  openFolder,
  renameExclusively,
  resolveDestination,
  type ShownPaths,
  type SystemPath,
  syncFolder,
  systemPathOf,
} from './destination.js';
import { isMissing } from './fallbacks.js';
import {
  type ChangedPolicy,
  type CopyProgress,
  type CopySettings,
  type FileCopyOptions,
  type FileCopyReport,
  parseCopyOptions,
  type ReadSource,
} from './file-copy-options.js';
import { fill } from './fill.js';
import { hashHandle } from './hash-file.js';
import { makeHash } from './make-hash.js';
import { copyMetadata, type MetadataParts } from './metadata.js';
import { ProgressMeter } from './progress.js';
import { replaceOrOverwrite } from './replace.js';
import { SourceChangedError } from './source-changed-error.js';
import { sizeOfContent } from './source-size.js';
import { openTarget, type Target } from './target.js';

/** What all steps of one copy share. */
interface Job {
  source: SystemPath;
  /** Final path of the copy. */
  destination: SystemPath;
  shown: ShownPaths;
  settings: CopySettings;
  /** Follows no links on either side, and replaces read-only files. */
  isInTree: boolean;
}

/** copy() of a file. Follows symbolic links on both sides. */
export async function copyOneFile(
  source: PathLike,
  destination: PathLike,
  options: FileCopyOptions,
): Promise<FileCopyReport> {
  return start(source, destination, parseCopyOptions(options), false);
}

/** copy() of one file of a tree. Follows no link, and replaces read-only files. */
export async function copyInTree(
  source: PathLike,
  destination: PathLike,
  options: FileCopyOptions,
  metadata: MetadataParts,
): Promise<FileCopyReport> {
  return start(source, destination, { ...parseCopyOptions(options), metadata }, true);
}

async function start(
  source: PathLike,
  destination: PathLike,
  settings: CopySettings,
  isInTree: boolean,
): Promise<FileCopyReport> {
  const started = monotonicMs();
  const from = systemPathOf(source, 'source');
  const to = systemPathOf(destination, 'destination');
  const shown = { path: showPath(from.toString()), dest: showPath(to.toString()) };
  if (settings.signal?.aborted) throw abortError(settings.signal);
  try {
    const status = await (isInTree ? lstat : stat)(from, { bigint: true });
    checkSource(status, shown);
    const { force } = settings;
    if (isInTree) await checkPlaceInTree(to, status, force, shown);
    const end = isInTree ? to : await resolveDestination(to, status, force, shown);
    const job = { source: from, destination: end, shown, settings, isInTree };
    const report = await runUntilUnchanged(job);
    return { kind: 'file', ...report, ...endOf(started) };
  } catch (error) {
    const { force, errorOnExist } = settings;
    const isLeftAlone = !force && !errorOnExist && (error as SystemError).code === 'EEXIST';
    if (isLeftAlone) return { kind: 'file', ...nothingCopied, ...endOf(started) };
    throw explain(error, shown, settings);
  }
}

const nothingCopied: PartOfReport = {
  ...{ bytes: 0, dataBytes: 0, strategy: 'none', verified: false, changed: false },
  ...{ metadataRefused: [], fallbacks: [] },
  reason: 'the destination exists, and options.force is false',
};

function endOf(started: number): Pick<FileCopyReport, 'durationMs' | 'engine'> {
  return { durationMs: monotonicMs() - started, engine: getEngine().kind };
}

const { O_NOATIME, O_NOFOLLOW, O_RDONLY } = constants;

type PartOfReport = Omit<FileCopyReport, 'kind' | 'durationMs' | 'engine'>;

/** Opens the source, if possible without changing the time of last access that is copied. */
async function openSource({ source, settings, isInTree }: Job): Promise<CoreHandle> {
  const { unbuffered, signal, metadata } = settings;
  const options = { unbuffered, signal, access: 'sequential' } as const;
  const flags = O_RDONLY | (isInTree ? (O_NOFOLLOW ?? 0) : 0);
  if (metadata.times !== undefined && O_NOATIME !== undefined) {
    try {
      return await openCore(source, flags | O_NOATIME, options);
    } catch (error) {
      // Only the owner and root may use the flag (open(2)).
      if ((error as SystemError).code !== 'EPERM') throw error;
    }
  }
  return openCore(source, flags, options);
}

const attemptsMax = 3;

/** Makes the copy; with `changed: 'retry'` again where the source was written to meanwhile. */
async function runUntilUnchanged(job: Job): Promise<PartOfReport> {
  const attempts = job.settings.changed === 'retry' ? attemptsMax : 1;
  for (let attempt = 1; ; attempt++) {
    try {
      return await run(job);
    } catch (error) {
      if (!(error instanceof SourceChangedError) || attempt === attempts) throw error;
    }
  }
}

async function run(job: Job): Promise<PartOfReport> {
  const source = await openSource(job);
  try {
    const before = await source.stat({ bigint: true });
    return await runBetween(source, before, job);
  } finally {
    await source.close();
  }
}

async function runBetween(
  source: CoreHandle,
  before: BigIntStats,
  job: Job,
): Promise<PartOfReport> {
  const { destination, settings } = job;
  const onResume = progressOf('resume', sizeOfContent(before) ?? 0, settings);
  const target = await openTarget({ source, before, destination, settings, onResume });
  try {
    const report = await fillAndCheck(source, target, before, job);
    if (target.isAtomic) await giveName(target, job);
    await target.end();
    return report;
  } catch (error) {
    await target.settle().catch(() => {});
    // The first error is the one to report.
    await target.handle.close().catch(() => {});
    await target.abandon(error);
    throw error;
  }
}

async function fillAndCheck(
  source: CoreHandle,
  target: Target,
  before: BigIntStats,
  job: Job,
): Promise<PartOfReport> {
  const { settings, shown } = job;
  const { handle, path, start, hash, fallbacks } = target;
  const size = sizeOfContent(before);
  const onProgress = progressOf('copy', size ?? 0, settings, start);
  onProgress(start);
  const filled = await fill({
    source,
    destination: handle,
    destinationPath: path,
    shown,
    size,
    start,
    hash,
    settings,
    fallbacks,
    onProgress,
    onFlushed: (position) => target.onFlushed(position),
  });
  await target.giveMode();
  const [from, to] = [{ handle: source, path: job.source }, target];
  const metadataRefused = await copyMetadata(from, to, settings.metadata);
  // Checked after the times were copied, so that they surely belong to this content.
  const changed = await isChanged(source, before, filled.bytes, settings.changed);
  // With the new time, the next copy would take what was read for the new content.
  if (changed && settings.metadata.times) await setTimesBefore(handle, before);
  await target.settle();
  const isSynced = settings.atomic || settings.verify;
  if (isSynced) await fallbacks.attempt('sync', isMissing, () => handle.sync());
  await handle.close();
  const digest = hash?.digest('hex');
  const report: PartOfReport = {
    ...{ ...filled, verified: settings.verify, metadataRefused, changed },
    fallbacks: fallbacks.list,
  };
  if (digest !== undefined) report.hash = digest;
  if (settings.verify) {
    report.verifiedFrom = await verify(digest as string, filled.bytes, path, job);
  }
  if (settings.signal?.aborted) throw abortError(settings.signal);
  return report;
}

function progressOf(
  phase: CopyProgress['phase'],
  total: number,
  { onProgress }: CopySettings,
  before = 0,
): (bytesDone: number) => void {
  const meter = new ProgressMeter(total, before);
  return (bytesDone) => onProgress?.({ phase, ...meter.at(bytesDone) });
}

/**
 * Whether the source was written to since `before`.
 * @throws SourceChangedError where the policy does not accept that
 */
async function isChanged(
  source: CoreHandle,
  before: BigIntStats,
  bytes: number,
  policy: ChangedPolicy,
): Promise<boolean> {
  const after = await source.stat({ bigint: true });
  if (sizeOfContent(before) === null) {
    // The file ends where the reads ended; times under /proc are those of the stat itself.
    const size = Number(after.size);
    if (size === 0 || size === bytes) return false;
    if (policy === 'error') throw new SourceChangedError(bytes, size);
    return true;
  }
  if (after.size === before.size && after.mtimeNs === before.mtimeNs) return false;
  const hasGrown = after.size > before.size;
  if (policy === 'accept' || (policy === 'retry' && hasGrown)) return true;
  throw new SourceChangedError(Number(before.size), Number(after.size));
}

const nanosecondsPerSecond = 1e9;

async function setTimesBefore(handle: CoreHandle, before: BigIntStats): Promise<void> {
  const seconds = (time: bigint): number => Number(time) / nanosecondsPerSecond;
  await handle.utimes(seconds(before.atimeNs), seconds(before.mtimeNs));
}

/** Reads the copy back, past the cache where possible. @throws VerifyError */
async function verify(
  expected: string,
  bytes: number,
  path: SystemPath,
  { settings, shown }: Job,
): Promise<ReadSource> {
  const { hash: algorithm, depth, chunkSize, signal } = settings;
  const onProgress = progressOf('verify', bytes, settings);
  onProgress(0);
  const unbuffered = settings.unbuffered || 'prefer';
  const handle = await openCore(path, O_RDONLY, { unbuffered, signal, access: 'sequential' });
  try {
    const hash = makeHash(algorithm, 'options.hash');
    await hashHandle(hash, handle, {
      ...{ depth, chunkSize, signal },
      onProgress: (progress) => onProgress(progress.bytes),
    });
    const actual = hash.digest('hex');
    if (actual !== expected) throw new VerifyError(shown.path, shown.dest, expected, actual);
    return handle.alignment === null ? 'cache' : 'disk';
  } finally {
    await handle.close();
  }
}

async function giveName({ path, fallbacks }: Target, job: Job): Promise<void> {
  const { destination, settings, isInTree } = job;
  // Opened before the rename, which is not undone.
  const folder = await openFolder(folderOf(destination));
  try {
    if (settings.force) await replaceOrOverwrite(path, destination, isInTree, fallbacks);
    else await renameExclusively(path, destination);
    await syncFolder(folder, fallbacks);
  } finally {
    await folder?.close();
  }
}

const refusedCodes = new Set(['EINVAL', 'EOPNOTSUPP']);

// Errors name the caller's paths, not the temporary one.
function explain(error: unknown, shown: ShownPaths, { unbuffered }: CopySettings): unknown {
  const { code, errno, syscall } = error as Partial<SystemError>;
  if (typeof errno !== 'number' || code === undefined) return error;
  const isRefused = unbuffered && syscall === 'open' && refusedCodes.has(code);
  const hint = isRefused ? 'its file system refuses options.unbuffered' : undefined;
  const subject = { syscall: syscall ?? 'copyfile', ...shown };
  return Object.assign(systemError(errno, subject, undefined, hint), { cause: error });
}

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
  renameOver,
  replaceWith,
  resolveDestination,
  type ShownPaths,
  type SystemPath,
  syncFolder,
  systemPathOf,
} from './destination.js';
import {
  type CopyProgress,
  type CopySettings,
  type FileCopyOptions,
  type FileCopyReport,
  parseCopyOptions,
} from './file-copy-options.js';
import { fill } from './fill.js';
import { hashFile } from './hash-file.js';
import { copyMetadata, type MetadataParts } from './metadata.js';
import { ProgressMeter } from './progress.js';
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
    const report = await run(job);
    return { kind: 'file', ...report, ...endOf(started) };
  } catch (error) {
    const { force, errorOnExist } = settings;
    const isLeftAlone = !force && !errorOnExist && (error as SystemError).code === 'EEXIST';
    if (isLeftAlone) return { kind: 'file', ...nothingCopied, ...endOf(started) };
    throw explain(error, shown, settings);
  }
}

const nothingCopied: PartOfReport = {
  ...{ bytes: 0, dataBytes: 0, strategy: 'none', verified: false, metadataRefused: [] },
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
      // Only the owner and root may use the flag (openCore(2)).
      if ((error as SystemError).code !== 'EPERM') throw error;
    }
  }
  return openCore(source, flags, options);
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
    if (settings.atomic) await giveName(target.path, job);
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
  const { handle, path, start, hash } = target;
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
    onProgress,
    onFlushed: (position) => target.onFlushed(position),
  });
  await target.giveMode();
  const [from, to] = [{ handle: source, path: job.source }, target];
  const metadataRefused = await copyMetadata(from, to, settings.metadata);
  // Checked after the times were copied, so that they surely belong to this content.
  await checkUnchanged(source, before, filled.bytes);
  await target.settle();
  if (settings.atomic || settings.verify) await handle.sync();
  await handle.close();
  const digest = hash?.digest('hex');
  if (settings.verify) await verify(digest as string, filled.bytes, path, job);
  if (settings.signal?.aborted) throw abortError(settings.signal);
  const report = { ...filled, verified: settings.verify, metadataRefused };
  return digest === undefined ? report : { ...report, hash: digest };
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

/** @throws SourceChangedError */
async function checkUnchanged(
  source: CoreHandle,
  before: BigIntStats,
  bytes: number,
): Promise<void> {
  const after = await source.stat({ bigint: true });
  if (sizeOfContent(before) === null) {
    // The file ends where the reads ended; times under /proc are those of the stat itself.
    const size = Number(after.size);
    if (size !== 0 && size !== bytes) throw new SourceChangedError(bytes, size);
    return;
  }
  if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) {
    throw new SourceChangedError(Number(before.size), Number(after.size));
  }
}

/** @throws VerifyError */
async function verify(
  expected: string,
  bytes: number,
  path: SystemPath,
  { settings, shown }: Job,
): Promise<void> {
  const onProgress = progressOf('verify', bytes, settings);
  onProgress(0);
  const actual = await hashFile(path, {
    algorithm: settings.hash,
    // Reads from the device, not from the memory that was written.
    unbuffered: settings.unbuffered || 'prefer',
    depth: settings.depth,
    chunkSize: settings.chunkSize,
    signal: settings.signal,
    onProgress: (progress) => onProgress(progress.bytes),
  });
  if (actual !== expected) throw new VerifyError(shown.path, shown.dest, expected, actual);
}

async function giveName(path: SystemPath, job: Job): Promise<void> {
  const { destination, settings, isInTree } = job;
  const replace = isInTree ? replaceWith : renameOver;
  // Opened before the rename, which is not undone.
  const folder = await openFolder(folderOf(destination));
  try {
    await (settings.force ? replace : renameExclusively)(path, destination);
    await syncFolder(folder);
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

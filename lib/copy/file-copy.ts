import { type BigIntStats, constants } from 'node:fs';
import { stat } from '../functions/status.js';
import type { CoreHandle } from '../handle/core-handle.js';
import type { EntryName } from '../handle/entry-name.js';
import { openCore } from '../handle/open.js';
import type { OpenOptions } from '../handle/open-options.js';
import { abortError, type SystemError } from '../node/errors.js';
import { monotonicMs } from '../node/globals.js';
import type { PathLike } from '../node/paths.js';
import { isChanged, setTimesBefore } from './changed-source.js';
import {
  endOf,
  explain,
  giveName,
  isLeftAlone,
  nothingCopied,
  progressOf,
  shownPathsOf,
} from './copy-steps.js';
import type { DataRange } from './data-ranges.js';
import {
  checkPlaceInTree,
  checkSource,
  folderOf,
  type ShownPaths,
  systemPathOf,
} from './destination.js';
import { dropsByDefault, openingOf } from './disk-options.js';
import { isMissing } from './fallbacks.js';
import {
  type CopySettings,
  type FileCopyOptions,
  type FileCopyReport,
  parseCopyOptions,
  type ReadSource,
} from './file-copy-options.js';
import { type Filled, fill } from './fill.js';
import { accessOfExisting, giveAccess, partsBesideAccess } from './keep-access.js';
import { copyMetadata, type MetadataParts } from './metadata.js';
import { openRegular } from './open-regular.js';
import { openTarget } from './open-target.js';
import { readBack } from './read-back.js';
import { ReadFaults, untilItPasses } from './read-faults.js';
import { resolveDestination } from './resolve-destination.js';
import { SourceChangedError } from './source-changed-error.js';
import { sizeOfSource } from './source-size.js';
import type { Spot, SystemPath } from './spot.js';
import type { Target } from './target.js';
import { updateInPlace } from './update-in-place.js';
import { forgetUpdate } from './update-marker.js';
import { withManifest } from './with-manifest.js';

/** State shared by all steps of one copy. */
interface Job {
  /** Opens the source. */
  openSource: (flags: number, options: OpenOptions) => Promise<CoreHandle>;
  /** Final place of the copy. */
  destination: Spot;
  shown: ShownPaths;
  settings: CopySettings;
  /** Whether the destination is a block device. */
  isToDevice: boolean;
  faults: ReadFaults;
  /** Whether links are not followed on either side, and read-only files are replaced. */
  isInTree: boolean;
  /** Whether the caller syncs the copy, and then renames it or gives it its times. */
  endsLater?: boolean;
}

/** copy() of a file. Follows symbolic links on both sides. */
export async function copyOneFile(
  source: PathLike,
  destination: PathLike,
  options: FileCopyOptions,
): Promise<FileCopyReport> {
  const settings = parseCopyOptions(options);
  const copyIt = (): Promise<FileCopyReport> => start(source, destination, settings);
  return withManifest(destination, settings.manifest, copyIt);
}

/** Steps that the caller takes once it has synced a complete copy. */
interface Unfinished {
  /** The temporary name of the copy. */
  unnamed?: EntryName;
  /** The status of the source, whose times a copy written in place gets last. */
  timesLater?: Pick<BigIntStats, 'atimeNs' | 'mtimeNs'>;
}

interface InTree {
  metadata: MetadataParts;
  endsLater: boolean;
  /** Whether only the source is kept out of the cache; the caller drops the copy later. */
  readsUncached?: boolean | undefined;
}

/** Copies one file of a tree between open directories. Links are not followed. */
export async function copyInTree(
  source: Spot,
  destination: Spot,
  options: FileCopyOptions,
  { endsLater, ...how }: InTree,
): Promise<FileCopyReport & Unfinished> {
  const given = { ...parseCopyOptions(options), ...how };
  const shown = shownPathsOf(source.path, destination.path);
  return reportOn(shown, given, async (faults) => {
    const { directory, name } = source;
    const status = await directory.lstat(name, { bigint: true });
    const settings = await withCaching(given, status, folderOf(destination.path));
    checkSource(status, shown);
    await checkPlaceInTree(destination, status, settings.force, shown);
    const openSource: Job['openSource'] = (flags, how) => directory.openCore(name, flags, how);
    const job = { openSource, destination, shown, settings, faults };
    return runUntilUnchanged({ ...job, isToDevice: false, isInTree: true, endsLater });
  });
}

async function start(
  source: PathLike,
  destination: PathLike,
  given: CopySettings,
): Promise<FileCopyReport> {
  const from = systemPathOf(source, 'source');
  const to = systemPathOf(destination, 'destination');
  const shown = shownPathsOf(from, to);
  return reportOn(shown, given, async (faults) => {
    const status = await stat(from, { bigint: true });
    checkSource(status, shown);
    const settings = await withCaching(given, status, folderOf(to));
    const resolved = await resolveDestination(to, status, settings, shown);
    const { spot } = resolved;
    const openSource: Job['openSource'] = (flags, how) => openCore(from, flags, how);
    const job = { openSource, destination: spot, shown, settings, faults };
    try {
      const isToDevice = resolved.isDevice;
      return await runUntilUnchanged({ ...job, isToDevice, isInTree: false });
    } finally {
      await spot.directory.close();
    }
  });
}

/** Decides what a copy leaves in the cache, if the options do not. */
async function withCaching(
  settings: CopySettings,
  { size }: BigIntStats,
  folder: SystemPath,
): Promise<CopySettings> {
  const { dontCache, strategy, unbuffered } = settings;
  const isOpen = dontCache === undefined && !unbuffered;
  if (!isOpen || strategy === 'clone' || strategy === 'offload') return settings;
  const drops = await dropsByDefault(Number(size), folder);
  return drops ? { ...settings, dontCache: 'prefer' } : settings;
}

async function reportOn(
  shown: ShownPaths,
  settings: CopySettings,
  copyIt: (faults: ReadFaults) => Promise<PartOfReport>,
): Promise<FileCopyReport & Unfinished> {
  const started = monotonicMs();
  const { signal } = settings;
  const faults = new ReadFaults(settings);
  if (signal?.aborted) throw abortError(signal);
  try {
    const copied = await untilItPasses(faults, () => copyIt(faults));
    return { kind: 'file', ...copied, ...faults.report(), ...endOf(started) };
  } catch (error) {
    if (!isLeftAlone(error, settings)) throw explain(error, shown, settings);
    return { kind: 'file', ...nothingCopied, ...faults.report(), ...endOf(started) };
  }
}

const { O_NOATIME, O_RDONLY } = constants;

type Whole = 'kind' | 'durationMs' | 'engine' | 'badSectors' | 'retried';
type PartOfReport = Omit<FileCopyReport, Whole> & Unfinished;

/** Opens the source, if possible without changing its access time, which is copied. */
async function openToRead({ openSource, settings, isInTree }: Job): Promise<CoreHandle> {
  const { signal, metadata, readsUncached } = settings;
  const opening = openingOf(settings);
  if (readsUncached) opening.dontCache ??= 'prefer';
  const options = { ...opening, signal, access: 'sequential' } as const;
  // The owner of a tree may exchange the file for a FIFO at any moment.
  const openIt = (flags: number): Promise<CoreHandle> =>
    isInTree
      ? openRegular((more) => openSource(flags | more, options), signal)
      : openSource(flags, options);
  if (metadata.times !== undefined && O_NOATIME !== undefined) {
    try {
      return await openIt(O_RDONLY | O_NOATIME);
    } catch (error) {
      // Only the owner and root may use the flag (open(2)).
      if ((error as SystemError).code !== 'EPERM') throw error;
    }
  }
  return openIt(O_RDONLY);
}

const attemptsMax = 3;

/** Makes the copy; with `changed: 'retry'` starts over if the source was written to. */
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
  job.faults.bad = [];
  const source = await openToRead(job);
  try {
    const before = await source.stat({ bigint: true });
    // The file may have been replaced since the first check.
    checkSource(before, job.shown);
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
  const { destination, settings, shown, isToDevice } = job;
  const size = await sizeOfSource(source, before);
  const onResume = progressOf('resume', size, settings);
  const request = { source, before, size, destination, settings, shown, isToDevice, onResume };
  const target = await openTarget(request);
  try {
    const report = await fillAndCheck(source, target, { before, size }, job);
    // The copy stays open, and so locked, until it is renamed. The sync reports failed writes.
    const isUnnamed = target.isAtomic && job.endsLater;
    if (target.isAtomic && !isUnnamed) await giveName(target, job);
    if (target.isAtomic && !job.isInTree) await forgetUpdate(destination);
    await target.handle.close();
    await target.end();
    return isUnnamed ? { ...report, unnamed: target.name } : report;
  } catch (error) {
    await target.settle().catch(() => {});
    // The first error is the one reported.
    await target.handle.close().catch(() => {});
    await target.abandon(error);
    throw error;
  }
}

/** Gives the target the content of the source. */
async function fillTarget(
  source: CoreHandle,
  target: Target,
  size: number | null,
  { settings, shown, destination, faults }: Job,
): Promise<Content> {
  const { handle, name, start, hash, fallbacks, inPlace } = target;
  const onProgress = progressOf('copy', size, settings, start);
  onProgress(start);
  const filling = {
    source,
    destination: handle,
    hasTemporaryName: target.isAtomic,
    openAgain: (flags: number, options: OpenOptions) =>
      destination.directory.openCore(name, flags, options),
    shown,
    size,
    start,
    hash,
    settings,
    fallbacks,
    faults,
    onProgress,
    onFlushed: (position: number) => target.onFlushed(position),
  };
  if (inPlace === undefined) {
    const filled = await fill(filling);
    const isWhole = target.kind !== 'device';
    const ranges = isWhole ? undefined : [{ start: 0, end: filled.bytes }];
    const digest = hash?.digest('hex');
    return { filled, digest, ranges, expected: digest, readBytes: filled.bytes };
  }
  const { written, writtenHash, ...filled } = await updateInPlace(filling, inPlace);
  const readBytes = written.reduce((sum, { start, end }) => sum + end - start, 0);
  const digest = hash?.digest('hex');
  return { filled, digest, ranges: written, expected: writtenHash, readBytes };
}

/** The content of a target, and what verifying it reads. */
interface Content {
  filled: Filled;
  /** Digest of the source. */
  digest: string | undefined;
  /** The parts to read back; undefined for all. */
  ranges: DataRange[] | undefined;
  /** Digest of these parts. */
  expected: string | undefined;
  /** Bytes of these parts. */
  readBytes: number;
}

async function fillAndCheck(
  source: CoreHandle,
  target: Target,
  { before, size }: { before: BigIntStats; size: number | null },
  job: Job,
): Promise<PartOfReport> {
  const { settings, destination } = job;
  const { handle, name, fallbacks, interrupted } = target;
  const content = await fillTarget(source, target, size, job);
  const { filled, digest } = content;
  const access = settings.keepAccess ? await accessOfExisting(destination) : undefined;
  const wanted = access === undefined ? settings.metadata : partsBesideAccess(settings.metadata);
  const metadata = target.kind === 'device' ? {} : wanted;
  const { times, ...others } = metadata;
  // A file that is written in place gets its times when it is durable. Otherwise the next copy
  // could take a file that has lost its content in a power failure for a complete one.
  const isKept = target.kind === 'existing' || job.isInTree;
  const getsTimesLast = isKept && !target.isAtomic && times !== undefined;
  const parts = getsTimesLast ? others : metadata;
  const metadataRefused =
    target.kind === 'device'
      ? Object.keys(settings.metadata)
      : await copyMetadata(source, handle, parts);
  // The owner is set before the mode, since the mode may open the file to others.
  if (access === undefined) await target.giveMode();
  else metadataRefused.push(...(await giveAccess(handle, access, destination)));
  // This check comes after the times are copied, so that they belong to this content.
  const changed = await isChanged(source, before, filled.bytes, settings.changed);
  // With the new time, the next copy would take the bytes read now for the new content.
  if (changed && times && !getsTimesLast) await setTimesBefore(handle, before);
  await target.settle();
  const endsNow = (target.isAtomic || getsTimesLast) && !job.endsLater;
  if (endsNow || settings.verify || target.kind !== 'new') {
    await fallbacks.attempt('sync', isMissing, () => handle.sync());
  }
  if (endsNow && getsTimesLast) {
    metadataRefused.push(...(await copyMetadata(source, handle, { times })));
    if (changed) await setTimesBefore(handle, before);
  }
  const report: PartOfReport = {
    ...{ ...filled, verified: settings.verify, metadataRefused, changed },
    fallbacks: fallbacks.list,
  };
  if (digest !== undefined) report.hash = digest;
  if (interrupted !== undefined) report.interrupted = interrupted;
  if (getsTimesLast && !endsNow) report.timesLater = before;
  if (settings.verify) report.verifiedFrom = await verify(content, name, job);
  if (settings.signal?.aborted) throw abortError(settings.signal);
  return report;
}

function verify(
  { expected, ranges, readBytes }: Content,
  name: EntryName,
  { settings, shown, destination }: Job,
): Promise<ReadSource> {
  return readBack({
    ...{ expected: expected as string, ranges, shown, settings },
    openIt: (flags, options) => destination.directory.openCore(name, flags, options),
    onProgress: progressOf('verify', readBytes, settings),
  });
}

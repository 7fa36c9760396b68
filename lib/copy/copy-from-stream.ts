import type { Buffer } from 'node:buffer';
import type { CoreHandle } from '../handle/core-handle.js';
import { abortError, invalidArgValue } from '../node/errors.js';
import { monotonicMs } from '../node/globals.js';
import type { PathLike } from '../node/paths.js';
import { alignUp } from '../transfer/alignment.js';
import { blockSizeOf, memoryAlignmentOf } from '../transfer/chunk-io.js';
import { unsetMemory } from '../transfer/chunk-memory.js';
import { WriteBehind } from '../transfer/write-behind.js';
import { runsOfData, runUnit } from './block-runs.js';
import { abandonSource, type ByteSource, bytesOf, untilAborted } from './byte-source.js';
import {
  endOf,
  explain,
  giveName,
  isLeftAlone,
  nothingCopied,
  progressOf,
  shownPathsOf,
} from './copy-steps.js';
import { type ShownPaths, systemPathOf } from './destination.js';
import { openDevice } from './device-target.js';
import { isMissing } from './fallbacks.js';
import {
  type CopySettings,
  type FileCopyOptions,
  type FileCopyReport,
  parseCopyOptions,
} from './file-copy-options.js';
import { makeSparse, paceOf } from './fill.js';
import { accessOfExisting, giveAccess } from './keep-access.js';
import { readBack } from './read-back.js';
import { chunkDefaults } from './read-chunks.js';
import { resolveDestination } from './resolve-destination.js';
import { RunWriter } from './run-writer.js';
import { setSize } from './set-size.js';
import type { SystemPath } from './spot.js';
import { expectErrors } from './stream-ends.js';
import { type NewTargetRequest, openNew, type Target } from './target.js';
import { forgetUpdate } from './update-marker.js';
import { withManifest } from './with-manifest.js';

/** @throws ERR_INVALID_ARG_VALUE for options that need a source with a size or metadata */
function checkForStream(settings: CopySettings): void {
  const { resume, isInPlace, strategy, metadata, retries, badSectors } = settings;
  const why = 'cannot be combined with a source that is a stream';
  if (retries > 0) throw invalidArgValue('options.retries', retries, why);
  if (badSectors === 'zero') throw invalidArgValue('options.badSectors', badSectors, why);
  if (resume) throw invalidArgValue('options.resume', resume, why);
  if (isInPlace) throw invalidArgValue('options.update', 'inplace', why);
  if (strategy === 'clone' || strategy === 'offload') {
    throw invalidArgValue('options.strategy', strategy, why);
  }
  if (Object.values(metadata).includes('must')) {
    throw invalidArgValue('options.metadata', metadata, why);
  }
}

/**
 * Copies what a stream yields to a file, which has its name once it is complete and durable, or to
 * a block device.
 * @param source is destroyed when the copy fails
 * @throws the errors of copy(); errors of the source, as they are
 */
export async function copyFromStream(
  source: ByteSource,
  destination: PathLike,
  options: FileCopyOptions,
): Promise<FileCopyReport> {
  const settings = parseCopyOptions(options);
  checkForStream(settings);
  const copyIt = (): Promise<FileCopyReport> => copyStream(source, destination, settings);
  const endExpecting = expectErrors(source);
  try {
    const report = await withManifest(destination, settings.manifest, copyIt);
    endExpecting();
    return report;
  } catch (error) {
    abandonSource(source);
    throw error;
  }
}

async function copyStream(
  source: ByteSource,
  destination: PathLike,
  settings: CopySettings,
): Promise<FileCopyReport> {
  const started = monotonicMs();
  const to = systemPathOf(destination, 'destination');
  const shown = shownPathsOf('-', to);
  const job: Job = { source, settings, failure: undefined };
  try {
    return { ...(await copyTo(to, shown, job)), ...endOf(started) };
  } catch (error) {
    // Errors of the source name what it reads.
    if (job.failure?.error === error) throw error;
    if (!isLeftAlone(error, settings)) throw explain(error, shown, settings);
    abandonSource(source);
    return { kind: 'file', ...nothingCopied, badSectors: [], retried: 0, ...endOf(started) };
  }
}

interface Job {
  source: ByteSource;
  settings: CopySettings;
  /** The error of the source, once it has failed. */
  failure: { error: unknown } | undefined;
}

async function copyTo(to: SystemPath, shown: ShownPaths, job: Job): Promise<StreamReport> {
  const { settings } = job;
  if (settings.signal?.aborted) throw abortError(settings.signal);
  // No file has these numbers.
  const nowhere = { dev: -1n, ino: -1n };
  const resolved = await resolveDestination(to, nowhere, settings, shown);
  const { spot } = resolved;
  try {
    const request = { before: { mode: 0o666n }, size: null, shown, destination: spot, settings };
    const target = await (resolved.isDevice ? openDevice(request) : openNew(request));
    return await complete(job, target, request);
  } finally {
    await spot.directory.close();
  }
}

type StreamReport = Omit<FileCopyReport, 'durationMs' | 'engine'>;

/** Gives a target its mode, or the access of the file that it replaces. @returns refused parts */
async function giveModeOrAccess(
  target: Target,
  { destination, settings }: NewTargetRequest,
): Promise<string[]> {
  const access = settings.keepAccess ? await accessOfExisting(destination) : undefined;
  if (access !== undefined) return giveAccess(target.handle, access, destination);
  await target.giveMode();
  return [];
}

async function complete(
  job: Job,
  target: Target,
  request: NewTargetRequest,
): Promise<StreamReport> {
  const { settings, destination } = request;
  const { handle, hash, fallbacks } = target;
  try {
    const { bytes, dataBytes } = await fillFromStream(job, target);
    await setSize(handle, bytes, fallbacks);
    const metadataRefused = await giveModeOrAccess(target, request);
    await fallbacks.attempt('sync', isMissing, () => handle.sync());
    const report: StreamReport = {
      ...{ kind: 'file', bytes, dataBytes, strategy: 'engine', reason: 'the source is a stream' },
      ...{ verified: settings.verify, changed: false, metadataRefused },
      ...{ badSectors: [], retried: 0 },
      fallbacks: fallbacks.list,
    };
    const digest = hash?.digest('hex');
    if (digest !== undefined) report.hash = digest;
    if (settings.verify) report.verifiedFrom = await verify(digest, bytes, target, request);
    if (settings.signal?.aborted) throw abortError(settings.signal);
    if (target.isAtomic) {
      await giveName(target, { destination, settings, isInTree: false });
      await forgetUpdate(destination);
    }
    await handle.close();
    await target.end();
    return report;
  } catch (error) {
    await handle.close().catch(() => {});
    await target.abandon(error);
    throw error;
  }
}

function verify(
  digest: string | undefined,
  bytes: number,
  { name, kind }: Target,
  { settings, shown, destination }: NewTargetRequest,
): ReturnType<typeof readBack> {
  return readBack({
    expected: digest as string,
    ranges: kind === 'device' ? [{ start: 0, end: bytes }] : undefined,
    ...{ shown, settings },
    openIt: (flags, options) => destination.directory.openCore(name, flags, options),
    onProgress: progressOf('verify', bytes, settings),
  });
}

/** Takes the bytes of a stream in order. */
interface Sink {
  /** Resolves when more bytes are welcome. */
  write(bytes: Buffer): Promise<void>;
  /** Resolves to the number of bytes written. */
  finish(): Promise<number>;
  cancel(): Promise<void>;
}

async function fillFromStream(
  job: Job,
  { handle, hash }: Target,
): Promise<{ bytes: number; dataBytes: number }> {
  const { source, settings } = job;
  const { signal, findHoles } = settings;
  const findsHoles = findHoles && handle.deviceType !== 'block';
  if (findsHoles) await makeSparse(handle, null);
  const sink = findsHoles ? new HoleSink(handle, settings) : new WholeSink(handle, settings);
  const onProgress = progressOf('copy', null, settings);
  const pace = paceOf(settings);
  const onFailure = (error: unknown): void => {
    job.failure = { error };
  };
  let bytes = 0;
  onProgress(0);
  try {
    for await (const chunk of untilAborted(source, signal, onFailure)) {
      const data = bytesOf(chunk);
      hash?.update(data);
      await sink.write(data);
      bytes += data.byteLength;
      onProgress(bytes);
      await pace?.moved(data.byteLength);
    }
    return { bytes, dataBytes: await sink.finish() };
  } finally {
    await sink.cancel();
  }
}

class WholeSink implements Sink {
  readonly #behind: WriteBehind;

  constructor(handle: CoreHandle, { depth, chunkSize, signal }: CopySettings) {
    this.#behind = new WriteBehind(handle, { depth, chunkSize, signal });
  }

  async write(bytes: Buffer): Promise<void> {
    this.#behind.write(bytes);
    if (this.#behind.hasRoom) return;
    await new Promise<void>((resolve, reject) => {
      this.#behind.whenRoom((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  async finish(): Promise<number> {
    await this.#behind.finish();
    return this.#behind.position;
  }

  cancel(): Promise<void> {
    return this.#behind.cancel();
  }
}

/** Writes chunks of whole blocks, without the blocks of zeros. */
class HoleSink implements Sink {
  readonly #writer: RunWriter;
  readonly #unit: number;
  readonly #chunkSize: number;
  readonly #depth: number;
  readonly #alignment: number;
  #chunk: Buffer;
  #filled = 0;
  #position = 0;
  #written = 0;
  #inFlight = 0;
  #onRoom: (() => void) | undefined;

  constructor(handle: CoreHandle, { depth, chunkSize, signal }: CopySettings) {
    this.#writer = new RunWriter(handle, { signal });
    this.#unit = Math.max(runUnit, blockSizeOf(handle));
    this.#chunkSize = alignUp(chunkSize ?? chunkDefaults.chunkSize, this.#unit);
    this.#depth = depth ?? chunkDefaults.depth;
    this.#alignment = memoryAlignmentOf(handle);
    this.#chunk = this.#newChunk();
  }

  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.byteLength; ) {
      const length = Math.min(bytes.byteLength - at, this.#chunkSize - this.#filled);
      this.#chunk.set(bytes.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled < this.#chunkSize) continue;
      this.#put();
      await this.#room();
    }
  }

  async finish(): Promise<number> {
    if (this.#filled > 0) this.#put();
    await this.#writer.finish();
    return this.#written;
  }

  cancel(): Promise<void> {
    return this.#writer.cancel();
  }

  #newChunk(): Buffer {
    return unsetMemory(this.#chunkSize, this.#alignment);
  }

  #put(): void {
    const bytes = this.#chunk.subarray(0, this.#filled);
    const runs = runsOfData(bytes, this.#unit);
    for (const { start, end } of runs) this.#written += end - start;
    this.#inFlight++;
    const done = (): void => {
      this.#inFlight--;
      this.#onRoom?.();
    };
    this.#writer.write({ bytes, position: this.#position, runs, done });
    this.#position += bytes.byteLength;
    this.#chunk = this.#newChunk();
    this.#filled = 0;
  }

  async #room(): Promise<void> {
    while (this.#inFlight >= this.#depth) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
    }
  }
}

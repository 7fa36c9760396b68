import type { Buffer } from 'node:buffer';
import type { Hash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CoreHandle } from '../handle/core-handle.js';
import { openCore } from '../handle/open.js';
import { invalidArgValue } from '../node/errors.js';
import { monotonicMs } from '../node/globals.js';
import type { PathLike } from '../node/paths.js';
import { isChanged } from './changed-source.js';
import { endOf, explain, progressOf, shownPathsOf } from './copy-steps.js';
import { checkSource, systemPathOf } from './destination.js';
import { readingOfPath } from './disk-options.js';
import {
  type CopySettings,
  type FileCopyOptions,
  type FileCopyReport,
  parseCopyOptions,
} from './file-copy-options.js';
import { paceOf } from './fill.js';
import { chunkDefaults, readsOf } from './read-chunks.js';
import { ReadFaults } from './read-faults.js';
import { SourceChangedError } from './source-changed-error.js';
import { sizeOfSource } from './source-size.js';
import { expectErrors, staysOpen } from './stream-ends.js';
import { newHash } from './target.js';

/** @throws ERR_INVALID_ARG_VALUE for options that need a destination with a name */
function checkForStream(settings: CopySettings): void {
  const { resume, isInPlace, strategy, metadata, verify, findHoles, manifest } = settings;
  const why = 'cannot be combined with a destination that is a stream';
  if (resume) throw invalidArgValue('options.resume', resume, why);
  if (isInPlace) throw invalidArgValue('options.update', 'inplace', why);
  if (verify) throw invalidArgValue('options.verify', verify, why);
  if (manifest !== undefined) throw invalidArgValue('options.manifest', manifest, why);
  if (findHoles) throw invalidArgValue('options.sparse', 'always', why);
  if (strategy === 'clone' || strategy === 'offload') {
    throw invalidArgValue('options.strategy', strategy, why);
  }
  if (Object.values(metadata).includes('must')) {
    throw invalidArgValue('options.metadata', metadata, why);
  }
}

/**
 * Writes a file or a block device to a stream and ends the stream, unless it is process.stdout or
 * process.stderr.
 * @throws the errors of copy(); errors of the stream, such as EPIPE, as they are
 */
export async function copyToStream(
  source: PathLike,
  destination: Writable,
  options: FileCopyOptions,
): Promise<FileCopyReport> {
  const settings = parseCopyOptions(options);
  checkForStream(settings);
  const started = monotonicMs();
  const from = systemPathOf(source, 'source');
  const shown = shownPathsOf(from, '-');
  const { signal } = settings;
  const endExpecting = expectErrors(destination);
  try {
    const opening = await readingOfPath(settings, from);
    const handle = await openCore(from, 'r', { ...opening, signal, access: 'sequential' });
    try {
      const before = await handle.stat({ bigint: true });
      checkSource(before, shown);
      const reading = new Reading(handle, settings, await sizeOfSource(handle, before));
      await reading.pipeTo(destination);
      const changed = await isChanged(handle, before, reading.bytes, settings.changed);
      endExpecting();
      return { ...reading.report(changed), ...endOf(started) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (staysOpen(destination)) endExpecting();
    throw error instanceof StreamFailure ? error.cause : explain(error, shown, settings);
  }
}

/** Tells an error of the destination, which stays as it is, from those of the source. */
class StreamFailure extends Error {}

/** The source, read in chunks that belong to the stream. */
class Reading {
  bytes = 0;
  readonly #handle: CoreHandle;
  readonly #settings: CopySettings;
  readonly #size: number | null;
  readonly #hash: Hash | undefined;
  readonly #faults: ReadFaults;
  /** The error of reading, once it has failed. */
  #failure: { error: unknown } | undefined;

  constructor(handle: CoreHandle, settings: CopySettings, size: number | null) {
    this.#handle = handle;
    this.#settings = settings;
    this.#size = size;
    this.#hash = newHash(settings.hash);
    this.#faults = new ReadFaults(settings);
  }

  /** @throws errors of the source; StreamFailure with another error as its cause */
  async pipeTo(destination: Writable): Promise<void> {
    const { signal } = this.#settings;
    try {
      await pipeline(this.#chunks(), destination, { signal, end: !staysOpen(destination) });
    } catch (error) {
      throw this.#failure?.error === error ? error : new StreamFailure('', { cause: error });
    }
  }

  async *#chunks(): AsyncGenerator<Buffer, void, undefined> {
    const { depth = chunkDefaults.depth, chunkSize, signal } = this.#settings;
    const pace = paceOf(this.#settings);
    const wanted = chunkSize ?? chunkDefaults.chunkSize;
    const most = Math.min(wanted, pace?.partMax ?? wanted);
    const size = this.#size;
    const reading = {
      start: this.#handle.file.isSeekable ? 0 : null,
      ...(size === null ? {} : { end: size, expected: depth * most }),
      ...{ depth, chunkSize: most, signal },
    };
    const ahead = readsOf(this.#handle, reading, this.#faults);
    const onProgress = progressOf('copy', size, this.#settings);
    onProgress(0);
    try {
      for (;;) {
        const chunk = await ahead.next();
        if (chunk === null) break;
        this.#hash?.update(chunk);
        yield chunk;
        this.bytes += chunk.byteLength;
        onProgress(this.bytes);
        await pace?.moved(chunk.byteLength);
      }
      await this.#checkEnd();
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      await ahead.cancel();
    }
  }

  /** @throws SourceChangedError, so that the stream does not end as if it were complete */
  async #checkEnd(): Promise<void> {
    const size = this.#size;
    if (size === null || this.bytes === size || this.#settings.changed === 'accept') return;
    const now = await this.#handle.size();
    if (now < size) throw new SourceChangedError(size, now);
  }

  report(changed: boolean): Omit<FileCopyReport, 'durationMs' | 'engine'> {
    const hash = this.#hash?.digest('hex');
    return {
      ...{ kind: 'file', bytes: this.bytes, dataBytes: this.bytes, strategy: 'engine' },
      ...{ reason: 'the destination is a stream', verified: false, changed },
      ...{ metadataRefused: [], fallbacks: [], ...this.#faults.report() },
      ...(hash === undefined ? {} : { hash }),
    };
  }
}

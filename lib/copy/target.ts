import type { Hash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { constants as systemConstants } from 'node:os';
import { readFile } from '../functions/file-content.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { openCore } from '../handle/open.js';
import type { SystemError } from '../node/errors.js';
import { monotonicMs } from '../node/globals.js';
import { nodePromises } from '../node/node-fs.js';
import { alignDown } from '../transfer/alignment.js';
import { blockSizeOf } from '../transfer/chunk-io.js';
import { firstDifference } from './compare-files.js';
import { VerifyError } from './copy-errors.js';
import {
  partialNameBeside,
  removeIfThere,
  type SystemPath,
  statIfThere,
  temporaryNameBeside,
  withSuffix,
} from './destination.js';
import { FallbackLog, isMissing, isSystemError } from './fallbacks.js';
import type { CopySettings } from './file-copy-options.js';
import { makeHash } from './make-hash.js';
import { SourceChangedError } from './source-changed-error.js';
import { sizeOfContent } from './source-size.js';

/** The file that a copy is made in. */
export interface Target {
  readonly path: SystemPath;
  readonly handle: CoreHandle;
  /** Whether it gets its name when it is complete. */
  readonly isAtomic: boolean;
  /** Steps that the system refused. */
  readonly fallbacks: FallbackLog;
  /** Bytes of the source that it has already. */
  readonly start: number;
  /** Has taken what is there. */
  readonly hash: Hash | undefined;
  /** To be called with the place up to where it is complete. */
  onFlushed(position: number): void;
  /** To be called when it is filled. */
  giveMode(): Promise<void>;
  /** To be called before its last sync; says what has gone wrong meanwhile. */
  settle(): Promise<void>;
  /** It has its name. Until then nobody else works on it. */
  end(): Promise<void>;
  /** The copy has failed; `handle` is closed. */
  abandon(error: unknown): Promise<void>;
}

/** What a target is made for. */
export interface TargetRequest {
  source: CoreHandle;
  before: BigIntStats;
  /** Where the copy goes in the end. */
  destination: SystemPath;
  settings: CopySettings;
  onResume: (bytes: number) => void;
}

function newHash(algorithm: string | undefined): Hash | undefined {
  return algorithm === undefined ? undefined : makeHash(algorithm, 'options.hash');
}

export function openTarget(request: TargetRequest): Promise<Target> {
  return request.settings.resume ? openPartial(request) : openNew(request);
}

const permissions = 0o777n;
const ownerMayWork = 0o600;

const modeRefusals = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

function isModeRefusal(error: unknown): boolean {
  return isSystemError(error) && modeRefusals.has(error.code);
}

/** The mode to make a file with that is to have the source's, and a function that sets that. */
function modeFor(before: BigIntStats): {
  mode: number;
  giveMode: (handle: CoreHandle, fallbacks: FallbackLog) => Promise<void>;
} {
  const wanted = Number(before.mode & permissions);
  const mode = wanted | ownerMayWork;
  // The maker of a read-only file could not open it again, to reserve space or to resume.
  const giveMode = async (handle: CoreHandle, fallbacks: FallbackLog): Promise<void> => {
    if (mode === wanted) return;
    const chmod = (): Promise<void> => handle.chmod(wanted & ~process.umask());
    await fallbacks.attempt('mode', isModeRefusal, chmod);
  };
  return { mode, giveMode };
}

interface Opened {
  handle: CoreHandle;
  /** Whether this call has surely made it. */
  isNew: boolean;
}

// Opened without the signal: after an abort nobody could tell whether the file was made.
async function openOrMake(
  path: SystemPath,
  before: BigIntStats,
  { unbuffered, atomic, force }: CopySettings,
): Promise<Opened> {
  const wanted = Number(before.mode & permissions);
  const { mode } = modeFor(before);
  const mustBeNew = atomic || !force;
  if (mustBeNew || mode !== wanted) {
    try {
      return { handle: await openCore(path, 'wx', { unbuffered, mode }), isNew: true };
    } catch (error) {
      if (mustBeNew || (error as SystemError).code !== 'EEXIST') throw error;
    }
  }
  // An existing file keeps its mode. It is not cut yet, since it may have other names.
  const flags = constants.O_WRONLY | constants.O_CREAT;
  return { handle: await openCore(path, flags, { unbuffered, mode: wanted }), isNew: false };
}

async function openNew(request: TargetRequest): Promise<Target> {
  const { before, destination, settings } = request;
  const { atomic } = settings;
  const path = atomic ? temporaryNameBeside(destination) : destination;
  const { giveMode } = modeFor(before);
  const { handle, isNew } = await openOrMake(path, before, settings);
  if (!isNew) {
    // The other names would get the new content, too.
    if (await hasOtherNames(handle)) {
      await handle.close();
      return openNew({ ...request, settings: { ...settings, atomic: true } });
    }
    await handle.truncate(0);
  }
  const fallbacks = new FallbackLog();
  return {
    path,
    handle,
    isAtomic: atomic,
    fallbacks,
    start: 0,
    hash: newHash(settings.hash),
    onFlushed: () => {},
    giveMode: async () => (isNew ? giveMode(handle, fallbacks) : undefined),
    settle: async () => {},
    end: async () => {},
    abandon: () => removeIfThere(path),
  };
}

async function hasOtherNames(handle: CoreHandle): Promise<boolean> {
  return (await handle.stat()).nlink > 1;
}

// ---- What is kept for the next call

/** What stands beside an unfinished copy. Numbers are in decimal digits. */
interface Note {
  size: string;
  mtimeNs: string;
  /** Up to here the copy was complete and durable. */
  flushed: string;
}

const noteSize = 512;
const msBetweenNotes = 500;
// Beyond the end of every file: it keeps others from the file, and nobody from its bytes.
const lockPosition = Number.MAX_SAFE_INTEGER - 1;
// libuv has no name for it.
const noLocks = -(systemConstants.errno.ENOLCK ?? Number.NaN);

// Not with the numbers of device and file: those of some file systems change by themselves, and
// the comparison decides what is kept.
function noteOf({ size, mtimeNs }: BigIntStats, flushed: number): Note {
  return {
    size: `${size}`,
    mtimeNs: `${mtimeNs}`,
    flushed: `${flushed}`,
  };
}

/** How far an earlier copy of this very source had come, by its own word. */
async function flushedByNote(path: SystemPath, before: BigIntStats): Promise<number> {
  try {
    const note = JSON.parse(await readFile(path, 'utf8')) as Note;
    const flushed = Number(note.flushed);
    const isOfThis = JSON.stringify(note) === JSON.stringify(noteOf(before, flushed));
    return isOfThis && Number.isSafeInteger(flushed) && flushed > 0 ? flushed : 0;
  } catch {
    // It is not there, or was not finished: all is copied anew.
    return 0;
  }
}

const { O_CREAT, O_RDWR } = constants;
// The names can be foretold, so a link there may be somebody's trap. Windows has no such flag.
const toOwnFile = O_RDWR | O_CREAT | (constants.O_NOFOLLOW ?? 0);

/** Whether a file system or kernel has no locks. */
function hasNoLocks(error: unknown): boolean {
  return isMissing(error) || (error as SystemError).errno === noLocks;
}

/**
 * Whether the last holder of the lock has removed the file that was opened. The numbers of files do
 * not tell, since those of some file systems change by themselves.
 */
async function isRemoved(handle: CoreHandle, path: SystemPath): Promise<boolean> {
  if ((await handle.stat()).nlink > 0) return false;
  // Some file systems do not count names.
  return (await statIfThere(path, true))?.nlink !== 0n;
}

/**
 * Opens the note once it is ours alone. It is locked, and not the copy, since the copy is closed
 * before it is read back and gets its name, and must be nobody else's until then. @throws EBUSY
 */
async function openLocked(
  path: SystemPath,
  signal: AbortSignal | undefined,
  fallbacks: FallbackLog,
): Promise<CoreHandle> {
  for (;;) {
    const handle = await openCore(path, toOwnFile, { signal, mode: ownerMayWork });
    try {
      const lock = (): Promise<void> =>
        handle.lock({ position: lockPosition, length: 1, wait: false });
      await fallbacks.attempt('lock', hasNoLocks, lock);
      if (!(await isRemoved(handle, path))) return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
  }
}

const refusedCodes = new Set(['EACCES', 'EPERM']);

/** Opens what is there, or a new file. */
async function openUnfinished(
  path: SystemPath,
  mode: number,
  { unbuffered, signal }: CopySettings,
): Promise<CoreHandle> {
  const openIt = (): Promise<CoreHandle> => openCore(path, toOwnFile, { unbuffered, signal, mode });
  try {
    return await openIt();
  } catch (error) {
    if (!refusedCodes.has((error as SystemError).code)) throw error;
  }
  // It was ended when it had the mode of a source that is read-only.
  await nodePromises.chmod(path, ownerMayWork).catch(() => {});
  return openIt();
}

async function openPartial(request: TargetRequest): Promise<Target> {
  const { before, destination, settings } = request;
  const path = partialNameBeside(destination);
  const notePath = withSuffix(path, '.json');
  const { mode, giveMode } = modeFor(before);
  const fallbacks = new FallbackLog();
  const noteFile = await openLocked(notePath, settings.signal, fallbacks);
  const forget = async (): Promise<void> => {
    try {
      await removeIfThere(notePath);
    } finally {
      await noteFile.close();
    }
  };
  let handle: CoreHandle | undefined;
  try {
    handle = await openUnfinished(path, mode, settings);
    const { start, hash } = await compareWhatIsThere(handle, notePath, request);
    await handle.truncate(start);
    const note = new NoteKeeper(noteFile, handle, before);
    await note.write(start);
    const file = handle;
    return {
      path,
      handle,
      isAtomic: true,
      fallbacks,
      start,
      hash,
      onFlushed: (position) => note.onFlushed(position),
      giveMode: () => giveMode(file, fallbacks),
      settle: () => note.settle(),
      end: forget,
      abandon: async (error) => {
        await note.settle().catch(() => {});
        // The next call could do nothing with it.
        const isOfUse = !(error instanceof SourceChangedError || error instanceof VerifyError);
        if (isOfUse) return noteFile.close();
        await removeIfThere(path);
        await forget();
      },
    };
  } catch (error) {
    await handle?.close();
    await noteFile.close();
    throw error;
  }
}

/** How much of the file is what the source has, as far as its note says that it may be. */
async function compareWhatIsThere(
  handle: CoreHandle,
  notePath: SystemPath,
  { source, before, settings, onResume }: TargetRequest,
): Promise<{ start: number; hash: Hash | undefined }> {
  const hash = newHash(settings.hash);
  const size = sizeOfContent(before) ?? 0;
  const flushed = await flushedByNote(notePath, before);
  const there = (await handle.stat()).size;
  const end = alignDown(Math.min(flushed, there, size), blockSizeOf(source, handle));
  if (end === 0) return { start: 0, hash };
  const { depth, chunkSize, signal } = settings;
  let start = 0;
  const onEqual = (bytes: Buffer, position: number): void => {
    hash?.update(bytes);
    start = position;
    onResume(position);
  };
  await firstDifference(source, handle, { depth, chunkSize, signal, end, onEqual });
  return { start, hash };
}

/** Keeps the note of an unfinished copy true, without the copy having to wait for it. */
class NoteKeeper {
  readonly #file: CoreHandle;
  readonly #target: CoreHandle;
  readonly #before: BigIntStats;
  #lastMs = monotonicMs();
  #writing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(file: CoreHandle, target: CoreHandle, before: BigIntStats) {
    this.#file = file;
    this.#target = target;
    this.#before = before;
  }

  onFlushed(position: number): void {
    const now = monotonicMs();
    if (this.#writing !== undefined || now - this.#lastMs < msBetweenNotes) return;
    this.#lastMs = now;
    this.#writing = this.#syncAndWrite(position).finally(() => {
      this.#writing = undefined;
    });
  }

  // An error of a sync is told once, and so must not be lost.
  async #syncAndWrite(position: number): Promise<void> {
    try {
      await this.#target.datasync();
      await this.write(position);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  /** One write of always the same length, so that whoever reads finds the old note or the new. */
  async write(flushed: number): Promise<void> {
    const text = JSON.stringify(noteOf(this.#before, flushed)).padEnd(noteSize);
    await this.#file.write(Buffer.from(text), { length: noteSize, position: 0 });
  }

  /** Waits for what is under way. @throws the first error */
  async settle(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

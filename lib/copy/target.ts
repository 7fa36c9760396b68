import type { Hash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import type { EntryName } from '../handle/entry-name.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { monotonicMs } from '../node/globals.js';
import { alignDown } from '../transfer/alignment.js';
import { blockSizeOf } from '../transfer/chunk-io.js';
import { firstDifference } from './compare-files.js';
import { VerifyError } from './copy-errors.js';
import { partialNameFor, statusIfThere } from './destination.js';
import { FallbackLog, isSystemError } from './fallbacks.js';
import type { CopySettings } from './file-copy-options.js';
import { makeHash } from './make-hash.js';
import { SourceChangedError } from './source-changed-error.js';
import { sizeOfContent } from './source-size.js';
import type { Spot } from './spot.js';
import { hasNoLocks, makeUnfinished, unlinkIfThere } from './unfinished.js';

/** The file that a copy is made in. */
export interface Target {
  readonly name: EntryName;
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
  destination: Spot;
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
const ownerAlone = 0o600;
const ownerMayWrite = 0o200;

const modeRefusals = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

function isModeRefusal(error: unknown): boolean {
  return isSystemError(error) && modeRefusals.has(error.code);
}

/**
 * Gives a new file the mode of a file that is made with that of the source. Until then only its
 * maker may read it. A mode that is kept as metadata has been set by now.
 */
async function giveMode(
  handle: CoreHandle,
  { before, settings }: TargetRequest,
  fallbacks: FallbackLog,
): Promise<void> {
  if (settings.metadata.mode !== undefined) return;
  const wanted = Number(before.mode & permissions);
  // Windows has but one such bit, and a new file is writable.
  if (process.platform === 'win32' && (wanted & ownerMayWrite) !== 0) return;
  const chmod = (): Promise<void> => handle.chmod(wanted & ~process.umask());
  await fallbacks.attempt('mode', isModeRefusal, chmod);
}

interface Opened {
  handle: CoreHandle;
  name: EntryName;
  /** Whether this call has surely made it. */
  isNew: boolean;
}

// Opened without the signal: after an abort nobody could tell whether the file was made.
async function openOrMake(
  { directory, name }: Spot,
  { unbuffered, atomic, force }: CopySettings,
  fallbacks: FallbackLog,
): Promise<Opened> {
  if (atomic) return { ...(await makeUnfinished(directory, unbuffered, fallbacks)), isNew: true };
  try {
    const handle = await directory.openCore(name, 'wx', { unbuffered, mode: ownerAlone });
    return { handle, name, isNew: true };
  } catch (error) {
    if (!force || (error as SystemError).code !== 'EEXIST') throw error;
  }
  // An existing file keeps its mode. It is not cut yet, since it may have other names.
  const handle = await directory.openCore(name, constants.O_WRONLY, { unbuffered });
  return { handle, name, isNew: false };
}

async function openNew(request: TargetRequest): Promise<Target> {
  const { destination, settings } = request;
  const { atomic } = settings;
  const fallbacks = new FallbackLog();
  const { handle, name, isNew } = await openOrMake(destination, settings, fallbacks);
  if (!isNew) {
    // The other names would get the new content, too.
    if (await hasOtherNames(handle)) {
      await handle.close();
      return openNew({ ...request, settings: { ...settings, atomic: true } });
    }
    await handle.truncate(0);
  }
  return {
    name,
    handle,
    isAtomic: atomic,
    fallbacks,
    start: 0,
    hash: newHash(settings.hash),
    onFlushed: () => {},
    giveMode: async () => (isNew ? giveMode(handle, request, fallbacks) : undefined),
    settle: async () => {},
    end: async () => {},
    abandon: () => unlinkIfThere(destination.directory, name),
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
async function flushedByNote(note: CoreHandle, before: BigIntStats): Promise<number> {
  try {
    const content = Buffer.alloc(noteSize);
    const { bytesRead } = await note.read(content, { length: noteSize, position: 0 });
    const found = JSON.parse(content.toString('utf8', 0, bytesRead)) as Note;
    const flushed = Number(found.flushed);
    const isOfThis = JSON.stringify(found) === JSON.stringify(noteOf(before, flushed));
    return isOfThis && Number.isSafeInteger(flushed) && flushed > 0 ? flushed : 0;
  } catch {
    // It is new, or was not finished: all is copied anew.
    return 0;
  }
}

const { O_CREAT, O_RDWR, O_NONBLOCK = 0 } = constants;
// The names can be foretold, so anything may wait there. A FIFO is not waited for.
const toOwnFile = O_RDWR | O_CREAT | O_NONBLOCK;

/**
 * Whether the last holder of the lock has removed the file that was opened. The numbers of files do
 * not tell, since those of some file systems change by themselves.
 */
async function isRemoved(handle: CoreHandle, spot: Spot): Promise<boolean> {
  if ((await handle.stat()).nlink > 0) return false;
  // Some file systems do not count names.
  return (await statusIfThere(spot))?.nlink !== 0n;
}

/**
 * Refuses a file that somebody else has put there: one of another user, a further name of a file
 * that lies elsewhere, or no regular file.
 * @throws EEXIST
 */
async function checkOwn(handle: CoreHandle, name: string): Promise<void> {
  const status = await handle.stat();
  const user = process.geteuid?.();
  const isOurs = user === undefined || status.uid === user;
  if (status.isFile() && status.nlink <= 1 && isOurs) return;
  throw systemErrorOf(
    'EEXIST',
    { syscall: 'open', path: name },
    'the name for what options.resume keeps is taken by a file of another user, by a link, or by ' +
      'what is no file',
  );
}

async function openOwn(
  { directory }: Spot,
  name: string,
  options: { unbuffered?: boolean | 'prefer'; signal: AbortSignal | undefined },
): Promise<CoreHandle> {
  const handle = await directory.openCore(name, toOwnFile, { ...options, mode: ownerAlone });
  try {
    await checkOwn(handle, name);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Opens the note once it is ours alone. It is locked, and not the copy, since it exists for as long
 * as somebody works on the copy. @throws EBUSY; EEXIST
 */
async function openLocked(
  spot: Spot,
  name: string,
  signal: AbortSignal | undefined,
  fallbacks: FallbackLog,
): Promise<CoreHandle> {
  for (;;) {
    const handle = await openOwn(spot, name, { signal });
    try {
      const lock = (): Promise<void> =>
        handle.lock({ position: lockPosition, length: 1, wait: false });
      await fallbacks.attempt('lock', hasNoLocks, lock);
      if (!(await isRemoved(handle, { ...spot, name }))) return handle;
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
  spot: Spot,
  name: string,
  { unbuffered, signal }: CopySettings,
): Promise<CoreHandle> {
  const openIt = (): Promise<CoreHandle> => openOwn(spot, name, { unbuffered, signal });
  try {
    return await openIt();
  } catch (error) {
    if (!refusedCodes.has((error as SystemError).code)) throw error;
  }
  // It was ended when it had the mode of a source that is read-only.
  await spot.directory.chmod(name, ownerAlone).catch(() => {});
  return openIt();
}

async function openPartial(request: TargetRequest): Promise<Target> {
  const { before, destination, settings } = request;
  const { directory } = destination;
  const name = partialNameFor(destination);
  const noteName = `${name}.json`;
  const fallbacks = new FallbackLog();
  const noteFile = await openLocked(destination, noteName, settings.signal, fallbacks);
  const forget = async (): Promise<void> => {
    try {
      await unlinkIfThere(directory, noteName);
    } finally {
      await noteFile.close();
    }
  };
  let handle: CoreHandle | undefined;
  try {
    handle = await openUnfinished(destination, name, settings);
    if (process.platform !== 'win32') await handle.chmod(ownerAlone).catch(() => {});
    const { start, hash } = await compareWhatIsThere(handle, noteFile, request);
    await handle.truncate(start);
    const note = new NoteKeeper(noteFile, handle, before);
    await note.write(start);
    const file = handle;
    return {
      name,
      handle,
      isAtomic: true,
      fallbacks,
      start,
      hash,
      onFlushed: (position) => note.onFlushed(position),
      giveMode: () => giveMode(file, request, fallbacks),
      settle: () => note.settle(),
      end: forget,
      abandon: async (error) => {
        await note.settle().catch(() => {});
        // The next call could do nothing with it.
        const isOfUse = !(error instanceof SourceChangedError || error instanceof VerifyError);
        if (isOfUse) return noteFile.close();
        await unlinkIfThere(directory, name);
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
  note: CoreHandle,
  { source, before, settings, onResume }: TargetRequest,
): Promise<{ start: number; hash: Hash | undefined }> {
  const hash = newHash(settings.hash);
  const size = sizeOfContent(before) ?? 0;
  const flushed = await flushedByNote(note, before);
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

import type { Buffer } from 'node:buffer';
import type { Hash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import process from 'node:process';
import type { CoreHandle } from '../handle/core-handle.js';
import type { EntryName } from '../handle/entry-name.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
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
import { flushedByNote, NoteKeeper } from './unfinished-note.js';

/** The file that receives the content of a copy. */
export interface Target {
  readonly name: EntryName;
  readonly handle: CoreHandle;
  /** Whether the file is renamed when it is complete. */
  readonly isAtomic: boolean;
  /** Steps that the system refused. */
  readonly fallbacks: FallbackLog;
  /** Bytes of the source that the file already has. */
  readonly start: number;
  /** The hash, already fed the existing bytes. */
  readonly hash: Hash | undefined;
  /** Called with the position up to which the file is complete. */
  onFlushed(position: number): void;
  /** Called when the file is filled. */
  giveMode(): Promise<void>;
  /** Called before the last sync; throws errors of background work. */
  settle(): Promise<void>;
  /** Called when the file has its name. Until then no other process works on it. */
  end(): Promise<void>;
  /** Called when the copy has failed and `handle` is closed. */
  abandon(error: unknown): Promise<void>;
}

/** The copy for which a target is opened. */
export interface TargetRequest {
  source: CoreHandle;
  before: BigIntStats;
  /** Final place of the copy. */
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
 * Sets the mode that a new file with the source's mode would have. Until then only its owner may
 * read it. A mode that is kept as metadata has been set before.
 */
async function giveMode(
  handle: CoreHandle,
  { before, settings }: TargetRequest,
  fallbacks: FallbackLog,
): Promise<void> {
  if (settings.metadata.mode !== undefined) return;
  const wanted = Number(before.mode & permissions);
  // Windows has only one such bit, and a new file is writable.
  if (process.platform === 'win32' && (wanted & ownerMayWrite) !== 0) return;
  const chmod = (): Promise<void> => handle.chmod(wanted & ~process.umask());
  await fallbacks.attempt('mode', isModeRefusal, chmod);
}

interface Opened {
  handle: CoreHandle;
  name: EntryName;
  /** Whether this call certainly created the file. */
  isNew: boolean;
}

// The signal is not passed: after an abort the caller could not tell whether the file exists.
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
  if (!isNew && !(await isEmptied(handle, settings))) {
    return openNew({ ...request, settings: { ...settings, atomic: true } });
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

/**
 * Empties a file; closes it instead if it has other names, under which it would change, too, or if
 * it is to be given away by a user who may have it open.
 */
async function isEmptied(handle: CoreHandle, { metadata }: CopySettings): Promise<boolean> {
  try {
    const { nlink, uid } = await handle.stat();
    const isReplaced = nlink > 1 || (metadata.owner !== undefined && !isOwn(uid));
    if (isReplaced) await handle.close();
    else await handle.truncate(0);
    return !isReplaced;
  } catch (error) {
    await handle.close().catch(() => {});
    throw error;
  }
}

// ---- Unfinished copies kept for the next call

// A position beyond the end of every file: the lock excludes other copies, but blocks no bytes.
const lockPosition = Number.MAX_SAFE_INTEGER - 1;

const { O_CREAT, O_RDWR, O_NONBLOCK = 0 } = constants;
// The names are predictable, so any file may be there. O_NONBLOCK keeps a FIFO from blocking.
const toOwnFile = O_RDWR | O_CREAT | O_NONBLOCK;

/**
 * Whether the last holder of the lock has removed the file that was opened. Inode numbers do not
 * tell, since some file systems change them.
 */
async function isRemoved(handle: CoreHandle, spot: Spot): Promise<boolean> {
  if ((await handle.stat()).nlink > 0) return false;
  // Some file systems do not count links.
  return (await statusIfThere(spot))?.nlink !== 0n;
}

function isOwn(uid: number): boolean {
  const user = process.geteuid?.();
  return user === undefined || uid === user;
}

/**
 * Refuses a file that somebody else may have put there: one of another user, a hard link to another
 * file, or a file that is not regular.
 * @throws EEXIST
 */
async function checkOwn(handle: CoreHandle, name: string): Promise<void> {
  const status = await handle.stat();
  if (status.isFile() && status.nlink <= 1 && isOwn(status.uid)) return;
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
 * Opens the note once this process holds its lock. The note is locked rather than the copy, since
 * it exists for as long as a process works on the copy. @throws EBUSY; EEXIST
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

/**
 * Removes an unfinished file that an earlier copy had given the owner of its source when it was
 * killed. That user may be writing to it.
 */
async function discardGivenAway(spot: Spot): Promise<void> {
  const status = await statusIfThere(spot);
  const isGivenAway = status?.isFile() && status.nlink <= 1n && !isOwn(Number(status.uid));
  if (isGivenAway) await unlinkIfThere(spot.directory, spot.name);
}

/** Opens the existing unfinished file, or creates one. The note must be locked. */
async function openUnfinished(
  spot: Spot,
  name: string,
  { unbuffered, signal, metadata }: CopySettings,
): Promise<CoreHandle> {
  const openIt = (): Promise<CoreHandle> => openOwn(spot, name, { unbuffered, signal });
  if (metadata.owner !== undefined) await discardGivenAway({ ...spot, name });
  try {
    return await openIt();
  } catch (error) {
    if (!refusedCodes.has((error as SystemError).code)) throw error;
  }
  // An earlier copy ended after setting the mode of a read-only source.
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
        // The next call could not use the file.
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

/** Returns how much of the existing file equals the source, up to the position in its note. */
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

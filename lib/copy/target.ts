import type { Hash } from 'node:crypto';
import { type BigIntStats, constants, type Stats } from 'node:fs';
import process from 'node:process';
import type { CoreHandle } from '../handle/core-handle.js';
import type { EntryName } from '../handle/entry-name.js';
import type { SystemError } from '../node/errors.js';
import type { ShownPaths } from './destination.js';
import { openingOf } from './disk-options.js';
import { FallbackLog, isSystemError } from './fallbacks.js';
import type { CopySettings } from './file-copy-options.js';
import { makeHash } from './make-hash.js';
import { isOwn, ownerAlone } from './own-file.js';
import type { Spot } from './spot.js';
import { makeUnfinished, unlinkIfThere } from './unfinished.js';
import type { InterruptedUpdate } from './update-marker.js';

/** How a target is updated in place. */
export interface InPlace {
  /** Why the destination is compared, for the report. */
  reason: string;
  /**
   * Called once, before anything is written.
   * @param position all bytes before it are right
   */
  begin(position: number): Promise<void>;
}

/** The file that receives the content of a copy. */
export interface Target {
  /** 'new': a file without content; 'existing': a file with other content; or a block device. */
  readonly kind: 'new' | 'existing' | 'device';
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
  /** Set if the content that is right is kept. */
  readonly inPlace?: InPlace | undefined;
  /** An earlier update in place that ended before it was complete. */
  readonly interrupted?: InterruptedUpdate | undefined;
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

/** The copy for which a target without earlier content is opened. */
export interface NewTargetRequest {
  /** The status of the source. */
  before: Pick<BigIntStats, 'mode'> & Partial<Pick<BigIntStats, 'gid'>>;
  /** Bytes of the source; null if unknown. */
  size: number | null;
  shown: ShownPaths;
  /** Final place of the copy. */
  destination: Spot;
  settings: CopySettings;
}

/** The copy for which a target is opened. */
export interface TargetRequest extends NewTargetRequest {
  source: CoreHandle;
  before: BigIntStats;
  /** Whether the destination is a block device. */
  isToDevice: boolean;
  onResume: (bytes: number) => void;
}

/** Returns a hash to feed, if an algorithm is given. */
export function newHash(algorithm: string | undefined): Hash | undefined {
  return algorithm === undefined ? undefined : makeHash(algorithm, 'options.hash');
}

const permissions = 0o777n;
const ownerMayWrite = 0o200;
const readableByGroup = 0o040;
const readableByOthers = 0o044;

const modeRefusals = new Set(['EPERM', 'EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

function isModeRefusal(error: unknown): boolean {
  return isSystemError(error) && modeRefusals.has(error.code);
}

/**
 * Sets the mode that a new file with the source's mode would have. Until then only its owner may
 * read it. A mode that is kept as metadata has been set before.
 */
export async function giveMode(
  handle: CoreHandle,
  { before, settings }: NewTargetRequest,
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
  settings: CopySettings,
  fallbacks: FallbackLog,
): Promise<Opened> {
  const { atomic, force } = settings;
  const opening = openingOf(settings);
  if (atomic) return { ...(await makeUnfinished(directory, opening, fallbacks)), isNew: true };
  try {
    const handle = await directory.openCore(name, 'wx', { ...opening, mode: ownerAlone });
    return { handle, name, isNew: true };
  } catch (error) {
    if (!force || (error as SystemError).code !== 'EEXIST') throw error;
  }
  // An existing file keeps its mode. It is not cut yet, since it may have other names.
  const handle = await directory.openCore(name, constants.O_WRONLY, opening);
  return { handle, name, isNew: false };
}

/** Opens a new file, or an existing one that is overwritten. */
export async function openNew(request: NewTargetRequest): Promise<Target> {
  const { destination, settings } = request;
  const { atomic } = settings;
  const fallbacks = new FallbackLog();
  const { handle, name, isNew } = await openOrMake(destination, settings, fallbacks);
  if (!isNew && !(await isEmptied(handle, request))) {
    return openNew({ ...request, settings: { ...settings, atomic: true } });
  }
  return {
    kind: 'new',
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

/** Whether users who may not read the source may read an existing file. */
export function isWider(
  { mode, gid }: Pick<Stats, 'mode' | 'gid'>,
  { before, settings: { metadata } }: NewTargetRequest,
): boolean {
  if (process.platform === 'win32' || metadata.mode === undefined) return false;
  if ((mode & ~Number(before.mode) & readableByOthers) !== 0) return true;
  const getsGroup = metadata.owner !== undefined && before.gid !== undefined;
  return getsGroup && BigInt(gid) !== before.gid && (mode & readableByGroup) !== 0;
}

/**
 * Empties a file; closes it instead if it has other names, under which it would change, too, if it
 * is to be given away by a user who may have it open, or if it is to be closed to users who may
 * have it open.
 */
async function isEmptied(handle: CoreHandle, request: NewTargetRequest): Promise<boolean> {
  const { metadata } = request.settings;
  try {
    const status = await handle.stat();
    const { nlink, uid } = status;
    const isGivenAway = metadata.owner !== undefined && !isOwn(uid);
    const isReplaced = nlink > 1 || isGivenAway || isWider(status, request);
    if (isReplaced) await handle.close();
    else await handle.truncate(0);
    return !isReplaced;
  } catch (error) {
    await handle.close().catch(() => {});
    throw error;
  }
}

import type { Buffer } from 'node:buffer';
import type { Hash } from 'node:crypto';
import process from 'node:process';
import type { CoreHandle } from '../handle/core-handle.js';
import type { SystemError } from '../node/errors.js';
import { alignDown } from '../transfer/alignment.js';
import { blockSizeOf } from '../transfer/chunk-io.js';
import { firstDifference } from './compare-files.js';
import { VerifyError } from './copy-errors.js';
import { partialNameFor, statusIfThere } from './destination.js';
import { openingOf } from './disk-options.js';
import { FallbackLog } from './fallbacks.js';
import type { CopySettings } from './file-copy-options.js';
import { isOwn, openLocked, openOwn, ownerAlone } from './own-file.js';
import { isMediumError } from './read-faults.js';
import { SourceChangedError } from './source-changed-error.js';
import type { Spot } from './spot.js';
import { giveMode, newHash, type Target, type TargetRequest } from './target.js';
import { noteNameOf } from './temporary-name.js';
import { unlinkIfThere } from './unfinished.js';
import { flushedByNote, identityOf, NoteKeeper } from './unfinished-note.js';

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
  settings: CopySettings,
): Promise<CoreHandle> {
  const { signal, metadata } = settings;
  const options = { ...openingOf(settings), signal };
  const openIt = (): Promise<CoreHandle> => openOwn(spot, name, options);
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

/**
 * Opens the unfinished copy that an earlier call has kept, or a new one that a later call can use.
 * @throws EBUSY; EEXIST
 */
export async function openPartial(request: TargetRequest): Promise<Target> {
  const { destination, settings } = request;
  const { directory } = destination;
  const name = partialNameFor(destination);
  const noteName = noteNameOf(name);
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
    const note = new NoteKeeper(noteFile, handle, identityOf(request));
    await note.write(start);
    const file = handle;
    return {
      kind: 'new',
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
  request: TargetRequest,
): Promise<{ start: number; hash: Hash | undefined }> {
  const { source, size, settings, onResume } = request;
  const hash = newHash(settings.hash);
  const flushed = await flushedByNote(note, identityOf(request));
  const there = (await handle.stat()).size;
  const end = alignDown(Math.min(flushed, there, size ?? 0), blockSizeOf(source, handle));
  if (end === 0) return { start: 0, hash };
  const { depth, chunkSize, signal } = settings;
  let start = 0;
  const onEqual = (bytes: Buffer, position: number): void => {
    hash?.update(bytes);
    start = position;
    onResume(position);
  };
  try {
    await firstDifference(source, handle, { depth, chunkSize, signal, end, onEqual });
  } catch (error) {
    // What cannot be read is tried again, or becomes zeros, when the rest is copied.
    const mayGoOn = settings.retries > 0 || settings.badSectors === 'zero';
    if (!mayGoOn || !isMediumError(error)) throw error;
  }
  return { start, hash };
}

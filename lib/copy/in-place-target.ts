import { constants } from 'node:fs';
import process from 'node:process';
import type { CoreHandle } from '../handle/core-handle.js';
import { CopyError } from './copy-errors.js';
import { statusIfThere } from './destination.js';
import { openingOf } from './disk-options.js';
import { FallbackLog } from './fallbacks.js';
import { isOwn } from './own-file.js';
import { isWider, newHash, type Target, type TargetRequest } from './target.js';
import { UpdateMarker } from './update-marker.js';

const { O_RDWR, O_NONBLOCK = 0 } = constants;
const permissions = 0o777;
const ofOwner = 0o700;
const ofGroup = 0o070;

/** @throws CopyError for a destination that other names lead to */
async function checkNames(handle: CoreHandle, { settings, shown }: TargetRequest): Promise<void> {
  const status = await handle.stat();
  const { path, dest } = shown;
  if (!status.isFile()) {
    throw new CopyError('ERR_COPY_FILE_TYPE', `'${dest}' is not a file`, path, dest);
  }
  if (status.nlink <= 1 || settings.writeHardLinks) return;
  const message =
    `'${dest}' has ${status.nlink} names (hard links), and all of them would change; ` +
    'options.writeHardLinks permits that';
  throw new CopyError('ERR_COPY_LINK', message, path, dest);
}

/**
 * Takes permissions from users who may not read the source, before its content is written. A file
 * that gets another owner is taken from its present one first.
 */
async function closeToOthers(handle: CoreHandle, request: TargetRequest): Promise<void> {
  const { before, settings } = request;
  const status = await handle.stat();
  const { owner, mode } = settings.metadata;
  const isTaken = mode !== undefined && owner !== undefined && !isOwn(status.uid);
  if (!isTaken && !isWider(status, request)) return;
  // A refusal is reported, or is an error, when the file is complete.
  const user = process.geteuid?.();
  if (isTaken && user !== undefined) await handle.chown(user, status.gid).catch(() => {});
  const keepsGroup = owner === undefined || before.gid === undefined;
  const closed = keepsGroup || BigInt(status.gid) === before.gid ? 0 : ofGroup;
  const kept = (Number(before.mode) | ofOwner) & permissions;
  await handle.chmod(status.mode & kept & ~closed).catch(() => {});
}

/** Opens the existing file; a link there is not followed. */
async function openExisting(request: TargetRequest): Promise<CoreHandle> {
  const { destination, settings } = request;
  const { signal, verify } = settings;
  // Reading past the cache verifies the blocks that stay, too.
  const unbuffered = settings.unbuffered || (verify ? 'prefer' : false);
  const options = { ...openingOf({ ...settings, unbuffered }), signal };
  const { directory, name } = destination;
  const handle = await directory.openCore(name, O_RDWR | O_NONBLOCK, options);
  try {
    await checkNames(handle, request);
    await closeToOthers(handle, request);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Opens a file that is updated in place; undefined if there is none yet.
 * @throws CopyError: ERR_COPY_LINK, ERR_COPY_FILE_TYPE; EBUSY while another process updates it
 */
export async function openInPlace(request: TargetRequest): Promise<Target | undefined> {
  const { destination, settings } = request;
  if ((await statusIfThere(destination)) === undefined) return undefined;
  const fallbacks = new FallbackLog();
  const handle = await openExisting(request);
  let marker: UpdateMarker;
  try {
    marker = await UpdateMarker.open(handle, request, fallbacks);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return {
    kind: 'existing',
    name: destination.name,
    handle,
    isAtomic: false,
    fallbacks,
    start: 0,
    hash: newHash(settings.hash),
    inPlace: {
      reason: "options.update is 'inplace'",
      begin: (position) => marker.begin(position),
    },
    interrupted: marker.interrupted,
    onFlushed: (position) => marker.onFlushed(position),
    giveMode: async () => {},
    settle: () => marker.settle(),
    end: () => marker.end(),
    abandon: () => marker.abandon(),
  };
}

import { constants } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { CopyError } from './copy-errors.js';
import type { ShownPaths } from './destination.js';
import { contentOfDevice } from './device-content.js';
import { openingOf } from './disk-options.js';
import { FallbackLog } from './fallbacks.js';
import type { CopySettings } from './file-copy-options.js';
import { type InPlace, type NewTargetRequest, newHash, type Target } from './target.js';

const { O_RDONLY, O_RDWR, O_EXCL } = constants;

function refuse({ path, dest }: ShownPaths, why: string): CopyError {
  return new CopyError('ERR_COPY_DEVICE', `'${dest}' ${why}`, path, dest);
}

/** Opens a device that nothing else uses: the system keeps mounts away while it is open. */
async function openUnused(
  { destination, settings, shown }: NewTargetRequest,
  access: number,
): Promise<CoreHandle> {
  const { signal, verify } = settings;
  const { directory, name } = destination;
  // Reading past the cache verifies the blocks that stay, too.
  const isCompared = inPlaceOf(settings) !== undefined;
  const unbuffered = settings.unbuffered || (verify && isCompared ? 'prefer' : false);
  try {
    const options = { ...openingOf({ ...settings, unbuffered }), signal };
    return await directory.openCore(name, access | O_EXCL, options);
  } catch (error) {
    if ((error as SystemError).code !== 'EBUSY') throw error;
    throw refuse(shown, 'is mounted, or something else uses it');
  }
}

/** @throws CopyError; ENOSPC */
async function checkDevice(device: CoreHandle, request: NewTargetRequest): Promise<void> {
  const { settings, shown, size } = request;
  if (device.deviceType !== 'block') throw refuse(shown, 'is no block device any more');
  if (Object.values(settings.metadata).includes('must')) {
    throw refuse(shown, 'is a device, which takes no metadata of a file');
  }
  if (size !== null && size > (await device.size())) {
    throw systemErrorOf('ENOSPC', { syscall: 'write', ...shown });
  }
  if (settings.overwriteDevice) return;
  const content = await contentOfDevice(device);
  if (content === undefined) return;
  throw refuse(shown, `holds ${content}; options.overwriteDevice permits overwriting it`);
}

/** Checks that a device could receive a copy, without writing to it. @throws as openDevice() */
export async function examineDevice(request: NewTargetRequest): Promise<void> {
  const handle = await openUnused(request, O_RDONLY);
  try {
    await checkDevice(handle, request);
  } finally {
    await handle.close();
  }
}

/** Nothing beside a device could say that it is incomplete, so a comparison alone resumes. */
function inPlaceOf({ isInPlace, resume }: CopySettings): InPlace | undefined {
  if (!isInPlace && !resume) return undefined;
  const reason = isInPlace ? "options.update is 'inplace'" : 'options.resume compares a device';
  return { reason, begin: async () => {} };
}

/**
 * Opens a block device that receives the content of a copy from its first byte on.
 * @throws CopyError: ERR_COPY_DEVICE; ENOSPC if it is too small; EACCES, EROFS, …
 */
export async function openDevice(request: NewTargetRequest): Promise<Target> {
  const { destination, settings } = request;
  const handle = await openUnused(request, O_RDWR);
  try {
    await checkDevice(handle, request);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return {
    kind: 'device',
    name: destination.name,
    handle,
    isAtomic: false,
    fallbacks: new FallbackLog(),
    start: 0,
    hash: newHash(settings.hash),
    inPlace: inPlaceOf(settings),
    onFlushed: () => {},
    giveMode: async () => {},
    settle: async () => {},
    end: async () => {},
    abandon: async () => {},
  };
}

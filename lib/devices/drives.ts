import { FileHandle } from '../file-handle/file-handle.js';
import { requireCore } from '../handle/core-of.js';
import { openParsed } from '../handle/open.js';
import { parseOpenOptions } from '../handle/open-options.js';
import { unavailable } from '../node/errors.js';
import type { ParsedPath } from '../node/paths.js';
import { validateInteger, validateObject, validateOneOf } from '../node/validate.js';
import { sizeOfDevice } from '../transfer/file-size.js';
import { isWindows, parseDeviceName, requireKind, type SignalOptions } from './names.js';

/** Options of openVolume() and openDrive(). */
export interface DriveOptions extends SignalOptions {
  /** 'r' or 'r+'. Default 'r'. */
  flags?: 'r' | 'r+' | undefined;
  /**
   * Whole sectors past the cache, at `handle.alignment`. Default true: Windows takes nothing else
   * from a physical drive.
   */
  unbuffered?: boolean | undefined;
}

const driveMax = 2 ** 16;

async function openBlockDevice(path: ParsedPath, options: DriveOptions): Promise<FileHandle> {
  validateObject(options, 'options');
  const { flags = 'r', unbuffered = true, signal } = options;
  validateOneOf(flags, 'options.flags', ['r', 'r+']);
  const core = await openParsed(path, parseOpenOptions(flags, { unbuffered, signal }));
  return new FileHandle(await requireKind(core, core.deviceType === 'block', path.shown));
}

/**
 * Opens a volume as one sequence of bytes, past its file system.
 * @param volume 'C:' (Windows: what stands behind `\\.\`), '/dev/sda1'
 * @throws ENXIO where it is no volume; EACCES, EPERM without the rights of an administrator
 */
export async function openVolume(volume: string, options: DriveOptions = {}): Promise<FileHandle> {
  return openBlockDevice(parseDeviceName(volume), options);
}

/**
 * Opens a whole drive with all its partitions. @see openVolume
 * @param drive the number of `\\.\PHYSICALDRIVE…` (Windows), or a path: '/dev/sda'
 */
export async function openDrive(
  drive: number | string,
  options: DriveOptions = {},
): Promise<FileHandle> {
  if (typeof drive !== 'number') return openBlockDevice(parseDeviceName(drive), options);
  validateInteger(drive, 'drive', 0, driveMax);
  if (!isWindows) throw unavailable('a drive by its number');
  return openBlockDevice(parseDeviceName(`PHYSICALDRIVE${drive}`), options);
}

/**
 * The size of a volume or drive in bytes, which stat() does not have (BLKGETSIZE64,
 * IOCTL_DISK_GET_LENGTH_INFO).
 * @throws ENOTTY, EINVAL, … where the handle is of something else
 */
export async function deviceSize(handle: FileHandle): Promise<number> {
  return sizeOfDevice(requireCore(handle, 'handle'));
}

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
   * Bypass the cache; positions and lengths are then multiples of `handle.alignment`. Default true,
   * because Windows accepts nothing else for a physical drive.
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
 * Opens a volume as one sequence of bytes, without its file system.
 * @param volume such as 'C:' (on Windows the part after `\\.\`) or '/dev/sda1'
 * @throws ENXIO if the path is not a volume; EACCES, EPERM without administrator rights
 * @example
 * const volume = await openVolume('/dev/sda1');
 * const { buffer } = await volume.read({ buffer: allocAligned(1024 * 1024), position: 0 });
 */
export async function openVolume(volume: string, options: DriveOptions = {}): Promise<FileHandle> {
  return openBlockDevice(parseDeviceName(volume), options);
}

/**
 * Opens a whole drive with all its partitions.
 * @param drive the number in `\\.\PHYSICALDRIVE…` (Windows only), or a path such as '/dev/sda'
 * @throws the errors of openVolume(); ERR_FEATURE_UNAVAILABLE_ON_PLATFORM for a number on POSIX
 * @see openVolume
 * @example
 * const drive = await openDrive('/dev/sda', { flags: 'r+' });
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
 * Resolves to the size of a volume or drive in bytes, which stat() does not report
 * (BLKGETSIZE64 on Linux, IOCTL_DISK_GET_LENGTH_INFO on Windows).
 * @throws ENOTTY, EINVAL, … if the handle is not a volume or drive
 * @example
 * const bytes = await deviceSize(await openVolume('/dev/sda1'));
 */
export async function deviceSize(handle: FileHandle): Promise<number> {
  return sizeOfDevice(requireCore(handle, 'handle'));
}

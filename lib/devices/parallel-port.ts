import { constants } from 'node:fs';
import { FileHandle } from '../file-handle/file-handle.js';
import { openParsed } from '../handle/open.js';
import { validateObject, validateSignal } from '../node/validate.js';
import { deviceRequest, parseDeviceName, requireKind, type SignalOptions } from './names.js';

/**
 * Opens a parallel port for writing, as printers are written to.
 * @param path 'LPT1', '/dev/lp0'
 * @throws ENOENT where there is none; ENXIO where it is no port; EACCES, EBUSY, …
 */
export async function openParallelPort(
  path: string,
  options: SignalOptions = {},
): Promise<FileHandle> {
  const parsed = parseDeviceName(path);
  validateObject(options, 'options');
  validateSignal(options.signal);
  const core = await openParsed(parsed, deviceRequest(constants.O_WRONLY, options.signal));
  return new FileHandle(await requireKind(core, core.deviceType === 'char', parsed.shown));
}

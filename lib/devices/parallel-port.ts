import { constants } from 'node:fs';
import { FileHandle } from '../file-handle/file-handle.js';
import { openParsed } from '../handle/open.js';
import { validateObject, validateSignal } from '../node/validate.js';
import { deviceRequest, parseDeviceName, requireKind, type SignalOptions } from './names.js';

/**
 * Opens a parallel port for writing, for example to a printer.
 * @param path such as 'LPT1' or '/dev/lp0'
 * @throws ENOENT if the port does not exist; ENXIO if the path is not a port; EACCES, EBUSY, …
 * @example
 * const printer = await openParallelPort('/dev/lp0');
 * await printer.write('Hello\f');
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

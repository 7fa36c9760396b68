import { OpenOption } from '../engine/opcodes.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { type OpenRequest, parseOpenOptions } from '../handle/open-options.js';
import { invalidArgType, invalidArgValue, systemErrorOf } from '../node/errors.js';
import { type ParsedPath, parsePath } from '../node/paths.js';

export const isWindows = process.platform === 'win32';
export const isLinux = process.platform === 'linux';

export interface SignalOptions {
  /** Aborts what is waited for. */
  signal?: AbortSignal | undefined;
}

/** What devices are in the name space of Windows; `\\?\` stands for the same. */
const devicePrefix = /^[\\/]{2}[.?][\\/]/;

/**
 * The name of a device as the system has it: on Windows below `\\.\`, where it is not a whole path
 * already; elsewhere a path.
 * @param folder of the name on Windows, as 'pipe\\'
 */
export function parseDeviceName(name: unknown, folder = ''): ParsedPath {
  if (typeof name !== 'string') throw invalidArgType('name', 'of type string', name);
  if (name === '') throw invalidArgValue('name', name, 'must not be empty');
  if (!isWindows) return parsePath(name, 'name');
  if (name.includes('\0')) throw invalidArgValue('name', name, 'must be without null bytes');
  const isWhole = devicePrefix.test(name) || name.startsWith('\\\\');
  const native = isWhole ? name : `\\\\.\\${folder}${name}`;
  return { native, shown: native };
}

/** How a device is opened: no handle of it ever holds up one operation by another. */
export function deviceRequest(flags: string | number, signal?: AbortSignal): OpenRequest {
  const request = parseOpenOptions(flags, { signal });
  return { ...request, options: request.options | OpenOption.concurrent };
}

/** Gives the handle, if it is of the kind that was asked for; else closes it. @throws ENXIO */
export async function requireKind(
  handle: CoreHandle,
  isOfKind: boolean,
  shown: string,
): Promise<CoreHandle> {
  if (isOfKind) return handle;
  await handle.close();
  throw systemErrorOf('ENXIO', { syscall: 'open', path: shown });
}

import process from 'node:process';
import { OpenOption } from '../engine/opcodes.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { type OpenRequest, parseOpenOptions } from '../handle/open-options.js';
import { invalidArgType, invalidArgValue, systemErrorOf } from '../node/errors.js';
import { type ParsedPath, parsePath } from '../node/paths.js';

export const isWindows = process.platform === 'win32';
export const isLinux = process.platform === 'linux';

export interface SignalOptions {
  /** Aborts the pending operation. */
  signal?: AbortSignal | undefined;
}

/** The prefix of the Windows device namespace; `\\?\` is equivalent. */
const devicePrefix = /^[\\/]{2}[.?][\\/]/;

/**
 * Converts a device name to the form that the system uses: on Windows, a name below `\\.\` unless
 * it is already a full path; elsewhere a path.
 * @param folder the folder of the name on Windows, such as 'pipe\\'
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

/** The request to open a device; operations on its handle never wait for one another. */
export function deviceRequest(flags: string | number, signal?: AbortSignal): OpenRequest {
  const request = parseOpenOptions(flags, { signal });
  return { ...request, options: request.options | OpenOption.concurrent };
}

/** Returns the handle if it is of the requested kind, and otherwise closes it. @throws ENXIO */
export async function requireKind(
  handle: CoreHandle,
  isOfKind: boolean,
  shown: string,
): Promise<CoreHandle> {
  if (isOfKind) return handle;
  await handle.close();
  throw systemErrorOf('ENXIO', { syscall: 'open', path: shown });
}

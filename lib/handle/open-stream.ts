import { openIn } from '../engine/directory-requests.js';
import type { CoreHandle } from './core-handle.js';
import { accessFor, coreOfOpening } from './open.js';
import { parseOpenOptions } from './open-options.js';
import { decodeOpened } from './opened-file.js';

/**
 * Opens a named stream of an open file by its handle, wherever the path of the file leads by now
 * (Windows).
 */
export function openStream(file: CoreHandle, name: string, flags: string): Promise<CoreHandle> {
  const { signal, ...request } = parseOpenOptions(flags, undefined);
  const subject = { syscall: 'open' };
  const stream = { ...openIn({ name: `:${name}:$DATA`, ...request }), subject };
  const opening = file.operate({ ...stream, decode: decodeOpened, signal });
  return coreOfOpening(opening, { subject, signal }, accessFor({ signal, ...request }));
}

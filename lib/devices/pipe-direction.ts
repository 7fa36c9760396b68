import { constants } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { openParsed } from '../handle/open.js';
import type { Access } from '../handle/open-flags.js';
import { unavailable } from '../node/errors.js';
import type { ParsedPath } from '../node/paths.js';
import { validateBoolean, validateOneOf } from '../node/validate.js';
import { deviceRequest, isWindows, requireKind } from './names.js';

/** The direction of one end of a pipe: 'in' reads, 'out' writes, 'duplex' does both. */
export type PipeDirection = 'in' | 'out' | 'duplex';

const { O_RDONLY, O_RDWR, O_WRONLY } = constants;
// The string flags would create a file if the pipe no longer exists.
const flagsOfDirection = { in: O_RDONLY, out: O_WRONLY, duplex: O_RDWR } as const;

/** @throws ERR_INVALID_ARG_VALUE, …; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM */
export function checkDirection(direction: unknown, messages: unknown): void {
  validateOneOf(direction, 'options.direction', Object.keys(flagsOfDirection));
  validateBoolean(messages, 'options.messages');
  if (isWindows) return;
  if (direction === 'duplex') throw unavailable("options.direction 'duplex'");
  if (messages) throw unavailable('options.messages');
}

export function accessOfDirection(direction: PipeDirection): Access {
  return { readable: direction !== 'out', writable: direction !== 'in', append: false };
}

/** Opens a named pipe. Opening a FIFO resolves once the other side has opened it as well. */
export async function openPipe(
  path: ParsedPath,
  direction: PipeDirection,
  signal: AbortSignal | undefined,
): Promise<CoreHandle> {
  const handle = await openParsed(path, deviceRequest(flagsOfDirection[direction], signal));
  return requireKind(handle, handle.deviceType === 'pipe', path.shown);
}

import process from 'node:process';
import { OpenOption } from '../engine/opcodes.js';
import { invalidArgType, invalidArgValue, unavailable } from '../node/errors.js';

/** A kind of access that other handles may have to a file while this handle is open. */
export type ShareAccess = 'read' | 'write' | 'delete';

/** The access that a handle allows others: all, none, or the listed kinds. */
export type ShareMode = 'all' | 'none' | ShareAccess | readonly ShareAccess[];

const shareAccesses: readonly unknown[] = ['read', 'write', 'delete'] satisfies ShareAccess[];

function shareList(share: unknown, name: string): readonly unknown[] {
  if (share === 'all') return shareAccesses;
  if (share === 'none') return [];
  if (typeof share === 'string') return [share];
  if (!Array.isArray(share)) {
    throw invalidArgType(name, 'of type string or an instance of Array', share);
  }
  return share;
}

/**
 * Validates a share mode and returns its OpenOption bits.
 * @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM for a mode that advisory locks cannot express
 */
export function shareBits(share: unknown, name: string): number {
  const allowed = shareList(share, name);
  if (!allowed.every((access) => shareAccesses.includes(access))) {
    const reason = "must be 'all', 'none', or of 'read', 'write', 'delete'";
    throw invalidArgValue(name, share, reason);
  }
  const read = allowed.includes('read');
  const write = allowed.includes('write');
  const remove = allowed.includes('delete');
  if (process.platform !== 'win32' && write && !(read && remove)) {
    throw unavailable(`${name} ${JSON.stringify(share)}`);
  }
  return (
    (read ? 0 : OpenOption.denyRead) |
    (write ? 0 : OpenOption.denyWrite) |
    (remove ? 0 : OpenOption.denyDelete)
  );
}

import { giveCallersStack } from '../../node/own-frames.js';

/**
 * Reported when more entries would be deleted than `maxDelete` allows, or an empty source would
 * delete any.
 */
export class DeleteRefusedError extends Error {
  /** Always this code. */
  readonly code = 'ERR_DELETE_REFUSED';
  /** The path of the destination. */
  readonly path: string;
  /** Entries of the destination that would be deleted. */
  readonly count: number;

  /** @param reason why the entries are not deleted */
  constructor(path: string, count: number, reason: string) {
    super(`${count} entries of '${path}' would be deleted: ${reason}`);
    this.name = 'DeleteRefusedError';
    giveCallersStack(this, DeleteRefusedError);
    this.path = path;
    this.count = count;
  }
}

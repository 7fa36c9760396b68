/** More entries would be deleted than `maxDelete` allows, or all of them for an empty source. */
export class DeleteRefusedError extends Error {
  readonly code = 'ERR_DELETE_REFUSED';
  readonly path: string;
  /** Entries of the destination that would be deleted. */
  readonly count: number;

  /** @param reason why they are not deleted */
  constructor(path: string, count: number, reason: string) {
    super(`${count} entries of '${path}' would be deleted: ${reason}`);
    this.name = 'DeleteRefusedError';
    this.path = path;
    this.count = count;
  }
}

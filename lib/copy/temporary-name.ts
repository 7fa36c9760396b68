import { randomBytes } from 'node:crypto';

const randomSize = 16;
const pooledNames = 256;
const pattern = /(?:^|\/)\.overlapped-[0-9a-f]{32}\.tmp$/;
const partialPattern = /(?:^|\/)\.overlapped-[0-9a-f]{24}\.partial[^/]*$/;
let pool = Buffer.alloc(0);

/**
 * A name that nobody has and nobody can foretell, for a file that gets its own when it is complete.
 * It fits wherever a name of that length does, however long the file's own name is.
 */
export function temporaryName(): string {
  if (pool.byteLength < randomSize) pool = randomBytes(randomSize * pooledNames);
  const random = pool.toString('hex', 0, randomSize);
  pool = pool.subarray(randomSize);
  return `.overlapped-${random}.tmp`;
}

/** The name of what a copy leaves that can be resumed; the same for the same digest. */
export function partialName(digest: string): string {
  return `.overlapped-${digest}.partial`;
}

/** Whether a name is one of temporaryName(). */
export function isUnfinishedName(name: string): boolean {
  return pattern.test(name);
}

/** Whether a name is one of temporaryName() or partialName(), or begins with the latter. */
export function isTemporaryName(name: string): boolean {
  return pattern.test(name) || partialPattern.test(name);
}

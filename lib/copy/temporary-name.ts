import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';

const randomSize = 16;
const pooledNames = 256;
const pattern = /(?:^|\/)\.overlapped-[0-9a-f]{32}\.tmp$/;
const partialPattern = /(?:^|\/)\.overlapped-[0-9a-f]{24}\.partial[^/]*$/;
let pool = Buffer.alloc(0);

/**
 * Returns an unused, unpredictable name for a file that is renamed when it is complete. Its length
 * does not depend on the final name.
 */
export function temporaryName(): string {
  if (pool.byteLength < randomSize) pool = randomBytes(randomSize * pooledNames);
  const random = pool.toString('hex', 0, randomSize);
  pool = pool.subarray(randomSize);
  return `.overlapped-${random}.tmp`;
}

/** Returns the name of a copy that can be resumed; it depends only on the digest. */
export function partialName(digest: string): string {
  return `.overlapped-${digest}.partial`;
}

/** Whether a name was made by temporaryName(). */
export function isUnfinishedName(name: string): boolean {
  return pattern.test(name);
}

/** Whether a name was made by partialName(). */
export function isPartialName(name: string): boolean {
  return partialPattern.test(name) && name.endsWith('.partial');
}

const noteSuffix = '.json';

/** Returns the name of the note beside a copy that can be resumed. */
export function noteNameOf(partial: string): string {
  return `${partial}${noteSuffix}`;
}

/** Returns the name of the copy that belongs to a note, or the name itself. */
export function copyOfNote(name: string): string {
  return name.endsWith(noteSuffix) ? name.slice(0, -noteSuffix.length) : name;
}

/** Whether a name was made by temporaryName(), or begins with one made by partialName(). */
export function isTemporaryName(name: string): boolean {
  return pattern.test(name) || partialPattern.test(name);
}

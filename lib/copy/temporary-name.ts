import { randomBytes } from 'node:crypto';

// The process is in the name, so that what one has left that was killed can be told. Its number may
// be given to another one, so there is more.
const owner = `${process.pid.toString(36)}-${randomBytes(4).toString('hex')}`;
const pattern = /(?:^|\/)\.overlapped-(([0-9a-z]+)-[0-9a-f]{8})-[0-9a-z]+\.tmp$/;
const partialPattern = /(?:^|\/)\.overlapped-[0-9a-f]{24}\.partial[^/]*$/;
let count = 0;

/**
 * A name that nobody else has, for what gets its own when it is complete. However long that is,
 * this one fits wherever it does.
 */
export function temporaryName(): string {
  return `.overlapped-${owner}-${(count++).toString(36)}.tmp`;
}

/** The name of what a copy that can be gone on with has left; the same for the same digest. */
export function partialName(digest: string): string {
  return `.overlapped-${digest}.partial`;
}

/** Whether a name is one of temporaryName() or partialName(), or begins with the latter. */
export function isTemporaryName(name: string): boolean {
  return pattern.test(name) || partialPattern.test(name);
}

/** Whether it is one of a process that is not there any more. */
export function isLeftOver(name: string): boolean {
  const [, maker, pid = ''] = pattern.exec(name) ?? [];
  if (maker === undefined || maker === owner) return false;
  const number = Number.parseInt(pid, 36);
  if (number === process.pid) return true;
  try {
    process.kill(number, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

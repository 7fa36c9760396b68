import { randomBytes } from 'node:crypto';

/** When this process began, in milliseconds of a clock that nobody sets; for all its threads. */
function processStart(): number {
  return Math.round(Number(process.hrtime.bigint()) / 1e6 - process.uptime() * 1000);
}

// Two of its threads find the same to less than that.
const startTolerance = 100;

// The process is in the name, so that what one has left that was killed can be told; with its
// start, as its number is given to others later, in containers soon.
const maker = `${process.pid.toString(36)}-${processStart().toString(36)}`;
const thread = randomBytes(4).toString('hex');
const pattern = /(?:^|\/)\.overlapped-([0-9a-z]+)-([0-9a-z]+)-[0-9a-f]{8}-[0-9a-z]+\.tmp$/;
const partialPattern = /(?:^|\/)\.overlapped-[0-9a-f]{24}\.partial[^/]*$/;
let count = 0;

/**
 * A name that nobody else has, for what gets its own when it is complete. However long that is,
 * this one fits wherever it does.
 */
export function temporaryName(): string {
  return `.overlapped-${maker}-${thread}-${(count++).toString(36)}.tmp`;
}

/** The name of what a copy that can be gone on with has left; the same for the same digest. */
export function partialName(digest: string): string {
  return `.overlapped-${digest}.partial`;
}

/** Whether a name is one of temporaryName() or partialName(), or begins with the latter. */
export function isTemporaryName(name: string): boolean {
  return pattern.test(name) || partialPattern.test(name);
}

/** Whether it is a temporaryName() of a process that is not there any more. */
export function isLeftOver(name: string): boolean {
  const [, pid, start] = pattern.exec(name) ?? [];
  if (pid === undefined || start === undefined) return false;
  const number = Number.parseInt(pid, 36);
  if (number === process.pid) {
    return Math.abs(Number.parseInt(start, 36) - processStart()) > startTolerance;
  }
  try {
    process.kill(number, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

import { exitCode } from './exit-code.js';

/** What the user is told in one line, without a stack. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'Failure';
    this.exitCode = options.exitCode ?? exitCode.failed;
  }
}

/** A command line that makes no sense. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(`${message} (--help shows the options)`, { exitCode: exitCode.usage });
  }
}

/** The code of a system error or of one of Node's, undefined of anything else. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** What a function of the library says of arguments that do not go together. */
function isMisuse(code: string): boolean {
  return code.startsWith('ERR_INVALID_ARG') || code === 'ERR_OUT_OF_RANGE';
}

/** How the command ends after an error; undefined for a mistake of this program. */
export function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof Failure) return error.exitCode;
  const code = codeOf(error);
  if (code === undefined) return undefined;
  return isMisuse(code) ? exitCode.usage : exitCode.failed;
}

/** Whether an error says that the file system will not be read or written past the cache. */
export function refusesUnbuffered(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EINVAL' || code === 'EOPNOTSUPP' || code === 'ENOTSUP';
}

/** Runs something unbuffered, and says what to do where the file system refuses that. */
export async function withUnbufferedHint<T>(
  unbuffered: boolean,
  hint: string,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!unbuffered || !refusesUnbuffered(error)) throw error;
    const message = `${(error as Error).message}: its file system refuses direct I/O; ${hint}`;
    throw new Failure(message, { cause: error });
  }
}

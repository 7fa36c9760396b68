import { exitCode } from './exit-code.js';

/** An error shown to the user in one line, without a stack. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'Failure';
    this.exitCode = options.exitCode ?? exitCode.failed;
  }
}

/** An invalid command line. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(`${message} (see --help)`, { exitCode: exitCode.usage });
  }
}

/** Returns the code of a system error or of an error of Node.js; undefined for other errors. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Whether a code says that the library refused its arguments. */
function isMisuse(code: string): boolean {
  return code.startsWith('ERR_INVALID_ARG') || code === 'ERR_OUT_OF_RANGE';
}

/** Returns the exit code for an error; undefined for a defect of this program. */
export function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof Failure) return error.exitCode;
  const code = codeOf(error);
  if (code === undefined) return undefined;
  return isMisuse(code) ? exitCode.usage : exitCode.failed;
}

/** Whether an error says that the file system refuses to bypass the cache. */
export function refusesUnbuffered(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EINVAL' || code === 'EOPNOTSUPP' || code === 'ENOTSUP';
}

/** Runs an unbuffered task, and adds a hint if the file system refuses direct I/O. */
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

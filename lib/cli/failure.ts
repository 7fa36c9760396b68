/** What the user is told in one line, without a stack. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'Failure';
    this.exitCode = options.exitCode ?? 1;
  }
}

/** A command line that makes no sense. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(`${message} (--help shows the options)`, { exitCode: 2 });
  }
}

/** The code of a system error or of one of Node's, undefined of anything else. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** `EACCES: permission denied`, of a message that goes on with a path that means nothing here. */
export function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return codeOf(error) === undefined ? message : (message.split(/, | '/, 1)[0] as string);
}

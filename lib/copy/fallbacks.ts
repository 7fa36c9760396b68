import { AbortError, type SystemError } from '../node/errors.js';

/** A step of a copy that the system may refuse. */
export type FallbackStep =
  | 'offload'
  | 'holes'
  | 'size'
  | 'mode'
  | 'sync'
  | 'lock'
  | 'rename'
  | 'link'
  | 'punch';

/** A step that the system refused, and what was done instead. */
export interface CopyFallback {
  /** The step that failed. */
  step: FallbackStep;
  /** Code of the system's error. */
  code: string;
  /** The alternative that the copy used. */
  instead: string;
}

const alternatives: Readonly<Record<FallbackStep, string>> = {
  offload: 'the rest was read and written',
  holes: 'all of the file was read',
  size: 'the file had its size already',
  mode: 'the copy has the mode of a new file',
  sync: 'the copy was not synced by itself',
  lock: 'nothing keeps another process from the unfinished copy',
  link: 'the name got a copy of its own',
  punch: 'zeros were written',
  rename: 'the existing file was written to in place',
};

/** Error codes that file systems and kernels report for missing calls. */
const missingCodes: ReadonlySet<string> = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/** Whether an error is a system error, not an argument error or an abort. */
export function isSystemError(error: unknown): error is SystemError {
  return typeof (error as Partial<SystemError>)?.errno === 'number';
}

// Windows; libuv takes it for EISDIR.
const errorInvalidFunction = 1;

/** Whether an error says that the file system lacks the call. */
export function isMissing(error: unknown): boolean {
  if (!isSystemError(error)) return false;
  return missingCodes.has(error.code) || error.win32Error === errorInvalidFunction;
}

/** Returns a fallback for a refused step. */
export function fallbackOf(step: FallbackStep, error: unknown): CopyFallback {
  return { step, code: (error as SystemError).code, instead: alternatives[step] };
}

/** Collects the fallbacks of a copy; each step and code once. */
export class FallbackLog {
  readonly list: CopyFallback[] = [];

  note(step: FallbackStep, error: unknown): void {
    const { code } = error as SystemError;
    if (this.list.some((known) => known.step === step && known.code === code)) return;
    this.list.push(fallbackOf(step, error));
  }

  /**
   * Runs a step, and notes a refusal.
   * @param isRefusal distinguishes refusals from other errors
   * @returns whether the step succeeded
   * @throws errors that are not refusals
   */
  async attempt(
    step: FallbackStep,
    isRefusal: (error: unknown) => boolean | Promise<boolean>,
    run: () => Promise<unknown>,
  ): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      if (error instanceof AbortError || !(await isRefusal(error))) throw error;
      this.note(step, error);
      return false;
    }
  }
}

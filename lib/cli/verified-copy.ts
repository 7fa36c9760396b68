import { copy } from '../copy/copy.js';
import type { CopyProgress } from '../copy/copy-options.js';
import type { CopyPlan } from './copy-plan.js';
import { codeOf, Failure } from './failure.js';
import { type Progress, startProgress } from './progress.js';

export interface VerifiedCopy {
  bytes: number;
  /** Of the source as it was read, and of the destination as it was read back. */
  sha256: string;
  copySeconds: number;
  verifySeconds: number;
}

export interface CopySettings {
  unbuffered: boolean;
  depth: number;
  chunkSize: number;
  signal: AbortSignal;
}

/** Shows the phases of a copy one after another, and takes their times. */
class Phases {
  readonly #size: number;
  readonly #startedMs = new Map<string, number>();
  #shown: Progress | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  show({ phase, bytes }: CopyProgress): void {
    if (!this.#startedMs.has(phase)) {
      this.stop();
      this.#startedMs.set(phase, performance.now());
      this.#shown = startProgress(phase, this.#size);
    }
    this.#shown?.update(bytes);
  }

  stop(): void {
    this.#shown?.stop();
    this.#shown = undefined;
  }

  /** Seconds from the start of one phase to that of another, or to now. */
  seconds(from: CopyProgress['phase'], to?: CopyProgress['phase']): number {
    const end = to === undefined ? undefined : this.#startedMs.get(to);
    return ((end ?? performance.now()) - (this.#startedMs.get(from) ?? 0)) / 1000;
  }
}

/**
 * Copies a file, verified, and shows how far it is.
 * @throws Failure where the file system refuses what is asked for; as copy()
 */
export async function copyVerified(plan: CopyPlan, settings: CopySettings): Promise<VerifiedCopy> {
  const phases = new Phases(plan.size);
  try {
    const { bytes, hash } = await copy(plan.source, plan.destination, {
      ...settings,
      strategy: 'engine',
      preallocate: true,
      verify: true,
      onProgress: (progress) => phases.show(progress),
    });
    return {
      bytes,
      sha256: hash as string,
      copySeconds: phases.seconds('copy', 'verify'),
      verifySeconds: phases.seconds('verify'),
    };
  } catch (error) {
    const code = codeOf(error);
    const isOpening = (error as NodeJS.ErrnoException).syscall === 'open';
    if (!settings.unbuffered || !isOpening || (code !== 'EINVAL' && code !== 'EOPNOTSUPP')) {
      throw error;
    }
    const { path } = (error as Error).cause as NodeJS.ErrnoException;
    const refusing = path === plan.source ? plan.source : plan.destination;
    throw new Failure(
      `the file system of '${refusing}' refuses direct I/O (${code}); ` +
        '--buffered copies through the cache',
      { cause: error },
    );
  } finally {
    phases.stop();
  }
}

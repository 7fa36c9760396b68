import { constants } from 'node:os';
import type { FileRange } from '../handle/sparse.js';
import { abortError, type SystemError } from '../node/errors.js';
import { sleep } from '../node/globals.js';

// libuv has no names for some of these errors, and other numbers than Node on Windows.
const numberOf = (name: 'ESTALE' | 'ENODATA'): number => -(constants.errno[name] ?? Number.NaN);
const staleHandle = numberOf('ESTALE');
const noData = numberOf('ENODATA');

/** Whether a read failed because of the medium. Linux also says ENODATA and EILSEQ for that. */
export function isMediumError(error: unknown): boolean {
  const { code, errno, syscall } = error as Partial<SystemError>;
  return syscall === 'read' && (code === 'EIO' || code === 'EILSEQ' || errno === noData);
}

/**
 * Whether the next try may succeed: after EIO of a cable or of a server that restarts, or ESTALE.
 * Failed reads are repeated where they failed, and not with all of the file.
 */
export function isPassing(error: unknown): boolean {
  const { code, errno, syscall } = error as Partial<SystemError>;
  return errno === staleHandle || (code === 'EIO' && syscall !== 'read');
}

const firstPauseMs = 250;
const pauseMsMax = 30_000;

/** Options of copies for failing disks and servers. */
export interface FaultOptions {
  /**
   * How often a step that fails with EIO or ESTALE is repeated: a read where it failed, after any
   * other error the file. The first pause takes 0.25 s, each further one twice as long, up to 30 s;
   * other files are copied meanwhile. Default 0.
   */
  retries?: number | undefined;
  /**
   * 'zero': parts of the source that cannot be read, even after `retries`, become zeros, and
   * `badSectors` of the report lists them. Default 'error': the file is not copied.
   */
  badSectors?: 'error' | 'zero' | undefined;
}

type Signal = AbortSignal | undefined;

/** Keeps count of failed reads, and decides whether a copy goes on. */
export class ReadFaults {
  /** How often a step was repeated. */
  retried = 0;
  /** Ranges that could not be read, in order; adjacent ones are one. */
  bad: FileRange[] = [];
  readonly zeroes: boolean;
  readonly #retries: number;
  readonly #signal: Signal;

  constructor({ retries = 0, badSectors, signal }: FaultOptions & { signal?: Signal }) {
    this.#retries = retries;
    this.zeroes = badSectors === 'zero';
    this.#signal = signal;
  }

  /** Returns the part of a report about failed reads. */
  report(): { badSectors: FileRange[]; retried: number } {
    return { badSectors: this.bad, retried: this.retried };
  }

  /** Whether anything is done about failed reads. */
  get isActive(): boolean {
    return this.#retries > 0 || this.zeroes;
  }

  /**
   * Waits before a step is repeated.
   * @param tries how often it has been repeated already
   * @returns false if it was repeated often enough
   * @throws AbortError
   */
  async mayRepeat(tries: number): Promise<boolean> {
    if (tries >= this.#retries) return false;
    this.retried++;
    await sleep(Math.min(pauseMsMax, firstPauseMs * 2 ** tries), this.#signal);
    if (this.#signal?.aborted) throw abortError(this.#signal);
    return true;
  }

  addBad(position: number, length: number): void {
    const last = this.bad.at(-1);
    if (last !== undefined && last.position + last.length === position) last.length += length;
    else this.bad.push({ position, length });
  }
}

/** Runs a step again while it fails with an error that may pass. @throws its last error */
export async function untilItPasses<T>(faults: ReadFaults, run: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (!isPassing(error) || !(await faults.mayRepeat(tries))) throw error;
    }
  }
}

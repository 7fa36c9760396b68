/**
 * The layout of the memory that JavaScript shares with the addon, and the addon's functions. A test
 * compares the numbers with those of addon/shared_rings.h, which the addon itself reports.
 */

/** The version of the package; the addon has that of the package that it was built with. */
export const packageVersion = '0.1.0';

/** One entry of the submission ring: offsets of its fields in bytes. */
export const SubmissionLayout = {
  opcode: 0,
  slot: 4,
  file: 8,
  flags: 12,
  /** A 64-bit integer. */
  position: 16,
  /** Doubles. */
  offset: 24,
  length: 32,
  size: 40,
} as const;

/** One entry of the completion ring. */
export const CompletionLayout = {
  /** A double. */
  value: 0,
  slot: 8,
  error: 12,
  osError: 16,
  /**
   * The step at which a compound operation failed; 1 for a canceled operation that may have moved
   * bytes.
   */
  failedStep: 20,
  size: 24,
} as const;

export const submissionsMax = 1024;
export const completionsMax = 256;

/** Longer reads are not done in place, in bytes: those of a batch, and those that run alone. */
export const readInPlaceMax = 64 * 1024;
export const readAloneMax = 256 * 1024;

/** 64-bit numbers beside each completion: an open file, or the status of a file. */
export const detailNumbers = 18;

/** The engines: io_uring, a completion port, or a pool of threads. */
export type EngineKind = 'iocp' | 'uring' | 'threadpool';

export interface EngineIdentity {
  readonly kind: EngineKind;
  readonly reason: string | null;
}

export interface EngineDescription extends EngineIdentity {
  readonly submissions: ArrayBuffer;
  readonly completions: ArrayBuffer;
  readonly details: ArrayBuffer;
  /** The content of an operation that runNow() has run; the next one overwrites it. */
  readonly content: ArrayBuffer;
}

/** Counts since the engine started in this thread. */
export interface EngineStats {
  /** Operations that the engine has accepted. */
  submitted: number;
  /** Operations whose completion was delivered, including those refused before submission. */
  completed: number;
  /** Operations that completed as canceled. */
  cancelled: number;
  /** Operations accepted and not yet delivered. */
  inFlight: number;
  /** Operations that were done before their submission returned. */
  inline: number;
  /** Operations submitted again because the system was short of resources. */
  retried: number;
  /** Native calls that submitted operations. */
  batches: number;
  /** I/O completions that arrived through a completion port (iocp only). */
  portPackets: number;
}

/** Filled in by addon/boundary.cc. */
export interface BoundaryDescription {
  readonly opcodes: Readonly<
    Record<string, { number: number; family: number; usesDescriptor: boolean }>
  >;
  readonly flags: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly steps: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly limits: Readonly<Record<string, number>>;
  readonly layout: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly deviceTypes: readonly string[];
}

export interface NativeBinding {
  /** The version of the package that the addon was built with. */
  readonly version: string;
  /**
   * Creates this environment's engine; called once.
   * @param wanted name of an engine, or '' for the best one available
   * @param onCompletions called on the event loop with the number of completions on the ring
   * @param results array for Buffers that belong to completions, by the completion's index
   * @param endsWithProcess whether this environment ends only with the process, so that operations
   *   stuck by then need not be waited for; default false
   * @param hostHasLibuv whether the event loop is libuv's, as in Node; default true
   * @throws ERR_ENGINE_UNAVAILABLE if the wanted engine is not available
   */
  start(
    wanted: string,
    onCompletions: (count: number) => void,
    results: unknown[],
    endsWithProcess?: boolean,
    hostHasLibuv?: boolean,
  ): EngineDescription;
  /**
   * Submits the first `count` entries of the submission ring, with the buffer, path or list of
   * buffers of each. Returns the number of completions already on the completion ring.
   */
  submit(count: number, objects: readonly unknown[]): number;
  /** Starts the submissions that wait for the next turn of the event loop. */
  submitDeferred(): void;
  /**
   * Runs the first entry of the submission ring, whose object is given, if that needs no waiting.
   * Returns whether it has: the completion is then the first on the completion ring. Otherwise the
   * entry has no effect.
   */
  runNow(object: unknown): boolean;
  /** Returns the current engine; it differs from the first if the system has denied that one. */
  identify(): EngineIdentity;
  stats(): EngineStats;
  /** Returns the boundary numbers of the addon, for a test that compares both sides. */
  describeBoundary(): BoundaryDescription;
  /** Returns the address of the first byte of a view or ArrayBuffer. */
  addressOf(memory: ArrayBufferView | ArrayBufferLike): number;
  /**
   * Windows: returns a second, synchronous descriptor of an open file, for code that needs one
   * (node:fs functions, child_process). The caller closes it. Negative: libuv's error.
   */
  duplicateDescriptor(file: number): number;
  /** Moves the cursor of an open file synchronously. Negative: libuv's error. */
  moveCursor(file: number, position: number): number;
  /** POSIX: lets the program close the descriptor of a file itself from now on. */
  giveAwayDescriptor(file: number): void;
  /**
   * POSIX: frees the number of a file, and leaves its descriptor open. Returns false, and does
   * nothing, if operations on the file are in flight.
   */
  forgetFile(file: number): boolean;
  /**
   * Linux: gives the calling thread, and those that it starts later, the priority of OpenOption
   * ioIdle or ioLow. Returns 0; negative: libuv's error.
   */
  setIoPriority(options: number): number;
  /**
   * Windows only: raises the process's working set. Returns the new minimum in bytes; negative:
   * libuv's error.
   */
  growWorkingSet?(bytes: number): number;
}

/**
 * The boundary with the addon: the only description of it on this side. addon/shared_rings.h,
 * addon/binding.cc and addon/engine/operation.h hold the same numbers for C++.
 */

/** What a submission asks for. */
export const Opcode = {
  read: 1,
  write: 2,
  readVector: 3,
  writeVector: 4,
  open: 5,
  close: 6,
  stat: 7,
  statPath: 8,
  lstatPath: 9,
  truncate: 10,
  sync: 11,
  dataSync: 12,
  /** Open, stat, read and close as one. Gives a Buffer, or an open file when it is large. */
  readPath: 13,
  /** Open, write and close as one. */
  writePath: 14,
  /** Asks for the end of the operation in `slot`; has no completion of its own. */
  cancel: 15,
  /** The entries of a folder, or of all below it; see addon/engine/threadpool/tree.h. */
  listTree: 16,
  /** A file, or a folder with all below it. */
  removeTree: 17,
  /** Of the handle's cursor; `flags` is 0, 1 or 2 for the start, the cursor or the end. */
  seek: 18,
  getAttributes: 19,
  /** `file` is pathOfLink or 0. */
  getAttributesPath: 20,
  /** `flags` are the bits to set, `length` those to clear. */
  setAttributes: 21,
  setAttributesPath: 22,
  setSparse: 23,
  punchHole: 24,
  /** Gives a Buffer with pairs of 64-bit integers; see addon/engine/threadpool/sparse.h. */
  allocatedRanges: 25,
  /** `flags` are LockFlag bits; length 0 reaches to the end, wherever that will be. */
  lock: 26,
  unlock: 27,
  /** See addon/engine/threadpool/named_streams.h. */
  listStreams: 28,
  readReparsePoint: 29,
  /** Asks for the end of all that is in flight on `file`; has no completion of its own. */
  cancelFile: 30,
  /** These go to `file` from the open file whose number is in `offset`. */
  cloneFile: 71,
  copyRange: 72,
  /** `flags` are MetadataFlag bits. */
  copyMetadata: 73,
  /**
   * `object` has three paths: the source, a temporary one and the destination. `flags` are
   * MetadataFlag bits, and again, shifted by metadataTriedShift, of what may be refused.
   */
  copySmallFile: 70,
  // Names in the open directory `file`, none of them followed; addon/engine/system/directory.h says
  // what the fields mean. renameIn and linkIn begin in the directory whose number is in `offset`.
  /** `length` holds the OpenOption bits, and the attributes of a new file above 32 bits. */
  openIn: 80,
  statIn: 81,
  listIn: 82,
  /** `object` is a Buffer of names with a zero byte behind each. */
  statNames: 83,
  makeDirectoryIn: 84,
  unlinkIn: 85,
  renameIn: 86,
  linkIn: 87,
  symlinkIn: 88,
  readLinkIn: 89,
  /** `object` is a name and four 64-bit integers: seconds and nanoseconds of both times. */
  setTimesIn: 90,
  setModeIn: 91,
  /** `position` is the user, `length` the group. */
  setOwnerIn: 92,
  // Devices; addon/engine/threadpool/devices.h says what the fields mean.
  createPipeInstance: 50,
  connectPipe: 51,
  disconnectPipe: 52,
  configurePipe: 53,
  createPipePair: 54,
  createMailslot: 55,
  openMailslot: 56,
  setMailslot: 57,
  mailslotStatus: 58,
  serialSettings: 59,
  deviceSize: 60,
} as const;

/** `attributes`: of copySmallFile on Windows alone. */
export const MetadataFlag = { owner: 1, mode: 2, xattrs: 4, times: 8, attributes: 16 } as const;

export const metadataTriedShift = 8;

export const PipeFlag = { reads: 1, writes: 2, messages: 4, first: 8, remote: 16 } as const;

export const LockFlag = { exclusive: 1, wait: 2 } as const;

/** Of the opcodes that have attributes and a path: of a link itself. */
export const pathOfLink = 1;

/** allocatedRanges gives at most so many in one go. */
export const allocatedRangesMax = 1024;

/** Bits of a submission's `file` field for the opcodes that have a path. */
export const OpenOption = {
  unbuffered: 1,
  unbufferedPrefer: 2,
  writeThrough: 4,
  accessSequential: 8,
  accessRandom: 16,
  deleteOnClose: 32,
  denyRead: 64,
  denyWrite: 128,
  denyDelete: 256,
  inheritable: 512,
  attributesOnly: 1024,
  backupIntent: 2048,
  posixSemantics: 4096,
  openReparsePoint: 8192,
  noRecall: 16384,
  /** Windows: operations on the handle never wait for each other, whatever the engine. */
  concurrent: 32768,
} as const;

/** A bit of `flags` for the opcodes on an open file; the other bits are the opcode's own. */
export const FileReference = {
  /** POSIX: `file` is a descriptor that others have opened; it is looked at anew every time. */
  descriptor: -(2 ** 31),
} as const;

/**
 * One entry of the submission ring, as words of 32 bits: opcode, slot, file, flags, position (two
 * words, low first); then as doubles: offset, length. For opcodes with a path `file` holds the
 * OpenOption bits, `flags` the O_* flags, `position` the bytes to preallocate, `offset` the mode,
 * and for `open` `length` the attributes of a new file.
 */
export const submissionsMax = 1024;
export const submissionWords = 10;
export const submissionDoubles = 5;

/**
 * One entry of the completion ring: a double (value), then slot, error, osError, step (what a
 * compound operation was doing when it failed; 1 for what was cancelled when bytes may have moved
 * already). Where it failed in a tree is in `results`.
 */
export const completionsMax = 256;
export const completionWords = 6;
export const completionDoubles = 3;

/** Numbers of 64 bits beside each completion: an open file, or the status of a file. */
export const detailNumbers = 18;

export type EngineKind = 'iocp' | 'uring' | 'threadpool';

export interface EngineDescription {
  readonly kind: EngineKind;
  readonly reason: string | null;
  readonly submissions: ArrayBuffer;
  readonly completions: ArrayBuffer;
  readonly details: ArrayBuffer;
}

export interface EngineStats {
  /** Operations that the engine has taken. */
  submitted: number;
  /** Operations whose completion has been delivered, also of those refused before submission. */
  completed: number;
  /** Completions that said: cancelled. */
  cancelled: number;
  /** Operations accepted and not yet delivered. */
  inFlight: number;
  /** Operations that were done before their submission returned. */
  inline: number;
  /** Operations submitted again because the system was short of resources. */
  retried: number;
  /** Native calls that handed over submissions. */
  batches: number;
  /** Completions of I/O that came over a completion port (iocp only). */
  portPackets: number;
}

export interface NativeBinding {
  /**
   * Creates this environment's engine; once.
   * @param wanted name of an engine, or '' for the best there is
   * @param onCompletions called on the event loop with the number of completions on the ring
   * @param results where Buffers that belong to completions are put, by the completion's index
   * @throws ERR_ENGINE_UNAVAILABLE where the wanted engine cannot be had
   */
  start(
    wanted: string,
    onCompletions: (count: number) => void,
    results: unknown[],
  ): EngineDescription;
  /**
   * Hands over the first `count` entries of the submission ring, with the buffer, path or list of
   * buffers of each. Gives the number of completions that are on the completion ring already.
   */
  submit(count: number, objects: readonly unknown[]): number;
  stats(): EngineStats;
  /** Address of the first byte of a view or ArrayBuffer. */
  addressOf(memory: ArrayBufferView | ArrayBufferLike): number;
  /**
   * Windows: a second, synchronous descriptor of an open file, for code that wants one (node:fs
   * functions, child_process). The caller closes it. Negative: libuv's error.
   */
  duplicateDescriptor(file: number): number;
  /**
   * Windows only: raises the process's working set. Gives the new minimum in bytes; negative:
   * libuv's error.
   */
  growWorkingSet?(bytes: number): number;
}

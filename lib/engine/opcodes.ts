/**
 * The opcodes and flags of the boundary with the addon. addon/engine/opcodes.h has the table with
 * everything about each opcode; a test compares the two.
 */

/** The operation that a submission requests. */
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
  /** Opens, stats, reads and closes in one operation. Returns a Buffer, or a large file open. */
  readPath: 13,
  /** Opens, writes and closes in one operation. */
  writePath: 14,
  /** Requests cancellation of the operation in `slot`; has no completion of its own. */
  cancel: 15,
  /** Lists the entries of a folder, or of a whole tree; see addon/engine/system/tree.h. */
  listTree: 16,
  /** Removes a file, or a folder with everything below it. */
  removeTree: 17,
  seek: 18,
  getAttributes: 19,
  getAttributesPath: 20,
  setAttributes: 21,
  setAttributesPath: 22,
  setSparse: 23,
  punchHole: 24,
  /** Returns pairs of 64-bit integers; see addon/engine/system/sparse.h. */
  allocatedRanges: 25,
  lock: 26,
  unlock: 27,
  /** See addon/engine/system/named_streams.h. */
  listStreams: 28,
  readReparsePoint: 29,
  /** Requests cancellation of everything in flight on `file`; has no completion of its own. */
  cancelFile: 30,
  accessPath: 31,
  /** Writes out the whole file system of `file`; Linux. */
  syncFileSystem: 32,
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
  copySmallFile: 70,
  cloneFile: 71,
  copyRange: 72,
  copyMetadata: 73,
  // Many pairs of names at once (POSIX); addon/engine/system/copy_small_file.h describes the first
  // two, copy.h the third.
  copySmallFiles: 74,
  renamePairs: 75,
  compareXattrs: 76,
  // Names in an open directory; addon/engine/system/directory.h describes each operation.
  openIn: 80,
  statIn: 81,
  listIn: 82,
  listStatusesIn: 83,
  makeDirectoryIn: 84,
  unlinkIn: 85,
  renameIn: 86,
  linkIn: 87,
  symlinkIn: 88,
  readLinkIn: 89,
  setTimesIn: 90,
  setModeIn: 91,
  setOwnerIn: 92,
  /** Reads a name in a directory like readPath. */
  readIn: 93,
  mknodIn: 94,
  /** Sets owner, mode and times; addon/engine/system/entry_metadata.h (POSIX). */
  setMetadataIn: 95,
} as const;

/** Parts of a file's metadata. `attributes` belongs to copySmallFile on Windows. */
export const MetadataFlag = { owner: 1, mode: 2, xattrs: 4, times: 8, attributes: 16 } as const;

/** A MetadataFlag shifted by this many bits marks a part that may be refused. */
export const metadataTriedShift = 8;

/** A bit of `flags` of copySmallFile: the complete file keeps its temporary path. */
export const leaveUnnamedFlag = 1 << 16;

/** A bit of `flags` of copySmallFile: the directory is locked, so new files need no lock. */
export const directoryIsLockedFlag = 1 << 17;

/** A bit of `flags` of copySmallFile and renamePairs: files leave the system's cache (Linux). */
export const leavesCacheFlag = 1 << 19;

/** A bit of `flags` of copyMetadata: the file has had its content before. */
export const ofExistingFileFlag = 1 << 18;

/** The value of such a copyMetadata if the file has other capabilities than its source. */
export const securityDiffers = -1;

export const PipeFlag = { reads: 1, writes: 2, messages: 4, first: 8, remote: 16 } as const;

export const LockFlag = { exclusive: 1, wait: 2, directory: 4 } as const;

/** Option for the attributes of a path: uses a link itself. */
export const pathOfLink = 1;

/** Maximum number of ranges that one allocatedRanges returns. */
export const allocatedRangesMax = 1024;

/** Options for opening a path. */
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
  /** Windows: operations on the handle never wait for each other, on any engine. */
  concurrent: 32768,
  dontCache: 65_536,
  dontCachePrefer: 131_072,
  ioIdle: 262_144,
  ioLow: 524_288,
  /** Of openAndWrite(). */
  returnsUnfinished: 1_048_576,
  returnsOpen: 2_097_152,
} as const;

/**
 * POSIX: a bit of `flags` that makes `file` a descriptor opened by other code, which every
 * operation inspects anew.
 */
export const foreignDescriptorFlag = -(2 ** 31);

/** Origins for moving a cursor. */
export const SeekOrigin = { start: 0, current: 1, end: 2 } as const;

export const UnlinkFlag = { directory: 1 } as const;

export const RenameFlag = { exclusively: 1 } as const;

/** Options of cloneFile. */
export const CloneFlag = { mayReplace: 1 } as const;

/** Options of listTree. */
export const TreeFlag = { recursive: 1, followLinks: 2 } as const;

/** The kinds of open files, by the addon's number. */
export const deviceTypes = ['unknown', 'disk', 'block', 'char', 'pipe', 'directory'] as const;

/** Opcodes that use up or release a descriptor of the process. */
export const descriptorOpcodes: ReadonlySet<number> = new Set([
  Opcode.open,
  Opcode.close,
  Opcode.readPath,
  Opcode.writePath,
  Opcode.listTree,
  Opcode.copySmallFile,
  Opcode.openIn,
  Opcode.listIn,
  Opcode.listStatusesIn,
  Opcode.readIn,
  Opcode.createPipeInstance,
  Opcode.createPipePair,
  Opcode.createMailslot,
  Opcode.openMailslot,
]);

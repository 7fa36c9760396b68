/**
 * Encoders: one function per kind of operation, with named arguments, that gives the fields of its
 * submission. directory-requests.ts has those for names in a directory. Only encoders know which
 * field of a submission holds what; callers add the file, a source, and what follows:
 *
 * @example
 * getEngine().submit({ ...removeTreeOf(path), subject: { syscall: 'rm' }, decode: decodeNothing });
 */
import process from 'node:process';
import {
  foreignDescriptorFlag,
  LockFlag,
  Opcode,
  OpenOption,
  pathOfLink,
  TreeFlag,
} from './opcodes.js';

/** A path in the form that the addon takes: a string, or its bytes. */
export type NativePath = unknown;

/** The fields of a submission. The opcode decides their meaning. */
export interface Encoded {
  readonly opcode: number;
  readonly file: number;
  readonly flags: number;
  readonly position: number | bigint;
  readonly offset: number;
  readonly length: number;
  readonly object: unknown;
}

export type TransferOpcode = typeof Opcode.read | typeof Opcode.write;
export type VectorOpcode = typeof Opcode.readVector | typeof Opcode.writeVector;

/** A part of a file, in bytes. */
interface Range {
  position: number | bigint;
  length: number;
}

// Every field is the submission's own, so that nothing is read from Object.prototype.
export const blank = {
  file: 0,
  flags: 0,
  position: 0,
  offset: 0,
  length: 0,
  object: undefined,
} as const;

/** Encodes an operation without arguments. */
function plain(opcode: number): Encoded {
  return { opcode, ...blank };
}

export function flag(condition: boolean, bit: number): number {
  return condition ? bit : 0;
}

// ---- An open file. The caller adds `file`, its number.

/** Marks `file` as a descriptor opened by other code (POSIX). */
export const foreignDescriptor = { flags: foreignDescriptorFlag } as const;

/** Encodes a read or a write of one buffer. */
export function transfer(
  opcode: TransferOpcode,
  arg: { memory: unknown; offset: number; length: number; position: number | bigint },
): Encoded {
  const { memory, offset, length, position } = arg;
  return { opcode, file: 0, flags: 0, position, offset, length, object: memory };
}

/**
 * Encodes a transfer of whole buffers of a file.
 * @param file the number of the file
 * @param object the buffer, or the buffers of a vector
 * @param length bytes of all of them
 */
export function transferWhole(
  opcode: TransferOpcode | VectorOpcode,
  file: number,
  object: unknown,
  length: number,
  position: number,
): Encoded {
  return { opcode, file, flags: 0, position, offset: 0, length, object };
}

/** Encodes a read or write of several buffers. @param length bytes of all of them */
export function transferVectors(
  opcode: VectorOpcode,
  arg: { buffers: readonly unknown[]; length: number; position: number | bigint },
): Encoded {
  const { buffers, length, position } = arg;
  return { opcode, file: 0, flags: 0, position, offset: 0, length, object: buffers };
}

/** @param file the number of the file */
export function closeFile(file: number): Encoded {
  const { close: opcode } = Opcode;
  return { opcode, file, flags: 0, position: 0, offset: 0, length: 0, object: undefined };
}

export function statusOfFile(): Encoded {
  return plain(Opcode.stat);
}

/** @param size bytes */
export function truncateFile(size: number): Encoded {
  return { opcode: Opcode.truncate, ...blank, length: size };
}

export function syncFile({ dataOnly }: { dataOnly: boolean }): Encoded {
  return plain(dataOnly ? Opcode.dataSync : Opcode.sync);
}

export function syncFileSystemOfFile(): Encoded {
  return plain(Opcode.syncFileSystem);
}

/** @param origin one of SeekOrigin */
export function seekCursor({ position, origin }: { position: number; origin: number }): Encoded {
  return { opcode: Opcode.seek, ...blank, position, flags: origin };
}

export function attributesOfFile(): Encoded {
  return plain(Opcode.getAttributes);
}

/** @param change bits of attributes to set, and to clear */
export function changeAttributes(change: { set: number; clear: number }): Encoded {
  return { opcode: Opcode.setAttributes, ...blank, flags: change.set, length: change.clear };
}

export function makeSparse(sparse: boolean): Encoded {
  return { opcode: Opcode.setSparse, ...blank, flags: flag(sparse, 1) };
}

export function punchHoleAt({ position, length }: Range): Encoded {
  return { opcode: Opcode.punchHole, ...blank, position, length };
}

/** Requests at most allocatedRangesMax ranges that begin in a part of the file. */
export function allocatedRangesIn({ position, length }: Range): Encoded {
  return { opcode: Opcode.allocatedRanges, ...blank, position, length };
}

/** Locks bytes. A length of 0 extends to the end of the file, however long it grows. */
export function lockBytes(arg: Range & { exclusive: boolean; wait: boolean }): Encoded {
  const { position, length } = arg;
  const flags = flag(arg.exclusive, LockFlag.exclusive) | flag(arg.wait, LockFlag.wait);
  return { opcode: Opcode.lock, ...blank, position, length, flags };
}

export function unlockBytes({ position, length }: Range): Encoded {
  return { opcode: Opcode.unlock, ...blank, position, length };
}

export function reparsePointOfFile(): Encoded {
  return plain(Opcode.readReparsePoint);
}

export function sizeOfBlockDevice(): Encoded {
  return plain(Opcode.deviceSize);
}

// ---- Two open files. The caller adds `file` and `source`.

/** @param flags CloneFlag bits */
export function cloneContent(flags: number): Encoded {
  return { opcode: Opcode.cloneFile, ...blank, flags };
}

export function copyBytes({ position, length }: Range): Encoded {
  return { opcode: Opcode.copyRange, ...blank, position, length };
}

/** @param parts MetadataFlag bits */
export function copyMetadataParts(parts: number): Encoded {
  return { opcode: Opcode.copyMetadata, ...blank, flags: parts };
}

// ---- Paths

export interface OpenArguments {
  path: NativePath;
  /** O_* of the platform. */
  flags: number;
  /** Permission bits of a file that is created. */
  mode: number;
  /** OpenOption bits. */
  options: number;
  /** Bytes of disk space to reserve. */
  preallocate: number;
  /** FILE_ATTRIBUTE_* bits of a file that is created. */
  attributes: number;
}

// The C runtime holds the umask, and on Windows node and the addon each have their own.
const isWindows = process.platform === 'win32';

/** Returns the permission bits of a new file, less the umask if the system does not apply it. */
export function creationMode(mode: number): number {
  return isWindows ? mode & ~process.umask() : mode;
}

export function openPath(arg: OpenArguments): Encoded {
  return {
    opcode: Opcode.open,
    file: arg.options,
    flags: arg.flags,
    position: arg.preallocate,
    offset: creationMode(arg.mode),
    length: arg.attributes,
    object: arg.path,
  };
}

/** Opens, reads and closes. Returns a large file open instead of its content. */
export function readWholePath(arg: { path: NativePath; flags: number; mode: number }): Encoded {
  return ofPath(Opcode.readPath, arg.path, arg.flags, creationMode(arg.mode));
}

/** Opens, writes and closes. */
export function writeWholePath(arg: {
  path: NativePath;
  flags: number;
  mode: number;
  content: Uint8Array;
}): Encoded {
  const { path, flags, mode, content } = arg;
  return {
    opcode: Opcode.writePath,
    file: 0,
    flags,
    position: 0,
    offset: creationMode(mode),
    length: content.byteLength,
    object: [path, content],
  };
}

/** The value of openAndWrite() if it has written everything and closed the file. */
export const writtenAndClosed = -1;

/**
 * Opens a path and writes the first bytes of a stream (POSIX). Returns writtenAndClosed, or the
 * file open: in any case, or if it is not a regular file or has not taken all bytes.
 */
export function openAndWrite(
  arg: Parameters<typeof writeWholePath>[0] & { staysOpen: boolean },
): Encoded {
  const file = arg.staysOpen ? OpenOption.returnsOpen : OpenOption.returnsUnfinished;
  return { ...writeWholePath(arg), file };
}

export function statusOfPath(path: NativePath, followLinks: boolean): Encoded {
  return ofPath(followLinks ? Opcode.statPath : Opcode.lstatPath, path, 0, 0);
}

/** @param mode that of access(2) */
export function accessToPath(path: NativePath, mode: number): Encoded {
  return ofPath(Opcode.accessPath, path, 0, mode);
}

// Without a copy of `blank`, because these are called most.
function ofPath(opcode: number, path: NativePath, flags: number, mode: number): Encoded {
  return { opcode, file: 0, flags, position: 0, offset: mode, length: 0, object: path };
}

export function listTreeOf(arg: {
  path: NativePath;
  recursive: boolean;
  followLinks: boolean;
}): Encoded {
  const { path, recursive, followLinks } = arg;
  const flags = flag(recursive, TreeFlag.recursive) | flag(followLinks, TreeFlag.followLinks);
  return ofPath(Opcode.listTree, path, flags, 0);
}

export function removeTreeOf(path: NativePath): Encoded {
  return { opcode: Opcode.removeTree, ...blank, object: path };
}

export function attributesOfPath(arg: { path: NativePath; followLinks: boolean }): Encoded {
  const file = flag(!arg.followLinks, pathOfLink);
  return { opcode: Opcode.getAttributesPath, ...blank, file, object: arg.path };
}

export function changeAttributesOfPath(arg: {
  path: NativePath;
  followLinks: boolean;
  set: number;
  clear: number;
}): Encoded {
  return {
    opcode: Opcode.setAttributesPath,
    ...blank,
    file: flag(!arg.followLinks, pathOfLink),
    flags: arg.set,
    length: arg.clear,
    object: arg.path,
  };
}

export function namedStreamsOfFile(): Encoded {
  return plain(Opcode.listStreams);
}

// ---- Devices; addon/engine/system/devices.h describes each operation.

/** @param flags PipeFlag bits @param bufferSize bytes; 0 for the system default */
export function createPipeInstanceAt(arg: {
  path: NativePath;
  flags: number;
  bufferSize: number;
  instancesMax: number;
}): Encoded {
  const { path, flags, bufferSize, instancesMax } = arg;
  return {
    opcode: Opcode.createPipeInstance,
    ...blank,
    flags,
    position: bufferSize,
    offset: instancesMax,
    object: path,
  };
}

export function connectPipeClient(): Encoded {
  return plain(Opcode.connectPipe);
}

export function disconnectPipeClient(): Encoded {
  return plain(Opcode.disconnectPipe);
}

/** @param flags PipeFlag bits (Windows) @param bufferSize bytes (Linux) */
export function configurePipeEnd(arg: { flags: number; bufferSize: number }): Encoded {
  return { opcode: Opcode.configurePipe, ...blank, flags: arg.flags, length: arg.bufferSize };
}

/** @param bufferSize bytes; 0 for the system default */
export function createPipePairAt(arg: { path: NativePath; bufferSize: number }): Encoded {
  const { path, bufferSize } = arg;
  return { opcode: Opcode.createPipePair, ...blank, position: bufferSize, object: path };
}

/** @param messageSizeMax bytes; 0 for no limit */
export function createMailslotAt(arg: {
  path: NativePath;
  messageSizeMax: number;
  readTimeoutMs: number;
}): Encoded {
  return {
    opcode: Opcode.createMailslot,
    ...blank,
    position: arg.messageSizeMax,
    offset: arg.readTimeoutMs,
    object: arg.path,
  };
}

export function openMailslotAt(path: NativePath): Encoded {
  return { opcode: Opcode.openMailslot, ...blank, object: path };
}

export function setMailslotTimeoutTo(readTimeoutMs: number): Encoded {
  return { opcode: Opcode.setMailslot, ...blank, length: readTimeoutMs };
}

export function statusOfMailslot(): Encoded {
  return plain(Opcode.mailslotStatus);
}

/** @param settings in the order of SerialField (devices.h) */
export function exchangeSerialSettings(settings: Int32Array): Encoded {
  const length = settings.byteLength;
  return { opcode: Opcode.serialSettings, ...blank, length, object: settings };
}

/**
 * Encoders of the operations on the names in an open directory. The caller adds `file`, the number
 * of the directory, and `source` if there are two directories. @see requests.ts
 */
import { LockFlag, leaveUnnamedFlag, Opcode, RenameFlag, UnlinkFlag } from './opcodes.js';
import { blank, creationMode, type Encoded, flag, type OpenArguments } from './requests.js';

/** One component of a path, or '' for the directory itself. */
type Name = string | Uint8Array;

const optionBits = 2 ** 32;

/** Kinds of link that symlinkIn makes (Windows), by the addon's number. */
export const linkKinds = ['file', 'dir', 'junction'] as const;

export function openIn(arg: Omit<OpenArguments, 'path'> & { name: Name }): Encoded {
  return {
    opcode: Opcode.openIn,
    file: 0,
    flags: arg.flags,
    position: arg.preallocate,
    offset: creationMode(arg.mode),
    // `file` holds the directory.
    length: arg.attributes * optionBits + arg.options,
    object: arg.name,
  };
}

export function statusIn(name: Name): Encoded {
  return { opcode: Opcode.statIn, ...blank, object: name };
}

export function listIn(): Encoded {
  return { opcode: Opcode.listIn, ...blank };
}

export function makeDirectoryIn({ name, mode }: { name: Name; mode: number }): Encoded {
  return { opcode: Opcode.makeDirectoryIn, ...blank, flags: mode, object: name };
}

/** @param mode its permission bits and its type. @param device 0 for a FIFO */
export function mknodIn(arg: { name: Name; mode: number; device: bigint }): Encoded {
  const { name, mode, device } = arg;
  return { opcode: Opcode.mknodIn, ...blank, flags: mode, position: device, object: name };
}

/**
 * @param known numbers that the entry must have; fails with ESTALE, on Windows with
 *   ERROR_FILE_INVALID, if it has others
 */
export function unlinkIn(arg: {
  name: Name;
  isDirectory: boolean;
  known?: { inode: bigint; device: bigint } | undefined;
}): Encoded {
  const { name, isDirectory, known } = arg;
  const flags = flag(isDirectory, UnlinkFlag.directory);
  const numbers = known && { position: known.inode, length: Number(known.device) };
  return { opcode: Opcode.unlinkIn, ...blank, ...numbers, flags, object: name };
}

/** Renames a name in the source to another one in the directory. */
export function renameIn(arg: { name: Name; newName: Name; overwrite: boolean }): Encoded {
  const flags = flag(!arg.overwrite, RenameFlag.exclusively);
  return { opcode: Opcode.renameIn, ...blank, flags, object: [arg.name, arg.newName] };
}

/** Links a name in the source under another one in the directory. */
export function linkIn({ name, newName }: { name: Name; newName: Name }): Encoded {
  return { opcode: Opcode.linkIn, ...blank, object: [name, newName] };
}

export function symlinkIn(arg: {
  name: Name;
  target: Name;
  kind: (typeof linkKinds)[number];
}): Encoded {
  const flags = linkKinds.indexOf(arg.kind);
  return { opcode: Opcode.symlinkIn, ...blank, flags, object: [arg.name, arg.target] };
}

export function readLinkIn(name: Name): Encoded {
  return { opcode: Opcode.readLinkIn, ...blank, object: name };
}

/** @param times seconds and nanoseconds of the last access, then of the last modification */
export function setTimesIn({ name, times }: { name: Name; times: BigInt64Array }): Encoded {
  const length = times.byteLength;
  return { opcode: Opcode.setTimesIn, ...blank, length, object: [name, times] };
}

/**
 * Sets several parts of the metadata. If the source is another directory than the entry's own, its
 * entry of the same name decides about the access control list that belongs to the mode (Linux).
 * @param arg `metadata` is that of copySmallFileIn(), `wanted` an EntryMetadata of the addon
 */
export function setMetadataIn(arg: { name: Name; metadata: number; wanted: Uint8Array }): Encoded {
  const { name, metadata: flags, wanted } = arg;
  const object = [name, wanted];
  return { opcode: Opcode.setMetadataIn, ...blank, flags, length: wanted.byteLength, object };
}

export function setModeIn({ name, mode }: { name: Name; mode: number }): Encoded {
  return { opcode: Opcode.setModeIn, ...blank, flags: mode, object: name };
}

/** @param arg 0xffffffff leaves a user or group unchanged */
export function setOwnerIn(arg: { name: Name; uid: number; gid: number }): Encoded {
  const { name, uid, gid } = arg;
  return { opcode: Opcode.setOwnerIn, ...blank, position: uid, length: gid, object: name };
}

/** Opens, reads and closes a file in one operation; returns a large file open. */
export function readWholeIn({ name, flags }: { name: Name; flags: number }): Encoded {
  return { opcode: Opcode.readIn, ...blank, flags, object: name };
}

export function listStatusesIn(): Encoded {
  return { opcode: Opcode.listStatusesIn, ...blank };
}

/**
 * Copies a name in the source to another one in the directory, through a new file. `metadata` has
 * MetadataFlag bits and, shifted by metadataTriedShift, the bits of parts that may be refused.
 */
export function copySmallFileIn(arg: {
  source: Name;
  temporary: Name;
  destination: Name;
  metadata: number;
}): Encoded {
  const object = [arg.source, arg.temporary, arg.destination];
  return { opcode: Opcode.copySmallFile, ...blank, flags: arg.metadata, object };
}

/** Locks a directory, or fails with EBUSY (Linux). The lock excludes only others of this kind. */
export function lockDirectory({ exclusive }: { exclusive: boolean }): Encoded {
  const flags = LockFlag.directory | flag(exclusive, LockFlag.exclusive);
  return { opcode: Opcode.lock, ...blank, flags };
}

export function unlockDirectory(): Encoded {
  return { opcode: Opcode.unlock, ...blank, flags: LockFlag.directory };
}

/** The memory of an operation on many pairs of names (addon/engine/system/name_pairs.h). */
interface Pairs {
  readonly memory: Uint8Array;
  readonly count: number;
}

/**
 * Copies the first name of each pair in the source to the second one in the directory. `metadata`
 * is that of copySmallFileIn().
 */
export function copySmallFilesIn({ memory, count }: Pairs, metadata: number): Encoded {
  const flags = metadata | leaveUnnamedFlag;
  return ofPairs(Opcode.copySmallFiles, flags, memory, count);
}

/** Renames the first name of each pair to the second one. @param flags leavesCacheFlag or 0 */
export function renamePairsIn({ memory, count }: Pairs, flags: number): Encoded {
  return ofPairs(Opcode.renamePairs, flags, memory, count);
}

/**
 * Compares the extended attributes of the first name of each pair in the source with those of the
 * second one in the directory (addon/engine/system/copy.h).
 */
export function compareXattrsIn({ memory, count }: Pairs): Encoded {
  return ofPairs(Opcode.compareXattrs, 0, memory, count);
}

function ofPairs(opcode: number, flags: number, memory: Uint8Array, count: number): Encoded {
  const length = memory.byteLength;
  return { opcode, ...blank, flags, position: count, length, object: memory };
}

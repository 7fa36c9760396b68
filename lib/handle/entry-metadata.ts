import { parseTimes } from './new-times.js';

// EntryMetadata in addon/engine/system/entry_metadata.h.
export const entryMetadataLayout = {
  device: 0,
  inode: 8,
  type: 16,
  times: 24,
  user: 56,
  group: 60,
  mode: 64,
  bytes: 72,
} as const;

/** An entry of a directory as it was examined. */
export interface KnownEntry {
  device: bigint;
  /** 0 for any entry of this type. */
  inode: bigint;
  /** The file type of a mode. */
  type: number;
}

/** The owner, mode and times of an entry. */
export interface EntryMetadata {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
}

/** Encodes new metadata of an entry. @param known what the entry must still be */
export function encodeMetadata(wanted: EntryMetadata, known: KnownEntry | undefined): Uint8Array {
  const at = entryMetadataLayout;
  const memory = new ArrayBuffer(at.bytes);
  const longs = new BigUint64Array(memory);
  const words = new Uint32Array(memory);
  if (known !== undefined) {
    longs[at.device / 8] = known.device;
    longs[at.inode / 8] = known.inode;
    words[at.type / 4] = known.type;
  }
  new BigInt64Array(memory).set(parseTimes(wanted.atimeNs, wanted.mtimeNs), at.times / 8);
  words[at.user / 4] = wanted.uid;
  words[at.group / 4] = wanted.gid;
  words[at.mode / 4] = wanted.mode;
  return new Uint8Array(memory);
}

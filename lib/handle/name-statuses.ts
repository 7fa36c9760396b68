import type { Completion } from '../engine/completion.js';
import { statusesIn } from '../engine/directory-requests.js';
import type { Operable } from '../engine/operation.js';

// A record of addon/engine/system/directory.h: 18 numbers of 64 bits and the length of a target.
const recordBytes = 152;
const targetAt = 144;
const noTarget = -1n;
const failed = -2n;
const wordBytes = 8;

/** The status of a name in a tree. */
export interface NameStatus {
  dev: bigint;
  ino: bigint;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  size: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  /** The target of a link. */
  target: Buffer | undefined;
}

function decodeStatuses(completion: Completion, count: number): (NameStatus | undefined)[] {
  const content = completion.takeContent() as Buffer;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  let targets = count * recordBytes;
  return Array.from({ length: count }, (_, record) => {
    const at = record * recordBytes;
    const length = view.getBigInt64(at + targetAt, true);
    if (length === failed) return undefined;
    if (length === noTarget) return decodeStatus(view, at, undefined);
    const end = targets + Number(length);
    const target = Buffer.from(content.subarray(targets, end));
    targets = end;
    return decodeStatus(view, at, target);
  });
}

function decodeStatus(view: DataView, at: number, target: Buffer | undefined): NameStatus {
  const word = (field: number): bigint => view.getBigInt64(at + field * wordBytes, true);
  const number = (field: number): number => Number(view.getBigUint64(at + field * wordBytes, true));
  return {
    dev: view.getBigUint64(at, true),
    mode: number(1),
    nlink: number(2),
    uid: number(3),
    gid: number(4),
    ino: view.getBigUint64(at + 7 * wordBytes, true),
    size: number(8),
    atimeNs: word(10) * 1_000_000_000n + word(14),
    mtimeNs: word(11) * 1_000_000_000n + word(15),
    target,
  };
}

/**
 * Returns the status of many names in an open directory by one operation, with the targets of
 * links. The status is undefined if it is not available; a single lstat() reports why.
 */
export function statNames(
  directory: Operable,
  names: readonly Buffer[],
  signal: AbortSignal | undefined,
): Promise<(NameStatus | undefined)[]> {
  const zero = Buffer.of(0);
  const object = Buffer.concat(names.flatMap((name) => [name, zero]));
  return directory.operate({
    ...statusesIn(object),
    subject: { syscall: 'lstat' },
    decode: (completion) => decodeStatuses(completion, names.length),
    signal,
  });
}

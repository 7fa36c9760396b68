import { Buffer } from 'node:buffer';
import process from 'node:process';
import type { Completion } from '../engine/completion.js';
import { listStatusesIn } from '../engine/directory-requests.js';
import type { Operable } from '../engine/operation.js';
import { pathText } from '../node/path-text.js';

// The content of kListStatusesIn (addon/engine/system/entry_statuses.h): a count of 64 bits, one
// record per entry, the names, and the targets of links.
const headerBytes = 8;
const recordBytes = 72;
const wordBytes = 4;
const headerWords = headerBytes / wordBytes;
const recordWords = recordBytes / wordBytes;
const twoTo32 = 2 ** 32;

/** Fields of a record, by the index of their first word of 32 bits. */
const Field = {
  device: 0,
  inode: 2,
  size: 4,
  accessSeconds: 6,
  modificationSeconds: 8,
  accessNanoseconds: 10,
  modificationNanoseconds: 11,
  mode: 12,
  links: 13,
  user: 14,
  group: 15,
  nameBytes: 16,
  targetBytes: 17,
} as const;

export { Field as EntryStatusField, recordBytes as entryStatusBytes };

const failed = -2;
const typeMask = 0o170000;
const regularFile = 0o100000;
const nsPerSecond = 1_000_000_000n;
// Node sets times in floating-point seconds, and older versions did so in whole microseconds.
const sameTimeNs = 2_000;
const isWindows = process.platform === 'win32';

/** Returns where each name starts, and behind the last one where the targets of links do. */
function nameStartsOf(words: Int32Array, count: number): Uint32Array {
  const starts = new Uint32Array(count + 1);
  let at = headerBytes + count * recordBytes;
  for (let index = 0; index < count; index++) {
    starts[index] = at;
    at += words[headerWords + index * recordWords + Field.nameBytes] as number;
  }
  starts[count] = at;
  return starts;
}

/**
 * The entries of a directory with their statuses, in the order of the bytes of their names. Fields
 * are decoded when they are asked for, since most entries of two large trees need only be compared.
 */
export class EntryStatuses {
  readonly count: number;
  readonly #content: Buffer;
  readonly #words: Int32Array;
  readonly #nameStarts: Uint32Array;
  #longs: BigInt64Array | undefined;
  #targetStarts: Uint32Array | undefined;

  constructor(given: Buffer) {
    // The records hold numbers of 64 bits.
    const content =
      given.byteOffset % headerBytes === 0 ? given : Buffer.from(new Uint8Array(given).buffer);
    this.#content = content;
    const { buffer, byteOffset, byteLength } = content;
    this.#words = new Int32Array(buffer, byteOffset, Math.floor(byteLength / wordBytes));
    this.count = this.#words[0] as number;
    this.#nameStarts = nameStartsOf(this.#words, this.count);
  }

  /** Compares the bytes of two names: negative if this list's name comes first, 0 if equal. */
  compareNames(index: number, other: EntryStatuses, otherIndex: number): number {
    const [mine, theirs] = [this.#content, other.#content];
    const start = this.#nameStarts[index] as number;
    const otherStart = other.#nameStarts[otherIndex] as number;
    const length = (this.#nameStarts[index + 1] as number) - start;
    const otherLength = (other.#nameStarts[otherIndex + 1] as number) - otherStart;
    const common = Math.min(length, otherLength);
    for (let at = 0; at < common; at++) {
      const difference = (mine[start + at] as number) - (theirs[otherStart + at] as number);
      if (difference !== 0) return difference;
    }
    return length - otherLength;
  }

  /**
   * Whether two entries are regular files with a single name each, and the same size, modification
   * time, mode and owner.
   */
  isSameFile(index: number, other: EntryStatuses, otherIndex: number): boolean {
    const [one, two] = [this.#words, other.#words];
    const a = headerWords + index * recordWords;
    const b = headerWords + otherIndex * recordWords;
    if (one[a + Field.size] !== two[b + Field.size]) return false;
    if (one[a + Field.size + 1] !== two[b + Field.size + 1]) return false;
    if (one[a + Field.modificationSeconds] !== two[b + Field.modificationSeconds]) return false;
    if (one[a + Field.modificationSeconds + 1] !== two[b + Field.modificationSeconds + 1]) {
      return false;
    }
    const laterNs =
      (one[a + Field.modificationNanoseconds] as number) -
      (two[b + Field.modificationNanoseconds] as number);
    if (laterNs >= sameTimeNs || laterNs <= -sameTimeNs) return false;
    const mode = one[a + Field.mode] as number;
    if (mode !== two[b + Field.mode] || (mode & typeMask) !== regularFile) return false;
    if (one[a + Field.user] !== two[b + Field.user]) return false;
    if (one[a + Field.group] !== two[b + Field.group]) return false;
    return one[a + Field.links] === 1 && two[b + Field.links] === 1;
  }

  /** Whether an entry is a regular file with a single name. */
  isPlainFile(index: number): boolean {
    const isRegular = (this.#word(index, Field.mode) & typeMask) === regularFile;
    return isRegular && this.#word(index, Field.links) === 1;
  }

  /** Whether the status of an entry is available; a single lstat() reports why not. */
  isKnown(index: number): boolean {
    return this.#word(index, Field.targetBytes) !== failed;
  }

  /** Returns a name; on POSIX with one character for each byte, since names have no encoding. */
  name(index: number): string {
    const start = this.#nameStarts[index] as number;
    const end = this.#nameStarts[index + 1] as number;
    if (isWindows) return pathText(this.#content.subarray(start, end));
    return this.#content.toString('latin1', start, end);
  }

  /** Returns the type and the permission bits. */
  mode(index: number): number {
    return this.#word(index, Field.mode);
  }

  links(index: number): number {
    return this.#word(index, Field.links);
  }

  user(index: number): number {
    return this.#word(index, Field.user) >>> 0;
  }

  group(index: number): number {
    return this.#word(index, Field.group) >>> 0;
  }

  size(index: number): number {
    const low = this.#word(index, Field.size) >>> 0;
    return (this.#word(index, Field.size + 1) >>> 0) * twoTo32 + low;
  }

  atimeNs(index: number): bigint {
    const nanoseconds = this.#word(index, Field.accessNanoseconds);
    return this.#long(index, Field.accessSeconds) * nsPerSecond + BigInt(nanoseconds);
  }

  mtimeNs(index: number): bigint {
    const nanoseconds = this.#word(index, Field.modificationNanoseconds);
    return this.#long(index, Field.modificationSeconds) * nsPerSecond + BigInt(nanoseconds);
  }

  device(index: number): bigint {
    return BigInt.asUintN(64, this.#long(index, Field.device));
  }

  inode(index: number): bigint {
    return BigInt.asUintN(64, this.#long(index, Field.inode));
  }

  /** Returns the target of a link. */
  target(index: number): Buffer | undefined {
    const length = this.#word(index, Field.targetBytes);
    if (length < 0) return undefined;
    this.#targetStarts ??= this.#findTargets();
    const start = this.#targetStarts[index] as number;
    return this.#content.subarray(start, start + length);
  }

  #findTargets(): Uint32Array {
    const starts = new Uint32Array(this.count);
    let at = this.#nameStarts[this.count] as number;
    for (let index = 0; index < this.count; index++) {
      starts[index] = at;
      at += Math.max(0, this.#word(index, Field.targetBytes));
    }
    return starts;
  }

  #word(index: number, field: number): number {
    return this.#words[headerWords + index * recordWords + field] as number;
  }

  #long(index: number, field: number): bigint {
    const { buffer, byteOffset, byteLength } = this.#content;
    this.#longs ??= new BigInt64Array(buffer, byteOffset, Math.floor(byteLength / headerBytes));
    return this.#longs[(headerWords + index * recordWords + field) / 2] as bigint;
  }
}

function decodeStatuses(completion: Completion): EntryStatuses {
  return new EntryStatuses(completion.takeContent() as Buffer);
}

/** Lists the entries of an open directory with their statuses. @param path for errors */
export function listStatuses(
  directory: Operable,
  path: string,
  signal: AbortSignal | undefined,
): Promise<EntryStatuses> {
  return directory.operate({
    ...listStatusesIn(),
    subject: { syscall: 'scandir', path },
    decode: decodeStatuses,
    signal,
  });
}

import type { BigIntStats } from 'node:fs';
import type { EntryStatuses } from '../../handle/name-statuses.js';
import type { Place } from './tree-place.js';

export type EntryKind = 'file' | 'folder' | 'link' | SpecialKind;
/** Kinds of entries without content to copy. */
export type SpecialKind = 'fifo' | 'socket' | 'character device' | 'block device' | 'unknown';

const nodeKinds: ReadonlySet<EntryKind> = new Set(['fifo', 'character device', 'block device']);

/** Whether an entry is a FIFO or a device, which mknod(2) makes. */
export function isNode(kind: EntryKind): boolean {
  return nodeKinds.has(kind);
}

/** The entry of a tree at a place. */
export interface TreeEntry {
  readonly place: Place;
  readonly kind: EntryKind;
  readonly size: number;
  /** Permission bits with set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  /** The same for all names of a file. */
  readonly identity: string;
  /** How many names the file has. */
  readonly names: number;
  /** The target of a link, as it is stored. */
  readonly target: Buffer | undefined;
}

const typeMask = 0o170000;
const kinds: ReadonlyMap<number, EntryKind> = new Map<number, EntryKind>([
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
  [0o020000, 'character device'],
  [0o060000, 'block device'],
]);

function kindOf(mode: number): EntryKind {
  return kinds.get(mode & typeMask) ?? 'unknown';
}

/** An entry of a listed folder. It refers to the list, which takes less memory than copies. */
export class ListedEntry implements TreeEntry {
  readonly place: Place;
  readonly #list: EntryStatuses;
  readonly #index: number;

  constructor(place: Place, list: EntryStatuses, index: number) {
    this.place = place;
    this.#list = list;
    this.#index = index;
  }

  get kind(): EntryKind {
    return kindOf(this.#list.mode(this.#index));
  }

  get size(): number {
    return this.#list.size(this.#index);
  }

  get mode(): number {
    return this.#list.mode(this.#index) & ~typeMask;
  }

  get uid(): number {
    return this.#list.user(this.#index);
  }

  get gid(): number {
    return this.#list.group(this.#index);
  }

  get atimeNs(): bigint {
    return this.#list.atimeNs(this.#index);
  }

  get mtimeNs(): bigint {
    return this.#list.mtimeNs(this.#index);
  }

  get identity(): string {
    return `${this.#list.device(this.#index)}:${this.#list.inode(this.#index)}`;
  }

  get names(): number {
    return this.#list.links(this.#index);
  }

  get target(): Buffer | undefined {
    return this.#list.target(this.#index);
  }
}

/** Returns an entry with a status that was read alone. */
export function entryOf(place: Place, stats: BigIntStats, target?: Buffer): TreeEntry {
  const { dev, ino, atimeNs, mtimeNs } = stats;
  const mode = Number(stats.mode);
  return {
    place,
    kind: kindOf(mode),
    size: Number(stats.size),
    mode: mode & ~typeMask,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    ...{ atimeNs, mtimeNs },
    identity: `${dev}:${ino}`,
    names: Number(stats.nlink),
    target,
  };
}

/** Returns the file system that an entry is on. */
export function deviceOf({ identity }: TreeEntry): string {
  return identity.slice(0, identity.indexOf(':'));
}

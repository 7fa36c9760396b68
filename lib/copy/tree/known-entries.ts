import { constants } from 'node:os';
import process from 'node:process';
import { setMetadataIn, unlinkIn } from '../../engine/directory-requests.js';
import { decodeNothing } from '../../engine/operation.js';
import type { DirectoryHandle } from '../../file-handle/directory-handle.js';
import type { CoreHandle } from '../../handle/core-handle.js';
import {
  type EntryMetadata,
  encodeMetadata,
  type KnownEntry,
} from '../../handle/entry-metadata.js';
import type { EntryName } from '../../handle/entry-name.js';
import { type SystemError, systemErrorOf } from '../../node/errors.js';
import { retryWhileHeld } from '../../win32/held-by-others.js';
import { flagsOfParts, type MetadataPart, type MetadataParts, partsOfFlags } from '../metadata.js';
import type { FileSystemKind } from './file-system-kind.js';
import type { EntryKind, TreeEntry } from './tree-entry.js';
import type { Place } from './tree-place.js';
import { isWithin } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';

const types: Partial<Record<EntryKind, number>> = {
  file: 0o100000,
  folder: 0o040000,
  link: 0o120000,
  fifo: 0o010000,
  'character device': 0o020000,
  'block device': 0o060000,
};
const isWindows = process.platform === 'win32';
const anyNumber = 0n;
const exchanged = 'another entry has taken the place of the one that was examined';
// EPERM mostly means that the process has no right to remove the entry.
const heldCodes = new Set(['EBUSY']);
// The addon's errors for an entry with other numbers. libuv has no name for them.
const staleHandle = -(constants.errno.ESTALE ?? Number.NaN);
const fileInvalid = 1006; // ERROR_FILE_INVALID of Windows

function isOfOtherEntry({ errno, win32Error }: SystemError): boolean {
  return errno === staleHandle || win32Error === fileInvalid;
}

/** The name of an entry in its open directory; null stands for the directory itself. */
export interface NamedEntry {
  directory: DirectoryHandle;
  name: EntryName | null;
  place: Place;
  /** The directory that has the entry's source under the same name, for its access control list. */
  from?: DirectoryHandle | undefined;
}

/**
 * Changes and removes entries of a destination, if they are still those that were examined.
 * Minutes may lie between, and the owner of a folder may have put an entry of another user under
 * the same name.
 */
export class KnownEntries {
  readonly #root: TreeRoot;
  readonly #kind: FileSystemKind;
  readonly #otherFileSystems: ReadonlySet<Place>;

  /** @param otherFileSystems folders on other file systems than the top */
  constructor(root: TreeRoot, kind: FileSystemKind, otherFileSystems: ReadonlySet<Place>) {
    this.#root = root;
    this.#kind = kind;
    this.#otherFileSystems = otherFileSystems;
  }

  /**
   * Sets parts of the metadata (POSIX).
   * @param there the entry as it was examined, or only its kind
   * @returns the parts that were tried and refused
   * @throws EPERM if another entry has its name
   */
  async setMetadata(
    { directory, name, place, from = directory }: NamedEntry,
    wanted: EntryMetadata,
    parts: MetadataParts,
    there: TreeEntry | { kind: EntryKind },
  ): Promise<MetadataPart[]> {
    const known = await this.#known(place, there);
    const subject = { syscall: 'fchownat', path: this.#root.show(place) };
    const setting = directory.core.operateFrom<MetadataPart[]>(from.core, {
      ...setMetadataIn({
        name: name ?? '',
        metadata: flagsOfParts(parts),
        wanted: encodeMetadata(wanted, known),
      }),
      subject,
      decode: ({ refusedParts }) => partsOfFlags(refusedParts),
    });
    return setting.catch((error: unknown) => this.#explain(error, place, known));
  }

  /** Checks an open file. @throws EPERM if another entry has its name */
  async check(handle: CoreHandle, there: TreeEntry): Promise<void> {
    const { place } = there;
    const known = await this.#known(place, there);
    // On Windows only the addon knows whether the file system keeps its numbers.
    if (known === undefined || known.inode === anyNumber || isWindows) return;
    const { dev, ino } = await handle.stat({ bigint: true });
    if (dev === known.device && ino === known.inode) return;
    throw systemErrorOf('EPERM', { syscall: 'open', path: this.#root.show(place) }, exchanged);
  }

  /** Removes an entry. @throws EPERM if another entry has its name; system errors */
  async remove({ directory, name, place }: NamedEntry, there: TreeEntry): Promise<void> {
    const known = await this.#known(place, there);
    const remove = (): Promise<void> =>
      directory.core.operate<void>({
        ...unlinkIn({
          name: name as EntryName,
          isDirectory: there.kind === 'folder',
          known: known?.inode === anyNumber ? undefined : known,
        }),
        subject: { syscall: 'unlinkat', path: this.#root.show(place) },
        decode: decodeNothing,
      });
    return retryWhileHeld(remove, { codes: heldCodes }).catch((error: unknown) =>
      this.#explain(error, place, known),
    );
  }

  async #known(
    place: Place,
    there: TreeEntry | { kind: EntryKind },
  ): Promise<KnownEntry | undefined> {
    const type = types[there.kind];
    if (type === undefined) return undefined;
    const any = { type, device: 0n, inode: anyNumber };
    if (!('identity' in there) || isWithin(place, this.#otherFileSystems)) return any;
    if (!(await this.#kind.keepsNumbers())) return any;
    const [device = '', inode = ''] = there.identity.split(':');
    return { type, device: BigInt(device), inode: BigInt(inode) };
  }

  #explain(error: unknown, place: Place, known: KnownEntry | undefined): never {
    if (known === undefined || !isOfOtherEntry(error as SystemError)) throw error;
    const subject = { syscall: (error as SystemError).syscall, path: this.#root.show(place) };
    throw systemErrorOf('EPERM', subject, exchanged);
  }
}

import type { Completion } from '../../engine/completion.js';
import { copySmallFileIn } from '../../engine/directory-requests.js';
import { directoryIsLockedFlag, leavesCacheFlag, leaveUnnamedFlag } from '../../engine/opcodes.js';
import type { EntryName } from '../../handle/entry-name.js';
import type { FileRange } from '../../handle/sparse.js';
import type { SystemError } from '../../node/errors.js';
import { showPath } from '../../node/paths.js';
import { retryWhileHeld } from '../../win32/held-by-others.js';
import type { CopyFallback } from '../fallbacks.js';
import { flagsOfParts, type MetadataParts, partsOfFlags } from '../metadata.js';
import type { Spot } from '../spot.js';
import { temporaryName } from '../temporary-name.js';
import type { FolderHold } from './waiting-folders.js';

export interface SmallFileCopy {
  source: Spot;
  destination: Spot;
  /** Parts to keep; all but `streams` are supported. */
  metadata: MetadataParts;
  /** Leaves the complete file under its temporary name. Default false; not on Windows. */
  leaveUnnamed?: boolean;
  /** Whether the folder is locked, so that the new file needs no lock of its own. */
  isLocked?: boolean | undefined;
  /** Whether what reading brings into the system's cache leaves it. Default false. */
  leavesCache?: boolean | undefined;
  signal: AbortSignal | undefined;
}

/** The result of copying a small file. */
export interface CopiedFile {
  /** Bytes of content. */
  bytes: number;
  metadataRefused: string[];
  /** Whether the source was written to during the copy, and that was accepted. */
  changed: boolean;
  fallbacks: readonly CopyFallback[];
  /** Parts of the source that could not be read, and are zeros in the copy. */
  badSectors?: FileRange[];
  /** How often a step was repeated. */
  retried?: number;
  /** Digest of the content, if a manifest is written. */
  hash?: string;
  /** Name of the complete file while it waits for a group commit. */
  unnamed?: EntryName | undefined;
  /** Keeps the folder of a file without a name. */
  hold?: FolderHold | undefined;
  /** Times that a file written in place gets after a group commit. */
  timesLater?: { atimeNs: bigint; mtimeNs: bigint };
  /** Whether the file waits for a group commit under its own name. */
  isInPlace?: boolean;
}

const noFallbacks: readonly CopyFallback[] = [];

/** @param refusedParts MetadataFlag bits */
export function copiedFile(bytes: number, refusedParts: number): CopiedFile {
  const metadataRefused = partsOfFlags(refusedParts);
  return { bytes, metadataRefused, changed: false, fallbacks: noFallbacks };
}

// Negative values are the reasons of copy_small_file.h.
function decodeCopied({ value, refusedParts }: Completion): CopiedFile | null {
  return value < 0 ? null : copiedFile(value, refusedParts);
}

const triesMax = 8;

/**
 * Copies a regular file in one operation: one worker reads it, writes it under a temporary name,
 * sets its metadata and renames it. The copy is not synced. Links are not followed.
 * @returns null if the file must be copied in another way: its source was written to during the
 *   copy, or has holes
 * @throws a system error; AbortError. The temporary file has been removed by then
 */
export async function copySmallFile(copy: SmallFileCopy): Promise<CopiedFile | null> {
  const { signal, source } = copy;
  const isLasting = (): Promise<boolean> => isDenied(source);
  for (let tries = 1; ; tries++) {
    try {
      return await retryWhileHeld(() => copyOnce(copy), { signal, isLasting });
    } catch (error) {
      // Another process has mistaken the new file for a leftover of a killed process.
      if ((error as SystemError).code !== 'EEXIST' || tries === triesMax) throw error;
    }
  }
}

/** Whether the process may not read a file, for which there is no use in waiting. */
async function isDenied({ directory, name }: Spot): Promise<boolean> {
  try {
    await (await directory.openCore(name, 'r')).close();
    return false;
  } catch (error) {
    return (error as SystemError).code === 'EPERM';
  }
}

async function copyOnce(copy: SmallFileCopy): Promise<CopiedFile | null> {
  const { source, destination, leaveUnnamed = false, isLocked = false } = copy;
  const temporary = temporaryName();
  const names = { source: source.name, temporary, destination: destination.name };
  const subject = {
    syscall: 'copyfile',
    path: showPath(source.path.toString()),
    dest: showPath(destination.path.toString()),
  };
  const metadata =
    flagsOfParts(copy.metadata) |
    (leaveUnnamed ? leaveUnnamedFlag : 0) |
    (isLocked ? directoryIsLockedFlag : 0) |
    (copy.leavesCache ? leavesCacheFlag : 0);
  const { core } = destination.directory;
  const copied = await core.operateFrom<CopiedFile | null>(source.directory.core, {
    ...copySmallFileIn({ ...names, metadata }),
    subject,
    decode: decodeCopied,
    signal: copy.signal,
  });
  return copied !== null && leaveUnnamed ? { ...copied, unnamed: temporary } : copied;
}

import type { Completion } from '../../engine/completion.js';
import { copySmallFileIn } from '../../engine/directory-requests.js';
import { leaveUnnamedFlag, MetadataFlag, metadataTriedShift } from '../../engine/opcodes.js';
import type { EntryName } from '../../handle/entry-name.js';
import type { FileRange } from '../../handle/sparse.js';
import type { SystemError } from '../../node/errors.js';
import { showPath } from '../../node/paths.js';
import { retryWhileHeld } from '../../win32/held-by-others.js';
import type { CopyFallback } from '../fallbacks.js';
import type { MetadataParts } from '../metadata.js';
import type { Spot } from '../spot.js';
import { temporaryName } from '../temporary-name.js';

export interface SmallFileCopy {
  source: Spot;
  destination: Spot;
  /** Parts to keep; only owner, mode, times and attributes are supported. */
  metadata: MetadataParts;
  /** Leaves the complete file under its temporary name. Default false; not on Windows. */
  leaveUnnamed?: boolean;
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
  /** Times that a file written in place gets after a group commit. */
  timesLater?: { atimeNs: bigint; mtimeNs: bigint };
  /** Whether the file waits for a group commit under its own name. */
  isInPlace?: boolean;
}

const noFallbacks: readonly CopyFallback[] = [];

const parts = ['owner', 'mode', 'times', 'attributes'] as const;

function flagsOf(metadata: MetadataParts): number {
  let flags = 0;
  for (const part of parts) {
    const flag = MetadataFlag[part];
    if (metadata[part] !== undefined) flags |= flag;
    if (metadata[part] === 'try') flags |= flag << metadataTriedShift;
  }
  return flags;
}

// The value that copy_small_file.h returns for a changed source.
const hasChanged = -1;

function decodeCopied({ value, refusedParts }: Completion): CopiedFile | null {
  if (value === hasChanged) return null;
  return {
    bytes: value,
    metadataRefused: parts.filter((part) => (refusedParts & MetadataFlag[part]) !== 0),
    changed: false,
    fallbacks: noFallbacks,
  };
}

const triesMax = 8;

/**
 * Copies a regular file in one operation: one worker reads it, writes it under a temporary name,
 * sets its metadata and renames it. The copy is not synced. Links are not followed.
 * @returns null if the source was written to during the copy, which then was not made
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
  const { source, destination, leaveUnnamed = false } = copy;
  const temporary = temporaryName();
  const names = { source: source.name, temporary, destination: destination.name };
  const subject = {
    syscall: 'copyfile',
    path: showPath(source.path.toString()),
    dest: showPath(destination.path.toString()),
  };
  const metadata = flagsOf(copy.metadata) | (leaveUnnamed ? leaveUnnamedFlag : 0);
  const { core } = destination.directory;
  const copied = await core.operateFrom<CopiedFile | null>(source.directory.core, {
    ...copySmallFileIn({ ...names, metadata }),
    subject,
    decode: decodeCopied,
    signal: copy.signal,
  });
  return copied !== null && leaveUnnamed ? { ...copied, unnamed: temporary } : copied;
}

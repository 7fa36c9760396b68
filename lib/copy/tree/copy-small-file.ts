import type { Completion } from '../../engine/completion.js';
import { getEngine } from '../../engine/engine.js';
import { MetadataFlag, metadataTriedShift } from '../../engine/opcodes.js';
import { copySmallFileTo } from '../../engine/requests.js';
import { type ParsedPath, parsePath } from '../../node/paths.js';
import { retryWhileHeld } from '../../win32/held-by-others.js';
import type { SystemPath } from '../destination.js';
import type { CopyFallback } from '../fallbacks.js';
import type { MetadataParts } from '../metadata.js';

export interface SmallFileCopy {
  source: SystemPath;
  /** Where it is made, beside the destination; nothing may be there. */
  temporary: SystemPath;
  destination: SystemPath;
  /** Of these owner, mode, times and attributes. */
  metadata: MetadataParts;
  signal: AbortSignal | undefined;
}

/** What has been copied of a file. */
export interface CopiedFile {
  /** Of its content. */
  bytes: number;
  metadataRefused: string[];
  /** Whether the source was written to meanwhile, and that was accepted. */
  changed: boolean;
  fallbacks: readonly CopyFallback[];
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

// What copy_small_file.h gives for a source that has changed.
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

/**
 * Copies all of a regular file in one operation: read, written under the temporary path, given its
 * metadata and renamed, on one worker. It is not synced. A link is not followed.
 * @returns null if it was written to meanwhile, and so was not copied
 * @throws a system error; AbortError. By then nothing is left under the temporary path
 */
export function copySmallFile(copy: SmallFileCopy): Promise<CopiedFile | null> {
  const { signal } = copy;
  const metadata = flagsOf(copy.metadata);
  const [source, temporary, destination] = [copy.source, copy.temporary, copy.destination].map(
    (path) => parsePath(path),
  ) as [ParsedPath, ParsedPath, ParsedPath];
  const how = {
    source: source.native,
    temporary: temporary.native,
    destination: destination.native,
    metadata,
  };
  const submit = (): Promise<CopiedFile | null> =>
    getEngine().submit<CopiedFile | null>({
      ...copySmallFileTo(how),
      subject: { syscall: 'copyfile', path: source.shown, dest: destination.shown },
      decode: decodeCopied,
      signal,
    });
  return retryWhileHeld(submit, { signal });
}

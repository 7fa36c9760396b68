import { getEngine } from '../../engine/engine.js';
import { MetadataFlag, metadataTriedShift, Opcode } from '../../engine/native.js';
import type { Operation } from '../../engine/operation.js';
import { parsePath } from '../../node/paths.js';
import { type SystemPath, whileHeld } from '../destination.js';
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
}

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

function decodeCopied(_operation: Operation, value: number, index: number): CopiedFile | null {
  if (value === hasChanged) return null;
  const refused = getEngine().completions.detail(index, 0);
  return {
    bytes: value,
    metadataRefused: parts.filter((part) => (refused & MetadataFlag[part]) !== 0),
  };
}

/**
 * Copies all of a regular file in one operation: read, written under the temporary path, given its
 * metadata and renamed, on one worker. It is not synced. A link is not followed.
 * @returns null if it was written to meanwhile, and so was not copied
 * @throws a system error; AbortError. By then nothing is left under the temporary path
 */
export function copySmallFile(copy: SmallFileCopy): Promise<CopiedFile | null> {
  const { metadata, signal } = copy;
  const paths = [copy.source, copy.temporary, copy.destination].map((path) => parsePath(path));
  return whileHeld(() =>
    getEngine().submit<CopiedFile | null>({
      opcode: Opcode.copySmallFile,
      subject: { syscall: 'copyfile', path: paths[0]?.shown, dest: paths[2]?.shown },
      decode: decodeCopied,
      flags: flagsOf(metadata),
      object: paths.map(({ native }) => native),
      signal,
    }),
  );
}

import { getEngine } from '../engine/engine.js';
import { MetadataFlag, Opcode } from '../engine/native.js';
import type { Operation } from '../engine/operation.js';
import { parsePath } from '../paths.js';
import type { KeptMetadata } from './copy-tree-options.js';
import { type SystemPath, whileHeld } from './destination.js';

export interface SmallFileCopy {
  source: SystemPath;
  /** Where it is made, beside the destination; nothing may be there. */
  temporary: SystemPath;
  destination: SystemPath;
  kept: KeptMetadata;
  signal: AbortSignal | undefined;
}

function flagsOf(kept: KeptMetadata): number {
  let flags = 0;
  if (kept.owner) flags |= MetadataFlag.owner;
  if (kept.mode) flags |= MetadataFlag.mode;
  if (kept.times) flags |= MetadataFlag.times;
  if (kept.attributes) flags |= MetadataFlag.attributes;
  return flags;
}

// What copy_small_file.h gives for a source that has changed.
const hasChanged = -1;

function decodeCopied(_operation: Operation, value: number): number | null {
  return value === hasChanged ? null : value;
}

/**
 * Copies all of a regular file in one operation: read, written under the temporary path, given its
 * metadata and renamed, on one worker. It is not synced. A link is not followed.
 * @returns the bytes of its content; null if it was written to meanwhile, and so was not copied
 * @throws a system error; AbortError. By then nothing is left under the temporary path
 */
export function copySmallFile(copy: SmallFileCopy): Promise<number | null> {
  const { kept, signal } = copy;
  const paths = [copy.source, copy.temporary, copy.destination].map((path) => parsePath(path));
  return whileHeld(() =>
    getEngine().submit<number | null>({
      opcode: Opcode.copySmallFile,
      subject: { syscall: 'copyfile', path: paths[0]?.shown, dest: paths[2]?.shown },
      decode: decodeCopied,
      flags: flagsOf(kept),
      object: paths.map(({ native }) => native),
      signal,
    }),
  );
}

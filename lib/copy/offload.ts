import { Opcode } from '../engine/native.js';
import { decodeNothing, decodeValue } from '../engine/operation.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { abortError, systemErrorOf } from '../node/errors.js';
import type { ContentResult } from './copy-file.js';
import { type DataRange, dataRanges } from './data-ranges.js';
import type { RateLimit } from './rate-limit.js';
import { SourceChangedError } from './source-changed-error.js';

/** What the system does between two files, without the bytes coming by here. */

const cloneSubject = { syscall: 'clone' };
const offloadSubject = { syscall: 'copy_file_range' };

// Small enough that an abort, progress and a limit of the rate come between.
const partMax = 16 * 1024 * 1024;

/**
 * Makes a file share the blocks of another.
 * @throws a system error where the file system cannot: EOPNOTSUPP, EXDEV, EINVAL, …; the
 *   destination is as it was then
 */
export async function cloneFile(
  source: CoreHandle,
  destination: CoreHandle,
  signal: AbortSignal | undefined,
): Promise<void> {
  return destination.operateFrom(source, {
    opcode: Opcode.cloneFile,
    subject: cloneSubject,
    decode: decodeNothing,
    signal,
  });
}

export interface OffloadOptions {
  /** What of the source is copied. */
  bounds: DataRange;
  pace: RateLimit | undefined;
  signal: AbortSignal | undefined;
  /** Called with the place up to where it is done. */
  onMoved: (position: number) => void;
}

/**
 * Lets the system copy a file, part by part; holes stay holes.
 * @throws a system error: EXDEV, EOPNOTSUPP, EINVAL, ENOSYS, … where it cannot; SourceChangedError
 *   when the source ends before; AbortError
 */
export async function offloadFile(
  source: CoreHandle,
  destination: CoreHandle,
  { bounds, pace, signal, onMoved }: OffloadOptions,
): Promise<ContentResult> {
  const most = Math.min(partMax, pace?.partMax ?? partMax);
  let dataBytes = 0;
  for await (const { start, end } of dataRanges(source, bounds, 1)) {
    for (let position = start; position < end; ) {
      if (signal?.aborted) throw abortError(signal);
      const length = Math.min(most, end - position);
      const bytes = await copyRange(source, destination, position, length, signal);
      // Some file systems say that there is nothing where there is, instead of an error.
      if (bytes === 0 && dataBytes === 0) throw systemErrorOf('EOPNOTSUPP', offloadSubject);
      if (bytes === 0) throw new SourceChangedError(bounds.end, (await source.stat()).size);
      position += bytes;
      dataBytes += bytes;
      onMoved(position);
      await pace?.moved(bytes);
    }
  }
  if (signal?.aborted) throw abortError(signal);
  await destination.truncate(bounds.end);
  onMoved(bounds.end);
  return { bytes: bounds.end, dataBytes };
}

function copyRange(
  source: CoreHandle,
  destination: CoreHandle,
  position: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  return destination.operateFrom(source, {
    opcode: Opcode.copyRange,
    subject: offloadSubject,
    decode: (operation, value) => decodeValue(operation, value) as number,
    position,
    length,
    signal,
  });
}

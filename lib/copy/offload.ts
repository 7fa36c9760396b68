import { CloneFlag } from '../engine/opcodes.js';
import { decodeNothing, decodeValue } from '../engine/operation.js';
import { cloneContent, copyBytes } from '../engine/requests.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { abortError, systemErrorOf } from '../node/errors.js';
import type { ContentResult } from './copy-content.js';
import { type DataRange, dataRanges } from './data-ranges.js';
import type { FallbackLog } from './fallbacks.js';
import type { RateLimit } from './rate-limit.js';
import { setSize } from './set-size.js';
import { SourceChangedError } from './source-changed-error.js';

// Copies made by the system, whose bytes do not pass through this process.

const cloneSubject = { syscall: 'clone' };
const offloadSubject = { syscall: 'copy_file_range' };

// Small enough for aborts, progress reports and a rate limit between the parts.
const partMax = 16 * 1024 * 1024;

/**
 * Makes a file share the blocks of another.
 * @param mayReplace whether a new file may take over the name and the descriptor of the destination
 * @throws a system error if the file system cannot: EOPNOTSUPP, EXDEV, EINVAL, …; the destination
 *   is then unchanged
 */
export async function cloneFile(
  source: CoreHandle,
  destination: CoreHandle,
  mayReplace: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  return destination.operateFrom(source, {
    ...cloneContent(mayReplace ? CloneFlag.mayReplace : 0),
    subject: cloneSubject,
    decode: decodeNothing,
    signal,
  });
}

export interface OffloadOptions {
  /** The part of the source to copy. */
  bounds: DataRange;
  pace: RateLimit | undefined;
  signal: AbortSignal | undefined;
  /** Called with the position up to which the copy is complete. */
  onMoved: (position: number) => void;
  fallbacks: FallbackLog;
}

/**
 * Lets the system copy a file, part by part; holes stay holes.
 * @throws a system error if the system cannot: EXDEV, EOPNOTSUPP, EINVAL, ENOSYS, …;
 *   SourceChangedError when the source shrinks; AbortError
 */
export async function offloadFile(
  source: CoreHandle,
  destination: CoreHandle,
  { bounds, pace, signal, onMoved, fallbacks }: OffloadOptions,
): Promise<ContentResult> {
  const most = Math.min(partMax, pace?.partMax ?? partMax);
  let dataBytes = 0;
  for await (const { start, end } of dataRanges(source, bounds, 1, fallbacks)) {
    for (let position = start; position < end; ) {
      if (signal?.aborted) throw abortError(signal);
      const length = Math.min(most, end - position);
      const bytes = await copyRange(source, destination, position, length, signal);
      if (bytes === 0) throw await errorOfNothing(source, bounds.end);
      position += bytes;
      dataBytes += bytes;
      onMoved(position);
      await pace?.moved(bytes);
    }
  }
  if (signal?.aborted) throw abortError(signal);
  await setSize(destination, bounds.end, fallbacks);
  onMoved(bounds.end);
  return { bytes: bounds.end, dataBytes };
}

/** Some file systems copy nothing and report no error, although bytes remain. */
async function errorOfNothing(source: CoreHandle, end: number): Promise<Error> {
  const { size } = await source.stat();
  if (size < end) return new SourceChangedError(end, size);
  return systemErrorOf('ENOTSUP', offloadSubject);
}

function copyRange(
  source: CoreHandle,
  destination: CoreHandle,
  position: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  return destination.operateFrom(source, {
    ...copyBytes({ position, length }),
    subject: offloadSubject,
    decode: decodeValue,
    signal,
  });
}

import { Opcode } from '../engine/native.js';
import { decodeValue } from '../engine/operation.js';
import { invalidArgType, outOfRange, systemErrorOf } from '../node/errors.js';
import { validateInteger, validateOneOf } from '../node/validate.js';
import { type Alignment, checkAligned } from '../transfer/alignment.js';
import { endOf, type SizedFile } from '../transfer/file-size.js';

/** What a position is counted from. */
export type SeekOrigin = 'start' | 'current' | 'end';

const origins: readonly SeekOrigin[] = ['start', 'current', 'end'];
const subject = { syscall: 'lseek' };

interface SeekTarget extends SizedFile {
  readonly alignment: Alignment | null;
  cursor: number;
  inOrder<R>(run: () => Promise<R>): Promise<R>;
}

/** @param isSeekable false for pipes, terminals and the like */
export function seek(
  handle: SeekTarget,
  isSeekable: boolean,
  given: number | bigint,
  origin: SeekOrigin,
): Promise<number> {
  validateOneOf(origin, 'from', origins);
  if (typeof given !== 'number' && typeof given !== 'bigint') {
    throw invalidArgType('position', 'of type bigint or integer', given);
  }
  const position = Number(given);
  validateInteger(position, 'position', origin === 'start' ? 0 : undefined);
  if (!isSeekable) throw systemErrorOf('ESPIPE', subject);
  if (handle.alignment !== null) {
    const { position: alignment } = handle.alignment;
    if (origin === 'start') checkAligned('position', position, alignment);
    return handle.inOrder(() => seekUnbuffered(handle, alignment, position, origin));
  }
  return handle.inOrder(() =>
    handle.operate({
      opcode: Opcode.seek,
      subject,
      decode: decodeValue as () => number,
      flags: origins.indexOf(origin),
      position,
    }),
  );
}

// Such a handle has its cursor on this side.
async function seekUnbuffered(
  handle: SeekTarget,
  alignment: number,
  position: number,
  origin: SeekOrigin,
): Promise<number> {
  let base = 0;
  if (origin === 'current') base = handle.cursor;
  if (origin === 'end') base = await endOf(handle);
  const target = base + position;
  if (target < 0) throw systemErrorOf('EINVAL', subject);
  if (!Number.isSafeInteger(target)) {
    throw outOfRange('position', `<= ${Number.MAX_SAFE_INTEGER - base}`, position);
  }
  checkAligned('position', target, alignment);
  handle.cursor = target;
  return target;
}

import { SeekOrigin as Origin } from '../engine/opcodes.js';
import { decodeValue } from '../engine/operation.js';
import { seekCursor } from '../engine/requests.js';
import { invalidArgType, outOfRange, systemErrorOf } from '../node/errors.js';
import { validateInteger, validateOneOf } from '../node/validate.js';
import { checkAligned } from '../transfer/alignment.js';
import { endOf } from '../transfer/file-size.js';
import type { Cursor } from './cursor.js';
import type { OpenFile } from './open-file.js';

/** The origin of a position. */
export type SeekOrigin = 'start' | 'current' | 'end';

const origins: readonly SeekOrigin[] = ['start', 'current', 'end'];
const subject = { syscall: 'lseek' };

/** Moves the cursor of an open file. */
export function seek(
  file: OpenFile,
  cursor: Cursor,
  given: number | bigint,
  origin: SeekOrigin,
): Promise<number> {
  validateOneOf(origin, 'from', origins);
  if (typeof given !== 'number' && typeof given !== 'bigint') {
    throw invalidArgType('position', 'of type bigint or integer', given);
  }
  const position = Number(given);
  validateInteger(position, 'position', origin === 'start' ? 0 : undefined);
  if (!file.isSeekable) throw systemErrorOf('ESPIPE', subject);
  if (file.alignment !== null) {
    const { position: alignment } = file.alignment;
    if (origin === 'start') checkAligned('position', position, alignment);
    return cursor.inOrder(() => seekUnbuffered(file, cursor, alignment, position, origin));
  }
  return cursor.inOrder(() =>
    file.operate({
      ...seekCursor({ position, origin: Origin[origin] }),
      subject,
      decode: decodeValue,
    }),
  );
}

// The cursor of an unbuffered file is kept in JavaScript.
async function seekUnbuffered(
  file: OpenFile,
  cursor: Cursor,
  alignment: number,
  position: number,
  origin: SeekOrigin,
): Promise<number> {
  let base = 0;
  if (origin === 'current') base = cursor.position;
  if (origin === 'end') base = await endOf(file);
  const target = base + position;
  if (target < 0) throw systemErrorOf('EINVAL', subject);
  if (!Number.isSafeInteger(target)) {
    throw outOfRange('position', `<= ${Number.MAX_SAFE_INTEGER - base}`, position);
  }
  checkAligned('position', target, alignment);
  cursor.position = target;
  return target;
}

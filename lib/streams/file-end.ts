import { Buffer } from 'node:buffer';
import { getEngine } from '../engine/engine.js';
import { notNow } from '../engine/in-place.js';
import { Opcode } from '../engine/opcodes.js';
import { complete, decodeValue } from '../engine/operation.js';
import { callBack, FailedNow } from '../engine/outcome.js';
import { transferWhole } from '../engine/requests.js';
import type { CoreHandle } from '../handle/core-handle.js';

const readSubject = { syscall: 'read' };
// Nobody looks at the byte, so all reads share it.
const anyByte = Buffer.allocUnsafeSlow(1);

/**
 * Finds out whether a file has a byte at a position, and calls back: at once if the kernel answers
 * without waiting. A stream that has read ahead asks this where it would end, because its consumers
 * may have appended to the file since; with node:fs the last read comes after them.
 */
export function lookForMore(
  { file }: CoreHandle,
  position: number,
  found: (error: unknown, hasMore: boolean) => void,
): void {
  const encoded = transferWhole(Opcode.read, file.number, anyByte, 1, position);
  const request = complete(encoded, readSubject, decodeValue, undefined, file);
  const engine = getEngine();
  const value = engine.runNow(request);
  if (value === notNow || value instanceof FailedNow) {
    callBack(engine.submit<number>(request), (error, bytes) => found(error, bytes === 1));
  } else {
    found(null, value === 1);
  }
}

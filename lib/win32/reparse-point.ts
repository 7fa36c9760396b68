import { getEngine } from '../engine/engine.js';
import { Opcode } from '../engine/native.js';
import type { Operable, Operation } from '../engine/operation.js';
import { unavailable } from '../node/errors.js';

/** What a reparse point holds. */
export interface ReparsePoint {
  /** IO_REPARSE_TAG_*: 0xa000000c is a symbolic link, 0xa0000003 a junction or mount point. */
  tag: number;
  /** All of it as Windows gives it, header included (REPARSE_DATA_BUFFER). */
  data: Buffer;
}

const subject = { syscall: 'readreparsepoint' };

function decodeReparsePoint(_operation: Operation, _value: number, index: number): ReparsePoint {
  const data = getEngine().completions.takeResult(index) as Buffer;
  return { tag: data.readUInt32LE(0), data };
}

export function readReparsePoint(handle: Operable): Promise<ReparsePoint> {
  if (process.platform !== 'win32') throw unavailable('readReparsePoint()');
  return handle.operate({
    opcode: Opcode.readReparsePoint,
    subject,
    decode: decodeReparsePoint,
  });
}

import process from 'node:process';
import type { Completion } from '../engine/completion.js';
import type { Operable } from '../engine/operation.js';
import { reparsePointOfFile } from '../engine/requests.js';
import { unavailable } from '../node/errors.js';

/** The content of a reparse point. */
export interface ReparsePoint {
  /** IO_REPARSE_TAG_*: 0xa000000c is a symbolic link, 0xa0000003 a junction or mount point. */
  tag: number;
  /** The complete REPARSE_DATA_BUFFER, header included. */
  data: Buffer;
}

const subject = { syscall: 'readreparsepoint' };

function decodeReparsePoint(completion: Completion): ReparsePoint {
  const data = completion.takeContent() as Buffer;
  return { tag: data.readUInt32LE(0), data };
}

export function readReparsePoint(handle: Operable): Promise<ReparsePoint> {
  if (process.platform !== 'win32') throw unavailable('readReparsePoint()');
  return handle.operate({
    ...reparsePointOfFile(),
    subject,
    decode: decodeReparsePoint,
  });
}

import type { CopyDestination, CopySource } from '../copy/stream-ends.js';
import { pathOf } from './path-arguments.js';

/** The argument that stands for standard input or output. A file of this name is `./-`. */
export const standardStream = '-';

/** Returns the source that an argument of the command names. */
export function sourceOf(argument: string): CopySource {
  return argument === standardStream ? process.stdin : pathOf(argument);
}

/** Returns the destination that an argument of the command names. */
export function destinationOf(argument: string): CopyDestination {
  return argument === standardStream ? process.stdout : pathOf(argument);
}

// Windows has several errors for a pipe whose reader has left, and libuv has given ERROR_NO_DATA
// the name EAGAIN since version 1.49.
const codesOfClosedPipe = process.platform === 'win32' ? ['EPIPE', 'EOF', 'EAGAIN'] : ['EPIPE'];

/** Whether the code of a failed write to stdout says that its reader has left. */
export function hasReaderLeft(code: string | undefined): boolean {
  return code !== undefined && codesOfClosedPipe.includes(code);
}

import type { CopyDestination, CopySource } from '../copy/stream-ends.js';

/** The argument that stands for standard input or output. A file of this name is `./-`. */
export const standardStream = '-';

/** Returns the source that an argument of the command names. */
export function sourceOf(argument: string): CopySource {
  return argument === standardStream ? process.stdin : argument;
}

/** Returns the destination that an argument of the command names. */
export function destinationOf(argument: string): CopyDestination {
  return argument === standardStream ? process.stdout : argument;
}

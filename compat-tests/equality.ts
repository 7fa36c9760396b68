import { expect } from 'vitest';

/** Compares Buffers as a whole; toEqual() would compare each byte for about a microsecond. */
function areEqualBuffers(a: unknown, b: unknown): boolean | undefined {
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : undefined;
}

// Runs once in a process, although test files may share one.
expect.addEqualityTesters([areEqualBuffers]);

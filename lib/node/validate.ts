import { Buffer } from 'node:buffer';
import { isArrayBufferView } from 'node:util/types';
import { invalidArgType, invalidArgValue, outOfRange } from './errors.js';
import { nodeMajor } from './node-fs.js';

/** Argument checks that throw the same errors and messages as Node. */

const bufferTypes = 'an instance of Buffer, TypedArray, or DataView';

export function validateInteger(
  value: unknown,
  name: string,
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value);
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

export function validateBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value);
}

export function validateObject(value: unknown, name: string): asserts value is object {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidArgType(name, 'of type object', value);
  }
}

/** Checks the options of a promise function that returns a status, as Node does since 26. */
export function validateStatusOptions(value: unknown): void {
  if (value !== undefined && nodeMajor >= 26) validateObject(value, 'options');
}

export function validateOneOf(value: unknown, name: string, allowed: readonly unknown[]): void {
  if (allowed.includes(value)) return;
  const list = allowed.map((item) => (typeof item === 'string' ? `'${item}'` : item)).join(', ');
  throw invalidArgValue(name, value, `must be one of: ${list}`);
}

export function validateBuffer(value: unknown): asserts value is ArrayBufferView {
  if (!isArrayBufferView(value)) throw invalidArgType('buffer', bufferTypes, value);
}

export function validateBuffers(value: unknown): asserts value is ArrayBufferView[] {
  if (!Array.isArray(value)) throw invalidArgType('buffers', 'an ArrayBufferView[]', value);
  // every() would skip the holes of a sparse array.
  for (const element of value) {
    if (!isArrayBufferView(element)) {
      throw invalidArgType('buffers', 'an ArrayBufferView[]', value);
    }
  }
}

export function validateSignal(value: unknown): asserts value is AbortSignal | undefined {
  if (value === undefined) return;
  if (value === null || typeof value !== 'object' || !('aborted' in value)) {
    throw invalidArgType('options.signal', 'an instance of AbortSignal', value);
  }
}

/** Accepts a number >= -1, or a bigint whose sum with the length fits in 63 bits. */
export function validatePosition(value: unknown, length: number): asserts value is number | bigint {
  if (typeof value === 'number') {
    validateInteger(value, 'position', -1);
  } else if (typeof value === 'bigint') {
    const max = 2n ** 63n - 1n - BigInt(length);
    if (value < -1n || value > max) throw outOfRange('position', `>= -1 && <= ${max}`, value);
  } else {
    throw invalidArgType('position', 'of type bigint or integer', value);
  }
}

export function validateEncoding(encoding: unknown): asserts encoding is BufferEncoding {
  if (encoding && !Buffer.isEncoding(encoding as string)) {
    throw invalidArgValue('encoding', encoding, 'is invalid encoding');
  }
}

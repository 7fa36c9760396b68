import { giveCallersStack } from '../node/own-frames.js';

/** Alignment that transfers on an unbuffered handle require, in bytes. */
export interface Alignment {
  /** Alignment of the position in the file. */
  readonly position: number;
  /** Alignment of the number of bytes. */
  readonly length: number;
  /** Alignment of the memory address. */
  readonly memory: number;
}

/** The part of a transfer that is not aligned. */
export type AlignmentField = 'position' | 'length' | 'address';

/**
 * Thrown for a read or write on an unbuffered handle that the device would refuse, or that the
 * system would perform incorrectly. Nothing has been submitted.
 */
export class AlignmentError extends RangeError {
  /** Always this code. */
  readonly code = 'ERR_UNALIGNED';
  /** The value that is not aligned; 'address' is that of the buffer's memory at its offset. */
  readonly field: AlignmentField;
  /** The value itself. */
  readonly value: number | bigint;
  /** The required alignment in bytes. */
  readonly required: number;

  constructor(field: AlignmentField, value: number | bigint, required: number) {
    super(
      `The ${field} of a transfer on an unbuffered handle must be a multiple of ` +
        `${required} bytes. Received ${value}`,
    );
    this.name = 'AlignmentError';
    giveCallersStack(this, AlignmentError);
    this.field = field;
    this.value = value;
    this.required = required;
  }
}

export function isAligned(value: number | bigint, alignment: number): boolean {
  return typeof value === 'number' ? value % alignment === 0 : value % BigInt(alignment) === 0n;
}

export function alignDown(value: number, alignment: number): number {
  return value - (value % alignment);
}

export function alignUp(value: number, alignment: number): number {
  return alignDown(value + alignment - 1, alignment);
}

/** @throws AlignmentError */
export function checkAligned(
  field: AlignmentField,
  value: number | bigint,
  required: number,
): void {
  if (!isAligned(value, required)) throw new AlignmentError(field, value, required);
}

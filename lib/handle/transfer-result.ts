import { types } from 'node:util';

/** A position in a file: bytes from its start; null or -1 for the handle's cursor. */
export type Position = number | bigint | null;

/** Options of one read or write of a handle. */
export interface TransferOptions {
  /** Offset in the buffer, in bytes. Default 0. */
  offset?: number | null | undefined;
  /** Bytes. Default: to the end of the buffer. */
  length?: number | null | undefined;
  /** Position in the file; null or -1 uses and moves the handle's own cursor. Default null. */
  position?: Position | undefined;
  /** Aborts the operation; bytes may have moved by then. */
  signal?: AbortSignal | undefined;
}
/** Options of handle.read(). */
export interface ReadOptions<T extends ArrayBufferView = Buffer> extends TransferOptions {
  /** Default: a new Buffer of 16 KiB. */
  buffer?: T | undefined;
}

/**
 * The maximum that one read or write moves on Linux
 * ([read(2)](https://man7.org/linux/man-pages/man2/read.2.html)); Windows allows a DWORD of bytes.
 * It is a multiple of every sector size, so that the parts of a longer transfer stay aligned.
 */
export const transferMax = 0x7ffff000;

/** Returns the position as a number or bigint. Other values mean the cursor, which is -1. */
export function placeOf(position: Position | undefined): number | bigint {
  if (typeof position === 'number') return position;
  if (typeof position !== 'bigint') return -1;
  return position === -1n ? -1 : position;
}

/** Returns the position a number of bytes after another one. */
export function advance(position: number | bigint, bytes: number): number | bigint {
  return typeof position === 'bigint' ? position + BigInt(bytes) : position + bytes;
}

/** Returns the bytes of a view. */
export function bytesOfView(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/**
 * Returns a view in the form that the addon takes: the view itself, or its bytes if it is a
 * DataView or a Float16Array, which not every Node-API knows.
 */
export function nativeView(view: ArrayBufferView): ArrayBufferView {
  const { isDataView, isUint8Array } = types;
  if (isUint8Array(view)) return view;
  const isKnown = !isDataView(view) && !isFloat16Array(view);
  return isKnown ? view : bytesOfView(view);
}

function isFloat16Array(view: ArrayBufferView): boolean {
  const { BYTES_PER_ELEMENT } = view as Uint16Array;
  return BYTES_PER_ELEMENT === 2 && !types.isUint16Array(view) && !types.isInt16Array(view);
}

/** The result of handle.read(). */
export interface ReadResult<T extends ArrayBufferView> {
  /** Bytes that were read; 0 at the end of the file. */
  bytesRead: number;
  /** The buffer that was read into. */
  buffer: T;
}
/** The result of handle.write(). */
export interface WriteResult<T extends ArrayBufferView | string> {
  /** Bytes that were written. */
  bytesWritten: number;
  /** The data that was written. */
  buffer: T;
}
/** The result of handle.readv(). */
export interface ReadVectorResult<T extends readonly ArrayBufferView[]> {
  /** Bytes that were read into all buffers together. */
  bytesRead: number;
  /** The buffers that were read into. */
  buffers: T;
}
/** The result of handle.writev(). */
export interface WriteVectorResult<T extends readonly ArrayBufferView[]> {
  /** Bytes that were written of all buffers together. */
  bytesWritten: number;
  /** The buffers that were written. */
  buffers: T;
}

// Results have no prototype, as in Node. `{ __proto__: null, … }` takes three times as long.

export function readResult<T extends ArrayBufferView>(bytesRead: number, buffer: T): ReadResult<T> {
  const result = Object.create(null);
  result.bytesRead = bytesRead;
  result.buffer = buffer;
  return result;
}

export function writeResult<T extends ArrayBufferView | string>(
  bytesWritten: number,
  buffer: T,
): WriteResult<T> {
  const result = Object.create(null);
  result.bytesWritten = bytesWritten;
  result.buffer = buffer;
  return result;
}

export function readVectorResult<T extends readonly ArrayBufferView[]>(
  bytesRead: number,
  buffers: T,
): ReadVectorResult<T> {
  return Object.assign(Object.create(null), { bytesRead, buffers });
}

export function writeVectorResult<T extends readonly ArrayBufferView[]>(
  bytesWritten: number,
  buffers: T,
): WriteVectorResult<T> {
  return Object.assign(Object.create(null), { bytesWritten, buffers });
}

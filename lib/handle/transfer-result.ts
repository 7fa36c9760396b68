/** A place in a file: bytes from its start; null or -1 for the handle's cursor. */
export type Position = number | bigint | null;

/** Options of one read or write of a handle. */
export interface TransferOptions {
  /** Place in the buffer, in bytes. Default 0. */
  offset?: number | null | undefined;
  /** Bytes. Default: to the end of the buffer. */
  length?: number | null | undefined;
  /** Place in the file; null or -1 for the handle's own cursor, which then moves. Default null. */
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
 * One read or write moves no more than this on Linux (read(2)), and a DWORD of bytes on Windows. It
 * is a multiple of every sector size, so that the parts of a longer transfer stay aligned.
 */
export const transferMax = 0x7ffff000;

/** The position as a number or bigint. Anything that is neither means the cursor, which is -1. */
export function placeOf(position: Position | undefined): number | bigint {
  if (typeof position === 'number') return position;
  if (typeof position !== 'bigint') return -1;
  return position === -1n ? -1 : position;
}

/** The place so many bytes behind another one. */
export function advance(position: number | bigint, bytes: number): number | bigint {
  return typeof position === 'bigint' ? position + BigInt(bytes) : position + bytes;
}

/** A view as bytes. The addon takes typed arrays, and no DataViews. */
export function bytesOfView(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** What handle.read() resolves to. */
export interface ReadResult<T extends ArrayBufferView> {
  /** Bytes that were read; 0 at the end of the file. */
  bytesRead: number;
  /** The buffer that was read into. */
  buffer: T;
}
/** What handle.write() resolves to. */
export interface WriteResult<T extends ArrayBufferView | string> {
  /** Bytes that were written. */
  bytesWritten: number;
  /** The data that was written. */
  buffer: T;
}
/** What handle.readv() resolves to. */
export interface ReadVectorResult<T extends readonly ArrayBufferView[]> {
  /** Bytes that were read into all buffers together. */
  bytesRead: number;
  /** The buffers that were read into. */
  buffers: T;
}
/** What handle.writev() resolves to. */
export interface WriteVectorResult<T extends readonly ArrayBufferView[]> {
  /** Bytes that were written of all buffers together. */
  bytesWritten: number;
  /** The buffers that were written. */
  buffers: T;
}

// Results have no prototype, as Node's. `{ __proto__: null, … }` takes three times as long.

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

export interface ReadResult<T extends ArrayBufferView> {
  bytesRead: number;
  buffer: T;
}
export interface WriteResult<T extends ArrayBufferView | string> {
  bytesWritten: number;
  buffer: T;
}
export interface ReadVectorResult<T extends readonly ArrayBufferView[]> {
  bytesRead: number;
  buffers: T;
}
export interface WriteVectorResult<T extends readonly ArrayBufferView[]> {
  bytesWritten: number;
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

import { Buffer } from 'node:buffer';
import { isArrayBufferView } from 'node:util/types';
import type { CoreHandle } from '../handle/core-handle.js';
import { abortError, invalidArgType, invalidArgValue } from '../node/errors.js';

/** A view, or a function that returns one for a size in bytes; a size of 0 is unknown. */
export type BufferOption = ArrayBufferView | ((size: number) => ArrayBufferView);

const bufferTypes = 'an instance of Buffer, TypedArray, or DataView';

export function validateBufferOption(buffer: unknown): void {
  if (buffer === undefined || typeof buffer === 'function' || isArrayBufferView(buffer)) return;
  throw invalidArgType('options.buffer', `of type function or ${bufferTypes}`, buffer);
}

/**
 * Reads from the handle's cursor to the end into memory of the caller.
 * @returns the filled part of the memory, as a Buffer
 * @throws ERR_INVALID_ARG_VALUE if the memory is smaller than the file
 */
export async function readIntoBuffer(
  handle: CoreHandle,
  option: BufferOption,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const status = await handle.stat({ signal });
  const size = status.isFile() ? status.size : 0;
  const target = targetOf(option, size);
  const length = size === 0 ? target.byteLength : size;
  let filled = 0;
  while (filled < length) {
    if (signal?.aborted) throw abortError(signal);
    const { bytesRead } = await handle.read(target, {
      offset: filled,
      length: length - filled,
      signal,
    });
    if (bytesRead === 0) return target.subarray(0, filled);
    filled += bytesRead;
  }
  if (size === 0) await checkAtEnd(handle, option, target, signal);
  return target.subarray(0, filled);
}

function nameOf(option: BufferOption): string {
  return typeof option === 'function' ? 'options.buffer().byteLength' : 'options.buffer.byteLength';
}

function targetOf(option: BufferOption, size: number): Buffer {
  const view: unknown = typeof option === 'function' ? option(size) : option;
  if (!isArrayBufferView(view)) throw invalidArgType('options.buffer()', bufferTypes, view);
  if (view.byteLength < size) {
    const reason = `is smaller than the file size of ${size} bytes`;
    throw invalidArgValue(nameOf(option), view.byteLength, reason);
  }
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

// A file of unknown size may have more bytes than fit.
async function checkAtEnd(
  handle: CoreHandle,
  option: BufferOption,
  target: Buffer,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { bytesRead } = await handle.read(Buffer.allocUnsafeSlow(1), { signal });
  if (bytesRead === 0) return;
  const reason = 'is too small to contain the entire file';
  throw invalidArgValue(nameOf(option), target.byteLength, reason);
}

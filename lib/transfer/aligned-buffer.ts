import { Buffer } from 'node:buffer';
import { getEngine } from '../engine/engine.js';
import { outOfRange } from '../node/errors.js';
import { validateInteger } from '../node/validate.js';
import { alignUp } from './alignment.js';

// The memory of an ArrayBuffer does not move, so its address is looked up once.
const addresses = new WeakMap<ArrayBufferLike, number>();

/** Returns the address of the first byte of an ArrayBuffer or SharedArrayBuffer. */
function baseAddress(memory: ArrayBufferLike): number {
  let address = addresses.get(memory);
  if (address === undefined) {
    address = getEngine().addressOf(new Uint8Array(memory));
    addresses.set(memory, address);
  }
  return address;
}

/** Returns the address of a byte of a view. */
export function addressAt(view: ArrayBufferView, offset: number): number {
  return baseAddress(view.buffer) + view.byteOffset + offset;
}

/**
 * Allocates a zero-filled Buffer at an address that is a multiple of `alignment`, as transfers on
 * unbuffered handles require. It lies within a larger ArrayBuffer of its own (`buffer.byteOffset`
 * is not 0).
 * @param size bytes
 * @param options.alignment bytes, a power of two; default 4096, which satisfies every disk with
 *   sectors of up to 4 KiB. `handle.alignment.memory` is the requirement of a handle.
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
 * @example
 * const buffer = allocAligned(65536);
 */
export function allocAligned(size: number, options: { alignment?: number } = {}): Buffer {
  const { alignment = 4096 } = options;
  validateInteger(size, 'size', 0);
  validateInteger(alignment, 'options.alignment', 1, 2 ** 30);
  if ((alignment & (alignment - 1)) !== 0) {
    throw outOfRange('options.alignment', 'a power of two', alignment);
  }
  const memory = new ArrayBuffer(size + alignment);
  const address = baseAddress(memory);
  return Buffer.from(memory, alignUp(address, alignment) - address, size);
}

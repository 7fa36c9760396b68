import { isArrayBufferView } from 'node:util/types';
import { getEngine } from '../engine/engine.js';
import type { CompleteRequest } from '../engine/operation.js';
import { nativeView, transferMax } from '../handle/transfer-result.js';
import { asRequest } from '../node/callback-resource.js';
import { nodeFs } from '../node/node-fs.js';
import { descriptorRead, servesDescriptors } from './descriptor-io.js';

// The callback forms of read() and readv() for descriptors. The engine serves only calls with a
// position and plainly valid arguments. All other calls go to Node: it reports errors and resolves
// special cases as the running version does, and its threads share the cursor of a file as the
// system defines.

type Callback = (error: unknown, bytes: number, data: unknown) => void;
type Arguments = readonly unknown[];
type Position = number | bigint;

// The maximum number of buffers per call (IOV_MAX).
const vectorMax = 1024;

function start(request: CompleteRequest, callback: Callback, data: unknown): void {
  const called = asRequest(callback);
  getEngine().call<number>(request, (error, bytes) => called(error, bytes ?? 0, data));
}

function isDescriptor(fd: unknown): fd is number {
  return servesDescriptors && typeof fd === 'number' && (fd | 0) === fd && fd >= 0;
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
}

function isPlace(position: unknown): position is Position {
  if (typeof position === 'bigint') return position >= 0n && position < 2n ** 62n;
  return isCount(position, Number.MAX_SAFE_INTEGER);
}

interface Span {
  view: ArrayBufferView;
  offset: number;
  length: number;
  position: Position;
}

// Parses the arguments between the descriptor and the callback: (view, options) or (view, offset,
// length, position). Returns undefined for arguments that Node should handle.
function parseSpan(given: Arguments): Span | undefined {
  const [view, second] = given;
  if (!isArrayBufferView(view)) return undefined;
  let [, offset, length, position] = given;
  if (given.length === 2 && typeof second === 'object' && second !== null) {
    ({ offset, length, position } = second as Record<string, unknown>);
    if (length === undefined) length = view.byteLength - Number(offset ?? 0);
  } else if (given.length !== 4) {
    return undefined;
  }
  offset ??= 0;
  if (!isPlace(position) || !isCount(offset, view.byteLength)) return undefined;
  const room = Math.min(view.byteLength - offset, transferMax);
  return isCount(length, room) && length > 0 ? { view, offset, length, position } : undefined;
}

/** fs.read(); the engine serves reads at a position. */
export function readOfNumber(...given: unknown[]): void {
  const [fd] = given;
  const callback = given.at(-1);
  if (isDescriptor(fd) && typeof callback === 'function') {
    const span = parseSpan(given.slice(1, -1));
    if (span !== undefined) {
      const { view, offset, length, position } = span;
      const object = nativeView(view);
      const request = descriptorRead({ fd, object, offset, length, position });
      start(request, callback as Callback, view);
      return;
    }
  }
  Reflect.apply(nodeFs.read, nodeFs, given);
}

function isVector(buffers: unknown): buffers is ArrayBufferView[] {
  return Array.isArray(buffers) && buffers.length <= vectorMax && buffers.every(isArrayBufferView);
}

/** fs.readv(); the engine serves reads at a position. */
export function readvOfNumber(...given: unknown[]): void {
  const [fd, buffers, position, callback] = given;
  // Node treats a bigint position as missing here.
  const isPlain =
    isDescriptor(fd) &&
    isVector(buffers) &&
    isCount(position, Number.MAX_SAFE_INTEGER) &&
    typeof callback === 'function';
  const views = isPlain ? buffers.filter((view) => view.byteLength > 0) : [];
  const length = views.reduce((sum, view) => sum + view.byteLength, 0);
  if (!isPlain || length === 0 || length > transferMax) {
    Reflect.apply(nodeFs.readv, nodeFs, given);
    return;
  }
  const object = views.map(nativeView);
  const request = descriptorRead({ fd, object, offset: 0, length, position });
  start(request, callback as Callback, buffers);
}

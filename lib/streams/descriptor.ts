import type { EventEmitter } from 'node:events';
import { nodesEmit } from '../node/globals.js';

/**
 * The property `fd` of Node's stream classes. Code that knows the descriptor can use the file's
 * cursor, so a stream that reads or writes at its own positions is notified when the property is
 * read, and when a listener of 'open' receives the descriptor. Node's code that reads the property
 * for the stream itself runs inside quietly().
 */

export const descriptor = Symbol('descriptor');
const isQuiet = Symbol('isQuiet');
const onShared = Symbol('onShared');
const onReplaced = Symbol('onReplaced');

export interface Described {
  [descriptor]: number | null;
  [isQuiet]: boolean;
  [onShared]: () => void;
  [onReplaced]: () => void;
}

// All streams share these functions, so that a stream costs no closures. Without a prototype, from
// which a descriptor would inherit a `value`.
const property = Object.assign(Object.create(null), {
  configurable: true,
  enumerable: true,
  get(this: Described): number | null {
    if (!this[isQuiet]) share(this);
    return this[descriptor];
  },
  set(this: Described, value: number | null) {
    const before = this[descriptor];
    this[descriptor] = value;
    const isReplaced = typeof before === 'number' && typeof value === 'number' && value !== before;
    if (isReplaced && !this[isQuiet]) this[onReplaced]();
  },
});

/**
 * Defines the property of a stream.
 * @param share called when the descriptor becomes known
 * @param replace called when the program assigns another descriptor
 */
export function defineDescriptor(
  stream: Described,
  share: (this: Described) => void,
  replace: (this: Described) => void,
): void {
  stream[descriptor] = null;
  stream[isQuiet] = false;
  stream[onShared] = share;
  stream[onReplaced] = replace;
  Object.defineProperty(stream, 'fd', property);
}

function share(stream: Described): void {
  if (typeof stream[descriptor] === 'number') stream[onShared]();
}

/** Runs Node's code that reads the property for the stream itself. */
export function quietly(stream: Described, run: () => void): void {
  const before = stream[isQuiet];
  stream[isQuiet] = true;
  try {
    run();
  } finally {
    stream[isQuiet] = before;
  }
}

/** Implements `pending` of Node's classes: whether the file is not open yet. */
export function getPending(this: Described): boolean {
  return this[descriptor] === null;
}

type Listener = (...given: unknown[]) => void;

// Sources of functions without parameters: `() =>`, `async () =>`, `function name() {`, `name() {`.
const withoutParameters = /^(?:async\b\s*)?(?:function\b[\s*]*)?[\w$]*\s*\(\s*\)/;

// A listener without parameters can see the descriptor only by `arguments`. `length` does not count
// parameters with defaults. The source of native and bound functions shows nothing.
function seesArguments(listener: Listener): boolean {
  if (listener.length > 0) return true;
  const source = Function.prototype.toString.call(listener);
  return !withoutParameters.test(source) || /\barguments\b|\[native code\]/.test(source);
}

/** Whether a program sees that the file of a stream is opened. */
export function isOpenSeen(stream: EventEmitter): boolean {
  const isListening = stream.listenerCount('open') > 0 || stream.listenerCount('ready') > 0;
  return isListening || stream.emit !== nodesEmit;
}

/** Emits 'open' and 'ready', as Node does. */
export function emitOpen(stream: EventEmitter & Described, fd: number): void {
  const isSeen =
    stream.emit !== nodesEmit ||
    (stream.listenerCount('open') > 0 && stream.listeners('open').some(seesArguments as never));
  if (isSeen) share(stream);
  stream.emit('open', fd);
  stream.emit('ready');
}

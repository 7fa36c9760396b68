import { EventEmitter } from 'node:events';

/**
 * The property `fd` of Node's stream classes. Code that knows the number can use the file's cursor,
 * so a stream that reads or writes at positions of its own is told when the property is read, and
 * when a listener of 'open' is called with the number. Code of Node that reads the property for the
 * stream itself runs quietly().
 */

export const descriptor = Symbol('descriptor');
const isQuiet = Symbol('isQuiet');
const onShared = Symbol('onShared');

export interface Described {
  [descriptor]: number | null;
  [isQuiet]: boolean;
  [onShared]: () => void;
}

// Functions that all streams share, so that a stream costs no closures.
const property = {
  configurable: true,
  enumerable: true,
  get(this: Described): number | null {
    if (!this[isQuiet]) share(this);
    return this[descriptor];
  },
  set(this: Described, value: number | null) {
    this[descriptor] = value;
  },
};

/** Defines the property of a stream. @param share called when somebody gets to know the number */
export function defineDescriptor(stream: Described, share: (this: Described) => void): void {
  stream[descriptor] = null;
  stream[isQuiet] = false;
  stream[onShared] = share;
  Object.defineProperty(stream, 'fd', property);
}

function share(stream: Described): void {
  if (typeof stream[descriptor] === 'number') stream[onShared]();
}

/** Runs code of Node that reads the property for the stream itself. */
export function quietly(stream: Described, run: () => void): void {
  const before = stream[isQuiet];
  stream[isQuiet] = true;
  try {
    run();
  } finally {
    stream[isQuiet] = before;
  }
}

/** Of Node's classes: whether the file is not open yet. */
export function getPending(this: Described): boolean {
  return this[descriptor] === null;
}

type Listener = (...given: unknown[]) => void;

// A listener without parameters sees the number by `arguments` or a rest parameter, if at all. The
// source of native and bound functions does not tell.
function seesArguments(listener: Listener): boolean {
  return (
    listener.length > 0 ||
    /\barguments\b|\.\.\.|\[native code\]/.test(Function.prototype.toString.call(listener))
  );
}

/** Emits 'open' and 'ready', as Node does. */
export function emitOpen(stream: EventEmitter & Described, fd: number): void {
  const isSeen =
    stream.emit !== EventEmitter.prototype.emit ||
    (stream.listenerCount('open') > 0 && stream.listeners('open').some(seesArguments as never));
  if (isSeen) share(stream);
  stream.emit('open', fd);
  stream.emit('ready');
}

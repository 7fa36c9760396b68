import { fileURLToPath } from 'node:url';

/**
 * Stacks of errors without the frames of this package, so that the first one is the caller's, as if
 * the functions were the system's own.
 */

// Where this module lies as a part of the package. In a bundle the frames of the package and those
// of the application lie in one file, and all of them stay.
const ownPlace = /^(.*\/)(?:dist\/chunks\/core\.js|lib\/node\/own-frames\.[jt]s)$/;

function ownFolders(): readonly string[] {
  const url: unknown = import.meta.url;
  const folder = typeof url === 'string' ? ownPlace.exec(url)?.[1] : undefined;
  if (folder === undefined || !folder.startsWith('file:')) return [];
  // Frames show the URL of a module, or its path where a loader has changed the code.
  const places = [folder, fileURLToPath(folder)];
  return places.flatMap((place) => [`${place}dist`, `${place}lib`]);
}

const folders = ownFolders();
// Own frames that a stack may have beside those of the caller.
const ownFramesMax = 20;

type AnyFunction = Parameters<typeof Error.captureStackTrace>[1];

function isOwn(line: string): boolean {
  return line.startsWith('    at ') && folders.some((folder) => line.includes(folder));
}

// With --frozen-intrinsics the limit cannot be changed, and a program may have removed it.
function setLimit(limit: number): void {
  try {
    Error.stackTraceLimit = limit;
  } catch {}
}

/** Makes an error that has no stack yet, which costs a fifth of one that has. */
export function withoutStack<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit;
  setLimit(0);
  try {
    return make();
  } finally {
    setLimit(limit);
  }
}

/**
 * Gives an error the stack of this moment, without frames of this package. Only the innermost
 * frames can be its own, so the stack is written out, which costs more than taking it, if one of
 * these is.
 * @param hidden the innermost function, which is left out
 */
export function giveCallersStack(error: Error, hidden: AnyFunction): void {
  const limit = Error.stackTraceLimit;
  const isPlain = typeof limit === 'number' && limit > 0 && folders.length > 0;
  if (isPlain && !hasHook() && hasOwnFrames(hidden)) {
    setLimit(limit + ownFramesMax);
    Error.captureStackTrace(error, hidden);
    const { stack } = error;
    setLimit(limit);
    if (typeof stack === 'string') setStack(error, shorten(stack, limit));
  } else {
    Error.captureStackTrace(error, hidden);
  }
}

// A hook of the program gets all frames, and the error itself, when the stack is first read. Node
// has one of its own, which does what V8 does.
function hasHook(): boolean {
  const hook = Error.prepareStackTrace;
  return hook !== undefined && hook.name !== 'ErrorPrepareStackTrace';
}

// The first frame may be that of Node's queue of callbacks.
function hasOwnFrames(hidden: AnyFunction): boolean {
  const limit = Error.stackTraceLimit;
  const probe: { stack?: unknown } = {};
  setLimit(2);
  Error.captureStackTrace(probe, hidden);
  setLimit(limit);
  const { stack } = probe;
  return typeof stack === 'string' && folders.some((folder) => stack.includes(folder));
}

function shorten(stack: string, limit: number): string {
  let frames = 0;
  const kept = stack.split('\n').filter((line) => {
    if (isOwn(line)) return false;
    if (line.startsWith('    at ')) frames++;
    return frames <= limit;
  });
  return kept.join('\n');
}

function setStack(error: Error, stack: string): void {
  Object.defineProperty(error, 'stack', {
    value: stack,
    configurable: true,
    enumerable: false,
    writable: true,
  });
}

import { fileURLToPath } from 'node:url';

/**
 * Removes the frames of this package from the stacks of errors, so that the first frame is the
 * caller's, as with Node's own functions.
 */

// The location of this module within the package: in dist/, or as tests load it. A bundle mixes
// frames of the package and of the application in one file, so there all frames are kept.
const ownPlace = /^(.*\/)(?:dist\/chunks\/base\.cjs|build\/tests\/lib\.js)$/;

function ownFolders(): readonly string[] {
  const url: unknown = import.meta.url;
  const folder = typeof url === 'string' ? ownPlace.exec(url)?.[1] : undefined;
  if (folder === undefined || !folder.startsWith('file:')) return [];
  // Frames show the URL of a module, or its path if a loader has transformed the code.
  // Loaders write paths with slashes on Windows, too.
  const path = fileURLToPath(folder);
  const places = [folder, path, path.replaceAll('\\', '/')];
  return places.flatMap((place) => [`${place}dist`, `${place}build/tests`]);
}

let found: readonly string[] | undefined;

// Only errors need them.
function folders(): readonly string[] {
  found ??= ownFolders();
  return found;
}

// The maximum number of own frames that a stack may have in addition to the caller's.
const ownFramesMax = 20;

// Programs replace it, or delete it to look like another engine.
const { captureStackTrace } = Error;

type AnyFunction = Parameters<typeof Error.captureStackTrace>[1];

function isOwn(line: string): boolean {
  return line.startsWith('    at ') && folders().some((folder) => line.includes(folder));
}

// The limit is read-only with --frozen-intrinsics, and a program may have deleted it.
function setLimit(limit: number): void {
  try {
    Error.stackTraceLimit = limit;
  } catch {}
}

/** Creates an error without a stack, at a fifth of the cost of one with a stack. */
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
 * Gives an error the current stack without the frames of this package. Only the innermost frames
 * can be own frames, so the stack is formatted, which costs more than capturing it, only if one of
 * them is.
 * @param hidden the innermost function, which is left out
 */
export function giveCallersStack(error: Error, hidden: AnyFunction): void {
  const limit = Error.stackTraceLimit;
  const isPlain = typeof limit === 'number' && limit > 0 && folders().length > 0;
  if (isPlain && !hasHook() && hasOwnFrames(hidden)) {
    setLimit(limit + ownFramesMax);
    captureStackTrace(error, hidden);
    const { stack } = error;
    setLimit(limit);
    if (typeof stack === 'string') setStack(error, shorten(stack, limit));
  } else {
    captureStackTrace(error, hidden);
  }
}

/** Removes the frames of this package from the stack of an error that Node's code has thrown. */
export function hideOwnFrames(error: unknown): void {
  const { stack } = error as { stack?: unknown };
  if (typeof stack !== 'string' || hasHook()) return;
  const lines = stack.split('\n');
  const kept = lines.filter((line) => !isOwn(line));
  if (kept.length < lines.length) setStack(error as Error, kept.join('\n'));
}

// A program's hook must receive all frames and the error itself when the stack is first read. Node
// installs a hook of its own that behaves like V8's default.
function hasHook(): boolean {
  const hook = Error.prepareStackTrace;
  return hook !== undefined && hook.name !== 'ErrorPrepareStackTrace';
}

/** Whether the function that called `callee` is in a file whose name begins with `place`. */
export function isCalledFrom(place: string, callee: AnyFunction): boolean {
  const { stackTraceLimit: limit, prepareStackTrace: hook } = Error;
  const probe: { stack?: unknown } = {};
  try {
    // Formatting a stack costs a hundred times as much.
    Error.prepareStackTrace = (_, [frame]) => frame?.getFileName()?.startsWith(place) ?? false;
    setLimit(1);
    captureStackTrace(probe, callee);
    return probe.stack === true;
  } catch {
    // With --frozen-intrinsics nothing of Error can be set.
    return false;
  } finally {
    setLimit(limit);
    if (Error.prepareStackTrace !== hook) setHook(hook);
  }
}

function setHook(hook: typeof Error.prepareStackTrace): void {
  if (hook === undefined) delete (Error as Partial<ErrorConstructor>).prepareStackTrace;
  else Error.prepareStackTrace = hook;
}

// The first frame may belong to Node's callback queue.
function hasOwnFrames(hidden: AnyFunction): boolean {
  const limit = Error.stackTraceLimit;
  const probe: { stack?: unknown } = {};
  setLimit(2);
  captureStackTrace(probe, hidden);
  setLimit(limit);
  const { stack } = probe;
  return typeof stack === 'string' && folders().some((folder) => stack.includes(folder));
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

import fs from 'node:fs';
import { isServed, likeNode } from './like-node.js';
import { nodeFs } from './node-fs.js';

// Programs put layers between node:fs and the system: mock-fs replaces what the functions of
// node:fs call, the loaders of archives (PnP, pkg, asar) replace functions of node:fs. A file that
// only the layer has is out of the engine's reach, and one that the layer hides must stay hidden.

type Functions = Record<string, unknown>;
type AnyFunction = (...given: never[]) => unknown;

// process.binding() is deprecated, but nothing else shows what node:fs calls. The program did not
// call it, so no warning is due. The permission model and other runtimes deny it.
function bindingOf(name: string): Functions | undefined {
  const { binding } = process as unknown as { binding?: (name: string) => Functions };
  const before = Object.getOwnPropertyDescriptor(process, 'noDeprecation');
  try {
    Object.defineProperty(process, 'noDeprecation', { value: true, configurable: true });
    return binding?.(name);
  } catch {
    return undefined;
  } finally {
    if (before === undefined) delete (process as { noDeprecation?: boolean }).noDeprecation;
    else Object.defineProperty(process, 'noDeprecation', before);
  }
}

// ---- Below node:fs

/** The native functions below node:fs that a layer cannot do without. */
interface SystemCalls {
  open: unknown;
  openFileHandle: unknown;
  stat: unknown;
  lstat: unknown;
  readdir: unknown;
  read: unknown;
}
const systemCallNames = ['open', 'openFileHandle', 'stat', 'lstat', 'readdir', 'read'] as const;

// Other runtimes have none, or another one.
function findSystemCalls(): SystemCalls | undefined {
  const found = bindingOf('fs');
  const isKnown = systemCallNames.every((name) => typeof found?.[name] === 'function');
  return isKnown ? (found as unknown as SystemCalls) : undefined;
}

const systemCalls = findSystemCalls();
let ownSystemCalls: SystemCalls | undefined;

function isNative(value: unknown, name: string): boolean {
  return (
    typeof value === 'function' &&
    Function.prototype.toString.call(value) === `function ${name}() { [native code] }`
  );
}

/** Whether something has replaced the native functions below node:fs, as mock-fs does. */
export function isSystemReplaced(): boolean {
  const now = systemCalls;
  if (now === undefined) return false;
  const own = ownSystemCalls;
  if (own !== undefined) {
    return (
      now.open !== own.open ||
      now.stat !== own.stat ||
      now.lstat !== own.lstat ||
      now.readdir !== own.readdir ||
      now.openFileHandle !== own.openFileHandle ||
      now.read !== own.read
    );
  }
  if (!systemCallNames.every((name) => isNative(now[name], name))) return true;
  ownSystemCalls = { ...now };
  return false;
}

// ---- Functions of node:fs

const sourceModules = ['fs', 'internal/fs/promises', 'internal/fs/streams'];
let sources: string[] | undefined;
const knownFunctions = new WeakMap<object, boolean>();

/**
 * Whether a function is Node's own: its source is part of Node's. Where Node does not show its
 * source, every function counts as its own.
 */
export function isNodesOwn(value: unknown): boolean {
  if (typeof value !== 'function') return false;
  const known = knownFunctions.get(value);
  if (known !== undefined) return known;
  sources ??= sourceModules
    .map((name) => bindingOf('natives')?.[name])
    .filter((source) => typeof source === 'string');
  const text = Function.prototype.toString.call(value);
  const isOwn = sources.length === 0 || sources.some((source) => source.includes(text));
  knownFunctions.set(value, isOwn);
  return isOwn;
}

const liveFs = fs as unknown as Functions;
const loadedFs = nodeFs as unknown as Functions;

/**
 * Whether a program has put functions of its own into node:fs under one of these names, which
 * Node's code would call.
 */
export function isReplaced(names: readonly string[]): boolean {
  return names.some((name) => {
    const live = liveFs[name];
    if (live === loadedFs[name]) return !isNodesOwn(live);
    return !isServed(live as object);
  });
}

function isHandle(value: unknown): boolean {
  return typeof (value as { fd?: unknown } | null | undefined)?.fd === 'number';
}

/**
 * Gives a function of ours what programs see of Node's, and hands its calls to Node's while a
 * layer sits below node:fs, or has replaced one of the functions that Node's own would call.
 * @param uses names of functions in node:fs that Node's own calls
 */
export function inPlaceOf<T = AnyFunction>(
  nodes: unknown,
  ours: AnyFunction,
  uses: readonly string[] = [],
): T {
  if (typeof nodes !== 'function') return likeNode(ours, nodes) as T;
  const serve = (...given: never[]): unknown => {
    const isLayered = isSystemReplaced() || (uses.length > 0 && isReplaced(uses));
    // An open file is served by the package that opened it.
    if (!isLayered || isHandle(given[0])) return ours(...given);
    return Reflect.apply(nodes, nodeFs, given);
  };
  return likeNode(serve, nodes) as unknown as T;
}

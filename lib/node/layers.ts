import fs from 'node:fs';
import process from 'node:process';
import { isNode, knowsAllDescriptors } from './host.js';
import { isServed, likeNode } from './like-node.js';
import { nodeFs } from './node-fs.js';
import { isRestricted } from './permission.js';

// Programs put layers between node:fs and the system: mock-fs replaces the native functions below
// node:fs; archive loaders (PnP, pkg, asar) replace functions of node:fs. The engine cannot reach a
// file that exists only in a layer, and must not reveal a file that the layer hides.

type Functions = Record<string, unknown>;
type AnyFunction = (...given: never[]) => unknown;

/**
 * Returns a native part of Node, if it is available. process.binding() is deprecated, but nothing
 * else reveals what node:fs calls. The program did not call it, so the warning is suppressed. The
 * permission model and other runtimes reject the call.
 */
export function bindingOf(name: string): Functions | undefined {
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

// The native functions below node:fs that our functions do without.
const systemCallNames = [
  'open',
  'openFileHandle',
  'close',
  'stat',
  'lstat',
  'fstat',
  'readdir',
  'read',
  'readBuffers',
  'writeBuffer',
  'writeBuffers',
  'writeString',
  'ftruncate',
  'fsync',
  'unlink',
  'rmdir',
] as const;
type SystemCalls = { [name in (typeof systemCallNames)[number]]?: unknown };

// Other runtimes have no such binding, or a different one. V8 keeps the binding as a dictionary, in
// which 6 lookups take 150 ns. In an object that inherits from it, 16 take 40 ns.
function findSystemCalls(): SystemCalls | undefined {
  const found = bindingOf('fs');
  return typeof found?.open === 'function' ? Object.create(found) : undefined;
}

const systemCalls = findSystemCalls();
let ownSystemCalls: SystemCalls | undefined;

// No version of Node has all of the functions.
function isNative(value: unknown, name: string): boolean {
  return (
    value === undefined ||
    (typeof value === 'function' &&
      Function.prototype.toString.call(value) === `function ${name}() { [native code] }`)
  );
}

/** Whether something has replaced native functions below node:fs, as mock-fs does. */
function isSystemReplaced(): boolean {
  const now = systemCalls;
  if (now === undefined) return false;
  const own = ownSystemCalls;
  if (own === undefined) {
    if (!systemCallNames.every((name) => isNative(now[name], name))) return true;
    // No iteration, which some programs break.
    ownSystemCalls = systemCallNames.reduce<SystemCalls>(
      (calls, name) => Object.assign(calls, { [name]: now[name] }),
      {},
    );
    return false;
  }
  // A loop would look each name up in a slow way.
  return (
    now.open !== own.open ||
    now.openFileHandle !== own.openFileHandle ||
    now.close !== own.close ||
    now.stat !== own.stat ||
    now.lstat !== own.lstat ||
    now.fstat !== own.fstat ||
    now.readdir !== own.readdir ||
    now.read !== own.read ||
    now.readBuffers !== own.readBuffers ||
    now.writeBuffer !== own.writeBuffer ||
    now.writeBuffers !== own.writeBuffers ||
    now.writeString !== own.writeString ||
    now.ftruncate !== own.ftruncate ||
    now.fsync !== own.fsync ||
    now.unlink !== own.unlink ||
    now.rmdir !== own.rmdir
  );
}

// ---- Virtual file systems of Node

// While a virtual file system is mounted (node:vfs of Node 26), node:fs asks it first. The only
// visible sign is a process.dlopen() from this module of Node.
const virtualModule = 'internal/vfs/setup';
let seenLoader: unknown;
let isVirtual = false;

function isOfVirtual(loader: unknown): boolean {
  if (!isNode || typeof loader !== 'function' || isNative(loader, 'dlopen')) return false;
  const natives = bindingOf('natives');
  // The permission model hides Node's source. Node then serves, which is right in any case.
  if (natives === undefined) return true;
  const source = natives[virtualModule];
  return typeof source === 'string' && source.includes(Function.prototype.toString.call(loader));
}

function isVirtualMounted(): boolean {
  const { dlopen } = process as { dlopen?: unknown };
  if (dlopen !== seenLoader) {
    seenLoader = dlopen;
    isVirtual = isOfVirtual(dlopen);
  }
  return isVirtual;
}

/**
 * Whether something below the functions of node:fs may serve files that the engine cannot see, or
 * deny some that it can.
 */
export function hasLayerBelow(): boolean {
  return isSystemReplaced() || isVirtualMounted() || isRestricted();
}

// ---- Functions of node:fs

const sourceModules = ['fs', 'internal/fs/promises', 'internal/fs/streams'];
let sources: string[] | undefined;
const knownFunctions = new WeakMap<object, boolean>();

// Every access to the binding makes strings of all modules.
function findSources(): string[] {
  const natives = bindingOf('natives') ?? {};
  return sourceModules.map((name) => natives[name]).filter((source) => typeof source === 'string');
}

/**
 * Whether a function is Node's own, that is, whether its source is part of Node's source. If Node
 * does not expose its source, and in other runtimes, every function counts as its own.
 */
export function isNodesOwn(value: unknown): boolean {
  if (typeof value !== 'function') return false;
  if (!isNode) return true;
  const known = knownFunctions.get(value);
  if (known !== undefined) return known;
  sources ??= findSources();
  const text = Function.prototype.toString.call(value);
  const isOwn = sources.length === 0 || sources.some((source) => source.includes(text));
  knownFunctions.set(value, isOwn);
  return isOwn;
}

const { apply } = Reflect;
const liveFs = fs as unknown as Functions;
const loadedFs = nodeFs as unknown as Functions;

/**
 * Whether the program has replaced one of these functions of node:fs, which Node's own code would
 * call.
 */
export function isReplaced(names: readonly string[]): boolean {
  return names.some((name) => {
    const live = liveFs[name];
    if (live === loadedFs[name]) return !isNodesOwn(live);
    return !isServed(live as object);
  });
}

let canServe: (() => boolean) | undefined;

/** @param test tells whether the engine is able to serve; otherwise Node's own functions do */
export function servesWhile(test: () => boolean): void {
  canServe = test;
}

/** The same, until the code of the engine has loaded and calls servesWhile(). */
export function servesAtFirstWhile(test: () => boolean): void {
  canServe ??= test;
}

/** Whether Node's own functions are to serve: a layer is below them, or the engine is unable to. */
export function isForNode(): boolean {
  return hasLayerBelow() || canServe?.() === false;
}

function isHandle(value: unknown): boolean {
  return typeof (value as { fd?: unknown } | null | undefined)?.fd === 'number';
}

/**
 * Makes one of our functions a substitute for Node's: it looks the same to programs, and forwards
 * calls to Node's function while the engine is unable to serve, or a layer sits below node:fs or
 * replaces one of the functions that Node's own would call.
 * @param uses names of the node:fs functions that Node's own function calls
 */
export function substituteFor<T = AnyFunction>(
  nodes: unknown,
  ours: AnyFunction,
  uses: readonly string[] = [],
): T {
  if (typeof nodes !== 'function') return likeNode(ours, nodes) as T;
  const serve = (...given: never[]): unknown => {
    const isNodes = isForNode() || (uses.length > 0 && isReplaced(uses));
    // Deno's FileHandle calls these functions with its descriptor.
    const isOfHost = !knowsAllDescriptors && typeof given[0] === 'number';
    // Calls on an open file belong to the package that opened it.
    const serving = !isOfHost && (!isNodes || isHandle(given[0])) ? ours : nodes;
    return apply(serving, nodeFs, given);
  };
  return likeNode(serve, nodes) as unknown as T;
}

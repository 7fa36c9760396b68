import process from 'node:process';
import { getEngine, startedEngine } from '../engine/engine.js';
import { notNow } from '../engine/in-place.js';
import { type CompleteRequest, complete, decodeNothing } from '../engine/operation.js';
import { type Callback, FailedNow, tickCallback } from '../engine/outcome.js';
import { closeFile, foreignDescriptor, openPath, statusOfFile } from '../engine/requests.js';
import { flushEngine } from '../engine/started.js';
import { decodeOpened, type OpenedFile } from '../handle/opened-file.js';
import { decodeBigIntStats, decodeStats } from '../handle/stats.js';
import { asRequest } from '../node/callback-resource.js';
import { endsWithProcess } from '../node/host.js';
import { isForNode } from '../node/layers.js';
import { nodeFs } from '../node/node-fs.js';
import { parsePath } from '../node/paths.js';
import { accessRequest, isAccessMode } from './access.js';

// Callback functions that the engine serves on Linux if the kernel answers without waiting. All
// other calls go to Node: those that have to wait, that fail, or whose arguments are unusual.

const mayServe = process.platform === 'linux';
/** Standard streams, which stay open as long as the process. */
const standardMax = 2;

let servesOpens: boolean | undefined;

// Node knows the descriptors that a worker thread has opened, and closes them when it ends.
function isServedHere(): boolean {
  servesOpens ??= mayServe && endsWithProcess();
  return servesOpens;
}

function isDescriptor(fd: unknown): fd is number {
  return typeof fd === 'number' && (fd | 0) === fd && fd >= 0;
}

function isMode(mode: unknown): boolean {
  return mode == null || (typeof mode === 'number' && (mode | 0) === mode && mode >= 0);
}

/** Performs an operation before it returns, without starting the engine; undefined if it cannot. */
function valueNow(request: CompleteRequest): unknown {
  const value = startedEngine()?.runNow(request) ?? notNow;
  return value === notNow || value instanceof FailedNow ? undefined : value;
}

function openNow(path: unknown): OpenedFile | undefined {
  let parsed: ReturnType<typeof parsePath>;
  try {
    parsed = parsePath(path);
  } catch {
    return undefined;
  }
  const { native, shown } = parsed;
  const plain = { flags: 0, mode: 0, options: 0, preallocate: 0, attributes: 0 };
  const request = complete(
    openPath({ path: native, ...plain }),
    { syscall: 'open', path: shown },
    decodeOpened,
  );
  return valueNow(request) as OpenedFile | undefined;
}

/** fs.open(). The engine opens local files for reading if their paths are cached. */
export function openByCallback(...given: unknown[]): void {
  const [path, second, third, fourth] = given;
  const hasFlags = given.length > 2;
  const callback = hasFlags ? (typeof third === 'function' ? third : fourth) : second;
  const reads = !hasFlags || second === 'r' || second === 0 || second == null;
  const isPlain =
    reads && typeof callback === 'function' && (typeof third === 'function' || isMode(third));
  const opened = isPlain && isServedHere() ? openNow(path) : undefined;
  if (opened === undefined) {
    Reflect.apply(nodeFs.open, nodeFs, given);
    return;
  }
  getEngine().forgetFile(opened.file);
  tickCallback(asRequest(callback as Callback), opened.fd);
}

const statSubject = { syscall: 'fstat' };

/** fs.fstat(). The engine serves local files. */
export function fstatByCallback(...given: unknown[]): void {
  const [fd, options, last] = given;
  const callback = typeof options === 'function' ? options : last;
  const isBigInt = bigintOf(options);
  if (mayServe && isDescriptor(fd) && isBigInt !== undefined && typeof callback === 'function') {
    const encoded = { ...statusOfFile(), ...foreignDescriptor, file: fd };
    const decode = isBigInt ? decodeBigIntStats : decodeStats;
    const status = valueNow(complete(encoded, statSubject, decode));
    if (status !== undefined) {
      tickCallback(asRequest(callback as Callback), status);
      return;
    }
  }
  Reflect.apply(nodeFs.fstat, nodeFs, given);
}

/** Returns undefined for options that Node should handle. */
function bigintOf(options: unknown): boolean | undefined {
  if (options === undefined || typeof options === 'function') return false;
  if (typeof options !== 'object' || options === null) return undefined;
  const { bigint = false } = options as { bigint?: unknown };
  return typeof bigint === 'boolean' ? bigint : undefined;
}

/** fs.access(), served by the engine. */
export function accessByCallback(...given: unknown[]): void {
  const [path, mode, last] = given;
  const hasMode = typeof mode !== 'function';
  const callback = hasMode ? last : mode;
  const wanted = hasMode ? mode : undefined;
  if (typeof callback !== 'function' || !isAccessMode(wanted)) {
    Reflect.apply(nodeFs.access, nodeFs, given);
    return;
  }
  getEngine().call(accessRequest(path, wanted), asRequest(callback as Callback));
}

const closeSubject = { syscall: 'close' };

// The number of a file in a layer below node:fs may be that of another file of the system.
function closeNow(fd: unknown): boolean {
  const engine = startedEngine();
  if (engine === undefined || !isDescriptor(fd) || fd <= standardMax || isForNode()) return false;
  const encoded = { ...closeFile(fd), ...foreignDescriptor };
  const value = engine.runNow(complete(encoded, closeSubject, decodeNothing));
  return value !== notNow && !(value instanceof FailedNow);
}

/**
 * fs.close(). It first submits the reads that were requested earlier in this turn, while the
 * descriptor still refers to its file. The engine closes local files that were only read.
 */
export function closeByCallback(...given: unknown[]): void {
  const [fd, callback] = given;
  flushEngine();
  if (typeof callback === 'function' && isServedHere() && closeNow(fd)) {
    tickCallback(asRequest(callback as Callback), undefined);
  } else {
    Reflect.apply(nodeFs.close, nodeFs, given);
  }
}

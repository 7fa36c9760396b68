import type { Stats } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from './directory-tree.js';
import { abortError } from './errors.js';
import { nodePromises } from './node-fs.js';
import { type ParsedPath, type PathLike, parsePath } from './paths.js';
import { lstat } from './status.js';
import { validateBoolean, validateInteger, validateObject, validateSignal } from './validate.js';

export interface RmOptions {
  /** No error where there is no such file. Default false. */
  force?: boolean | undefined;
  /** Folders with all below them, too. Default false. */
  recursive?: boolean | undefined;
  /** How often EBUSY, EMFILE, ENFILE, ENOTEMPTY and EPERM are tried again. Default 0. */
  maxRetries?: number | undefined;
  /** Milliseconds before the first new try, and so much more before each further. Default 100. */
  retryDelay?: number | undefined;
  /** Aborts it; what has been removed by then is gone. */
  signal?: AbortSignal | undefined;
}

interface Parsed {
  force: boolean;
  recursive: boolean;
  maxRetries: number;
  retryDelay: number;
  signal: AbortSignal | undefined;
}

// With a promise and with a callback Node's own names the path in different ways on Windows.
type NodeRm = (path: PathLike) => Promise<void>;

const int32Max = 2 ** 31 - 1;
const uint32Max = 2 ** 32 - 1;

function parseRmOptions(options: unknown): Parsed {
  if (options !== undefined) validateObject(options, 'options');
  const defaults = { recursive: false, force: false, retryDelay: 100, maxRetries: 0 };
  const parsed = { signal: undefined, ...defaults, ...(options as object | undefined) } as Parsed;
  validateBoolean(parsed.recursive, 'options.recursive');
  validateInteger(parsed.retryDelay, 'options.retryDelay', 0, int32Max);
  validateInteger(parsed.maxRetries, 'options.maxRetries', 0, uint32Max);
  validateBoolean(parsed.force, 'options.force');
  validateSignal(parsed.signal);
  return parsed;
}

/** As rm(); throws at once what is wrong with the arguments. */
export function startRm(
  path: unknown,
  options: unknown,
  nodeRm: NodeRm = nodePromises.rm,
): Promise<void> {
  const parsed = parsePath(path);
  return remove(path as PathLike, parsed, parseRmOptions(options), nodeRm);
}

async function remove(
  path: PathLike,
  parsed: ParsedPath,
  options: Parsed,
  nodeRm: NodeRm,
): Promise<void> {
  const { force, recursive, signal } = options;
  let status: Stats;
  try {
    status = await lstat(path, { signal });
  } catch (error) {
    if (force && codeOf(error) === 'ENOENT') return;
    throw error;
  }
  // Node has an error of its own for that, which it makes before it does anything.
  if (status.isDirectory() && !recursive) return nodeRm(path);
  await removeWithRetries(parsed, options);
}

const passingCodes = new Set(['EBUSY', 'EMFILE', 'ENFILE', 'ENOTEMPTY', 'EPERM']);

async function removeWithRetries(path: ParsedPath, options: Parsed): Promise<void> {
  const { maxRetries, retryDelay, signal } = options;
  for (let tries = 0; ; tries++) {
    try {
      return await removeTree(path, signal);
    } catch (error) {
      const code = codeOf(error);
      // Somebody else has removed it meanwhile.
      if (code === 'ENOENT') return;
      if (tries === maxRetries || !passingCodes.has(code)) throw error;
    }
    await sleep((tries + 1) * retryDelay);
    if (signal?.aborted) throw abortError(signal);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

/**
 * Removes a file, or with `recursive: true` a folder with all below it. Links are removed, not
 * followed.
 * @throws a system error; ERR_FS_EISDIR for a folder without `recursive`; AbortError
 */
export async function rm(path: PathLike, options?: RmOptions): Promise<void> {
  return startRm(path, options);
}

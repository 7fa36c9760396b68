import process from 'node:process';
import { getEngine } from '../engine/engine.js';
import { type CompleteRequest, complete, decodeNothing } from '../engine/operation.js';
import { accessToPath } from '../engine/requests.js';
import { nodePromises } from '../node/node-fs.js';
import { type PathLike, parsePath } from '../node/paths.js';

// Other systems cannot answer in place, and a worker is no faster than one of Node's.
const isServed = process.platform === 'linux';
// R_OK | W_OK | X_OK, the same number on every system.
const modeMax = 7;

/** Whether the engine serves a mode. Node reports invalid ones, as the running version does. */
export function isAccessMode(mode: unknown): mode is number | undefined {
  if (!isServed) return false;
  return (
    mode === undefined ||
    (typeof mode === 'number' && mode >= 0 && mode <= modeMax && (mode | 0) === mode)
  );
}

/** The request of access(). @throws invalid-argument errors of the path */
export function accessRequest(path: unknown, mode: number | undefined): CompleteRequest {
  const { native, shown } = parsePath(path);
  const subject = { syscall: 'access', path: shown };
  return complete(accessToPath(native, mode ?? 0), subject, decodeNothing);
}

/**
 * Checks whether the process may use a file.
 * @param mode bits of fs.constants: R_OK, W_OK, X_OK; default F_OK, which checks that it exists
 * @throws a system error (ENOENT, EACCES, …)
 * @see https://man7.org/linux/man-pages/man2/access.2.html
 * @example
 * await access('data.bin', constants.R_OK);
 */
export function access(path: PathLike, mode?: number): Promise<void> {
  if (!isAccessMode(mode)) return nodePromises.access(path, mode);
  try {
    return getEngine().start<void>(accessRequest(path, mode));
  } catch (error) {
    return Promise.reject(error);
  }
}

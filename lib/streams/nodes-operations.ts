import process from 'node:process';
import { clearTimeout, setTimeout } from '../node/globals.js';
import { nodeFs } from '../node/node-fs.js';

/** The order of a read stream's 'close' and the writes that its consumers have begun. */

interface WithRequests {
  // Other runtimes lack it. process.getActiveResourcesInfo() also lists each open socket.
  _getActiveRequests?(): object[];
}

function isWithFiles(request: object): boolean {
  return request.constructor.name === 'FSReqCallback';
}

/** Whether functions of node:fs that Node itself serves wait for their callbacks. */
function hasFileRequests(): boolean {
  return (process as WithRequests)._getActiveRequests?.().some(isWithFiles) ?? false;
}

// The pool refuses a number that no file has without asking a file system.
const noFile = 2 ** 31 - 1;
// The pool may be stuck, in which case nobody knows when it ends. Many short waits, because on a
// busy machine each of them takes longer, as the pool does.
const waitsMax = 20;
const waitMs = 1;

function passThroughPool(callback: () => void): void {
  nodeFs.fstat(noFile, callback);
}

/**
 * Calls back at once, or after the file operations that Node's thread pool has begun by now, but
 * not much later. Some programs end a copy when its source emits 'close', and lose what is not
 * written by then (stream-composer, which vinyl-fs uses). With node:fs the stream makes two trips
 * through that pool in between, to read the end of the file and to close it. Here it makes none.
 * The file itself is closed before, because its program may remove it next.
 */
export function afterNodesOperations(callback: () => void): void {
  if (!hasFileRequests()) {
    callback();
    return;
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = (): void => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    callback();
  };
  let waits = 0;
  const wait = (): void => {
    waits++;
    timer = setTimeout(waits < waitsMax ? wait : end, waitMs);
  };
  wait();
  passThroughPool(() => passThroughPool(end));
}

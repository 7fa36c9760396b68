import process from 'node:process';
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

// Any file serves, even a closed one. Standard output is never asked for over a network.
function passThroughPool(callback: () => void): void {
  nodeFs.fstat(1, callback);
}

/**
 * Calls back at once, or after the file operations that Node's thread pool has begun by now.
 * Some programs end a copy when its source emits 'close', and lose what is not written by then
 * (stream-composer, which vinyl-fs uses). With node:fs the stream takes two ways through that pool
 * in between, to read the end of the file and to close it, where this package takes none.
 */
export function afterNodesOperations(callback: () => void): void {
  if (hasFileRequests()) passThroughPool(() => passThroughPool(callback));
  else callback();
}

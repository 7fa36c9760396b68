import process from 'node:process';
import { isMainThread } from 'node:worker_threads';

// The program that runs this code: Node or Electron, or a runtime that imitates Node.

const isBun = 'bun' in process.versions;
const isDeno = 'deno' in process.versions;

/** Whether the event loop is libuv's, and node:fs is Node's own code. */
export const isNode = !isBun && !isDeno;

/** Whether node:fs takes descriptors that it has not opened. Deno's takes none of them. */
export const knowsAllDescriptors = !isDeno;

/** Whether this environment ends with the process. Those of Electron's pages end before. */
export const endsWithProcess = isMainThread && !('electron' in process.versions);

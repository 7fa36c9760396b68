import process from 'node:process';

// The program that runs this code: Node or Electron, or a runtime that imitates Node.

const isBun = 'bun' in process.versions;
const isDeno = 'deno' in process.versions;

/** Whether the event loop is libuv's, and node:fs is Node's own code. */
export const isNode = !isBun && !isDeno;

/** Whether node:fs takes descriptors that it has not opened. Deno's takes none of them. */
export const knowsAllDescriptors = !isDeno;

/** Whether this environment ends with the process. Those of Electron's pages end before. */
export function endsWithProcess(): boolean {
  if ('electron' in process.versions) return false;
  // Loading this module takes milliseconds, which a program that never starts the engine is spared.
  return process.getBuiltinModule('node:worker_threads').isMainThread;
}

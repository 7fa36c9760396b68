import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';
import nodeProcess from 'node:process';
import { loadBinding } from '../engine/binding.js';
import { canServe } from '../engine/engine.js';
import { isShortage } from '../engine/shortage.js';
import * as callbacks from '../functions/callbacks.js';
import { promises } from '../functions/promises-object.js';
import { isNode } from '../node/host.js';
import { bindingOf, servesAtFirstWhile, substituteFor } from '../node/layers.js';
import { nodePromises } from '../node/node-fs.js';
import { flushBefore } from './hooks.js';
import { unlessModule } from './module-reads.js';
import { openLikeNode } from './open.js';
import { Replacements } from './replacements.js';
import {
  createReadStream,
  createWriteStream,
  servedReadStream,
  servedWriteStream,
} from './streams.js';
import { registeringWorker } from './workers.js';

let replacements: Replacements | undefined;

const registeredPromises = {
  ...promises,
  open: substituteFor(nodePromises.open, openLikeNode),
  readFile: unlessModule(promises.readFile),
};

// The first call of a function loads the code of the engine, which takes a descriptor. It may also
// fail because the program has changed the language itself.
let hasFailed = false;
servesAtFirstWhile(() => {
  if (hasFailed) return false;
  try {
    return canServe();
  } catch (error) {
    if (isShortage(error)) return false;
    hasFailed = true;
    process.emitWarning(`overlapped does not load, and node:fs serves: ${String(error)}`);
    return false;
  }
});

// Only the permission model and --no-addons prevent a process from loading addons. With either, the
// addon is loaded right away as a test; otherwise the first call loads it.
function mayLoadAddons(): boolean {
  const flags = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)];
  if (!('permission' in process) && !flags.includes('--no-addons')) return true;
  try {
    loadBinding();
    return true;
  } catch {
    return false;
  }
}

// A child may wait for what the program has requested before it, such as a reader of a FIFO, while
// spawnSync() lets the program do nothing else. The native function is wrapped, because loading
// child_process takes several milliseconds.
function wrapSpawnSync(replacements: Replacements): void {
  const binding = isNode ? bindingOf('spawn_sync') : undefined;
  if (binding !== undefined) replacements.wrap(binding, 'spawn', flushBefore);
}

/**
 * Replaces functions of node:fs and node:fs/promises with those of this package, also in worker
 * threads that start later. Importing `overlapped/register` calls it. Functions that another
 * package has already replaced are kept, because it may serve files that exist on no disk. The call
 * does nothing if it was made before, or in a process that may not load addons.
 * @example
 * import { register, unregister } from 'overlapped/fs';
 * register();
 * await fs.promises.readFile('data.bin'); // runs on the engine
 * unregister();
 */
export function register(): void {
  if (replacements !== undefined || !mayLoadAddons()) return;
  replacements = new Replacements();
  replacements.serve(fs.promises, registeredPromises);
  replacements.serve(fs, { ...callbacks, createReadStream, createWriteStream });
  for (const kind of ['', 'File']) {
    replacements.serveLater(fs, `${kind}ReadStream`, servedReadStream);
    replacements.serveLater(fs, `${kind}WriteStream`, servedWriteStream);
  }
  // Another package's functions close descriptors, too.
  const { close, closeSync } = callbacks;
  if (fs.close !== close) replacements.wrap(fs, 'close', flushBefore);
  if (fs.closeSync !== closeSync) replacements.wrap(fs, 'closeSync', flushBefore);
  replacements.wrap(nodeProcess, 'umask', flushBefore);
  wrapSpawnSync(replacements);
  // A static import would load it even in programs that only import `overlapped/fs`.
  const workerThreads = process.getBuiltinModule('node:worker_threads');
  replacements.wrap(workerThreads, 'Worker', registeringWorker);
  syncBuiltinESMExports();
}

/**
 * Restores Node's functions in node:fs and node:fs/promises. A function that another package, such
 * as graceful-fs, has wrapped around one of ours is kept and still calls ours.
 * @returns the names of the functions that were kept
 * @example
 * const kept = unregister();
 */
export function unregister(): string[] {
  if (replacements === undefined) return [];
  const kept = replacements.takeBack();
  replacements = undefined;
  syncBuiltinESMExports();
  return kept;
}

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import nodeProcess from 'node:process';
import { loadBinding } from '../engine/binding.js';
import * as callbacks from '../functions/callbacks.js';
import { promises } from '../functions/promises-object.js';
import {
  createReadStream,
  createWriteStream,
  ReadStream,
  WriteStream,
} from '../streams/file-streams.js';
import { flushBefore } from './hooks.js';
import { registeredOpen } from './open.js';
import { Replacements } from './replacements.js';
import { registeringWorker } from './workers.js';

let replacements: Replacements | undefined;

// Only the permission model and --no-addons keep a process from loading addons. There the addon is
// tried at once; elsewhere the first call loads it.
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

/**
 * Puts the functions of this package into node:fs and node:fs/promises, and makes worker threads
 * that start from now on do the same. Importing `overlapped/register` calls it. Functions that
 * another package has replaced before stay, since it may serve files that no disk has. Calling it
 * again changes nothing, nor does calling it in a process that may not load addons.
 * @example
 *   import { register, unregister } from 'overlapped/fs';
 *   register();
 *   await fs.promises.readFile('data.bin'); // runs on the engine
 *   unregister();
 */
export function register(): void {
  if (replacements !== undefined || !mayLoadAddons()) return;
  replacements = new Replacements();
  const { close: _close, closeSync: _closeSync, ...served } = callbacks;
  replacements.serve(fs.promises, { ...promises, open: registeredOpen });
  replacements.serve(fs, {
    ...served,
    createReadStream,
    createWriteStream,
    ReadStream,
    WriteStream,
    FileReadStream: ReadStream,
    FileWriteStream: WriteStream,
  });
  for (const name of ['close', 'closeSync']) replacements.wrap(fs, name, flushBefore);
  replacements.wrap(nodeProcess, 'umask', flushBefore);
  // An import would load it in programs that only import `overlapped/fs`, too.
  const workerThreads = process.getBuiltinModule('node:worker_threads');
  replacements.wrap(workerThreads, 'Worker', registeringWorker);
  syncBuiltinESMExports();
}

/**
 * Takes the functions of this package out of node:fs again. A function that another package has
 * put over one of ours, as graceful-fs does, stays and still calls ours.
 * @returns the names of those functions
 */
export function unregister(): string[] {
  if (replacements === undefined) return [];
  const kept = replacements.takeBack();
  replacements = undefined;
  syncBuiltinESMExports();
  return kept;
}

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import workerThreads from 'node:worker_threads';
import * as callbacks from './functions/callbacks.js';
import promises from './promises.js';
import { registeredOpen } from './register/open.js';
import { Replacements } from './register/replacements.js';
import { requiringWorker } from './register/workers.js';
import {
  createReadStream,
  createWriteStream,
  ReadStream,
  WriteStream,
} from './streams/file-streams.js';

// Puts the functions of this package into node:fs for a whole program: `node --import
// overlapped/register app.js`, --require, import or require. docs/api/register.md lists what is
// replaced.

let replacements: Replacements | undefined;

/**
 * Puts the functions of this package into node:fs and node:fs/promises, and sees to it that worker
 * threads that are made from now on do the same. Importing this module calls it. Calls beyond the
 * first change nothing.
 */
export function register(): void {
  if (replacements !== undefined) return;
  replacements = new Replacements();
  replacements.put(fs.promises, { ...promises, open: registeredOpen });
  replacements.put(fs, {
    ...callbacks,
    createReadStream,
    createWriteStream,
    ReadStream,
    WriteStream,
    FileReadStream: ReadStream,
    FileWriteStream: WriteStream,
  });
  replacements.put(workerThreads, {
    Worker: requiringWorker(workerThreads.Worker, import.meta.url),
  });
  syncBuiltinESMExports();
}

/**
 * Takes it back: the functions that were there are there again. What others have put into the place
 * of ours meanwhile, as graceful-fs does, stays, and goes on calling ours.
 * @returns the names of those
 */
export function unregister(): string[] {
  if (replacements === undefined) return [];
  const kept = replacements.takeBack();
  replacements = undefined;
  syncBuiltinESMExports();
  return kept;
}

register();

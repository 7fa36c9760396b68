import type * as fs from 'node:fs';
import process from 'node:process';
import { flushEngine, hasStarted } from '../engine/started.js';
import { substituteFor } from '../node/layers.js';
import { likeNode } from '../node/like-node.js';
import { nodeFs } from '../node/node-fs.js';
import { readOfNumber, readvOfNumber } from './descriptor-callbacks.js';
import {
  accessByCallback,
  closeByCallback,
  fstatByCallback,
  openByCallback,
} from './in-place-callbacks.js';
import {
  appendFileByCallback,
  lstatByCallback,
  readdirByCallback,
  readFileByCallback,
  renameByCallback,
  rmByCallback,
  statByCallback,
  unlinkByCallback,
  writeFileByCallback,
} from './path-callbacks.js';
import { removalUses, writeUses } from './uses.js';

// The callback functions that the engine serves. `overlapped/register` loads this module at once,
// and the modules with their bodies when one of them is first called.

const isWindows = process.platform === 'win32';

// Before the engine has started there are no reads to submit.
function closeAfterReads(...given: Parameters<typeof fs.close>): void {
  Reflect.apply(hasStarted() ? closeByCallback : nodeFs.close, nodeFs, given);
}

function closeSyncAfterReads(...given: Parameters<typeof fs.closeSync>): void {
  flushEngine();
  Reflect.apply(nodeFs.closeSync, nodeFs, given);
}

/**
 * fs.readFile() of a path or a descriptor, served by the engine.
 * https://nodejs.org/api/fs.html#fsreadfilepath-options-callback
 */
export const readFile = substituteFor<typeof fs.readFile>(nodeFs.readFile, readFileByCallback);
/** fs.writeFile(). The engine serves paths; Node serves descriptors and `flush`. */
export const writeFile = substituteFor<typeof fs.writeFile>(
  nodeFs.writeFile,
  writeFileByCallback,
  writeUses,
);
/** fs.appendFile(). The engine serves paths; Node serves descriptors and `flush`. */
export const appendFile = substituteFor<typeof fs.appendFile>(
  nodeFs.appendFile,
  appendFileByCallback,
  ['writeFile', ...writeUses],
);
/** fs.stat(), served by the engine. */
export const stat = substituteFor<typeof fs.stat>(nodeFs.stat, statByCallback);
/** fs.lstat(), served by the engine. */
export const lstat = substituteFor<typeof fs.lstat>(nodeFs.lstat, lstatByCallback);
/** fs.readdir(), served by the engine. */
export const readdir = substituteFor<typeof fs.readdir>(nodeFs.readdir, readdirByCallback);
/** fs.rm(), served by the engine. */
export const rm = substituteFor<typeof fs.rm>(nodeFs.rm, rmByCallback, removalUses);
/** fs.read(); the engine serves reads at a position. */
export const read = substituteFor<typeof fs.read>(nodeFs.read, readOfNumber);
/** fs.readv(); the engine serves reads at a position. */
export const readv = substituteFor<typeof fs.readv>(nodeFs.readv, readvOfNumber);
/** fs.open(). The engine opens local files for reading if their paths are cached. */
export const open = substituteFor<typeof fs.open>(nodeFs.open, openByCallback);
/** fs.fstat(). The engine serves local files. */
export const fstat = substituteFor<typeof fs.fstat>(nodeFs.fstat, fstatByCallback);
/** fs.access(), served by the engine. */
export const access = substituteFor<typeof fs.access>(nodeFs.access, accessByCallback);
/**
 * fs.close(). It submits reads that were requested earlier in this turn first. The engine closes
 * local files that were only read.
 */
export const close = likeNode(closeAfterReads, nodeFs.close) as unknown as typeof fs.close;
/** fs.closeSync(). It submits reads that were requested earlier in this turn first. */
export const closeSync = likeNode(closeSyncAfterReads, nodeFs.closeSync) as typeof fs.closeSync;
/** fs.rename(). On Windows it waits up to 2 s for other programs that hold a file. */
export const rename = isWindows
  ? (likeNode(renameByCallback, nodeFs.rename) as typeof fs.rename)
  : nodeFs.rename;
/** fs.unlink(). On Windows it waits up to 2 s for other programs that hold the file. */
export const unlink = isWindows
  ? (likeNode(unlinkByCallback, nodeFs.unlink) as typeof fs.unlink)
  : nodeFs.unlink;

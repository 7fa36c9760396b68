import { hasStarted } from '../engine/started.js';
import { likeNode } from '../node/like-node.js';
import { nodePromises } from '../node/node-fs.js';
import { isCalledFrom } from '../node/own-frames.js';

// In some versions of Node, the loader of ES modules reads them by fs.promises.readFile(). Starting
// the engine takes as long as reading a hundred modules without it, so Node reads the first ones.

type AnyFunction = (...given: never[]) => unknown;

const modulesMax = 64;
const loader = 'node:internal/modules/esm/';
let modules = 0;

function isReadOfLoader(given: readonly unknown[]): boolean {
  if (hasStarted() || modules === modulesMax || given.length !== 1) return false;
  // The URL of a module; other arguments need no look at the caller.
  const { protocol } = (given[0] ?? {}) as { protocol?: unknown };
  if (protocol !== 'file:' || !isCalledFrom(loader, readUnlessModule)) return false;
  modules += 1;
  return true;
}

let readFile: AnyFunction;

function readUnlessModule(...given: never[]): unknown {
  return Reflect.apply(isReadOfLoader(given) ? nodePromises.readFile : readFile, undefined, given);
}

/** Lets Node read the first modules. @param ours this package's readFile() */
export function unlessModule(ours: AnyFunction): unknown {
  readFile = ours;
  return likeNode(readUnlessModule, nodePromises.readFile);
}

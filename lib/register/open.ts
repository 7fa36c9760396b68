import { devNull } from 'node:os';
import { ExtendedHandle } from '../file-handle/extended-handle.js';
import { open } from '../functions/open.js';
import { isOpenOptions } from '../handle/open-options.js';
import { inPlaceOf } from '../node/layers.js';
import { nodePromises } from '../node/node-fs.js';
import type { PathLike } from '../node/paths.js';
import { inheritMethods } from './node-methods.js';

let linking: Promise<void> | undefined;

// Node's class FileHandle is not public, so a handle of it is opened first. Without a descriptor,
// or without permission, the next open() tries again: handles that exist by then are linked too.
async function linkToNodes(): Promise<void> {
  try {
    const handle = await nodePromises.open(devNull);
    const { prototype } = ExtendedHandle;
    const nodes: object = Object.getPrototypeOf(handle);
    inheritMethods(handle);
    await handle.close();
    // Both classes extend EventEmitter.
    if (!Object.prototype.isPrototypeOf.call(prototype, nodes)) {
      Object.setPrototypeOf(prototype, nodes);
    }
  } catch {
    linking = undefined;
  }
}

async function openLikeNode(
  path: PathLike,
  flags?: string | number | null,
  modeOrOptions?: Parameters<typeof open>[2],
): Promise<unknown> {
  linking ??= linkToNodes();
  await linking;
  // Node refuses an object as the mode, and says so in its own words.
  if (typeof modeOrOptions === 'object' && modeOrOptions && !isOpenOptions(modeOrOptions)) {
    return nodePromises.open(path, flags as string, modeOrOptions as never);
  }
  return open(path, flags, modeOrOptions);
}

/**
 * open() in place of Node's: its handles are also instances of Node's own class FileHandle, which
 * Node's modules look for, as http2's respondWithFD() does.
 */
export const registeredOpen = inPlaceOf(nodePromises.open, openLikeNode);

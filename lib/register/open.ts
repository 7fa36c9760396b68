import { devNull } from 'node:os';
import { ExtendedHandle } from '../file-handle/extended-handle.js';
import { open } from '../functions/open.js';
import { isOpenOptions } from '../handle/open-options.js';
import { nodePromises } from '../node/node-fs.js';
import type { PathLike } from '../node/paths.js';
import { inheritMethods } from './node-methods.js';
import { makeTransferable } from './transferable.js';

let linking: Promise<void> | undefined;
let isLinked = false;

// Node's class FileHandle is not public, so a handle is opened to get it. If that fails for lack of
// a descriptor or of permission, the next open() tries again; existing handles are then linked too.
async function linkToNodes(): Promise<void> {
  try {
    const handle = await nodePromises.open(devNull);
    const { prototype } = ExtendedHandle;
    const nodes: object = Object.getPrototypeOf(handle);
    inheritMethods(handle);
    makeTransferable(handle);
    await handle.close();
    // Both classes extend EventEmitter. Node's constructor makes an object transferable.
    if (!Object.prototype.isPrototypeOf.call(prototype, nodes)) {
      Object.setPrototypeOf(prototype, nodes);
      Object.setPrototypeOf(ExtendedHandle, nodes.constructor);
    }
    isLinked = true;
  } catch {
    linking = undefined;
  }
}

type Flags = string | number | null | undefined;
type ModeOrOptions = Parameters<typeof open>[2];

/**
 * The replacement of Node's open(). Its handles are also instances of Node's own class FileHandle,
 * which Node's modules check for, for example in respondWithFD() of http2.
 */
export function openLikeNode(
  path: PathLike,
  flags: Flags,
  modeOrOptions: ModeOrOptions,
): Promise<unknown> {
  return isLinked ? openLinked(path, flags, modeOrOptions) : openFirst(path, flags, modeOrOptions);
}

async function openFirst(
  path: PathLike,
  flags: Flags,
  modeOrOptions: ModeOrOptions,
): Promise<unknown> {
  linking ??= linkToNodes();
  await linking;
  return openLinked(path, flags, modeOrOptions);
}

function openLinked(path: PathLike, flags: Flags, modeOrOptions: ModeOrOptions): Promise<unknown> {
  // Node rejects an object as the mode with its own message.
  if (typeof modeOrOptions === 'object' && modeOrOptions && !isOpenOptions(modeOrOptions)) {
    return nodePromises.open(path, flags as string, modeOrOptions as never);
  }
  return open(path, flags, modeOrOptions);
}

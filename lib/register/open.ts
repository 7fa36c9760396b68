import { devNull } from 'node:os';
import { FileHandle } from '../file-handle/file-handle.js';
import { open } from '../functions/open.js';
import { isOpenOptions } from '../handle/open-options.js';
import { likeNode } from '../node/like-node.js';
import { nodePromises } from '../node/node-fs.js';
import type { PathLike } from '../node/paths.js';

let linking: Promise<void> | undefined;

// Node shows its class FileHandle to nobody, so a handle of it has to be had first.
async function linkToNodes(): Promise<void> {
  const handle = await nodePromises.open(devNull);
  const { prototype } = FileHandle;
  const nodes: object = Object.getPrototypeOf(handle);
  await handle.close();
  // Node's class and ours stand on EventEmitter both.
  if (nodes !== prototype) Object.setPrototypeOf(prototype, nodes);
}

async function openLikeNode(
  path: PathLike,
  flags?: string | number | null,
  modeOrOptions?: Parameters<typeof open>[2],
): Promise<unknown> {
  linking ??= linkToNodes();
  await linking;
  // What has none of our options in it is a mistake to Node, which says so.
  if (typeof modeOrOptions === 'object' && modeOrOptions && !isOpenOptions(modeOrOptions)) {
    return nodePromises.open(path, flags as string, modeOrOptions as never);
  }
  return open(path, flags, modeOrOptions);
}

/**
 * open() in the place of Node's: its handles are also instances of Node's own class FileHandle,
 * which Node's modules look for, as http2's respondWithFD() does.
 */
export const registeredOpen = likeNode(openLikeNode, nodePromises.open);

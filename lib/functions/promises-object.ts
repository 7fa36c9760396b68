import { substituteFor } from '../node/layers.js';
import { likeNode } from '../node/like-node.js';
import { nodePromises } from '../node/node-fs.js';
import { access } from './access.js';
import { copyFile } from './copy-path.js';
import * as delegated from './delegated.js';
import { appendFile, readFile, writeFile } from './file-content.js';
import { glob } from './glob.js';
import { open, truncate } from './open.js';
import { readdir } from './read-directory.js';
import { rm } from './remove.js';
import { lstat, stat } from './status.js';
import { mkdtempDisposable } from './temporary-directory.js';
import { removalUses } from './uses.js';

const onEngine = {
  access,
  appendFile,
  copyFile,
  lstat,
  mkdtempDisposable,
  open,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
};
const others = { ...delegated, glob };

type Named<T> = [keyof typeof nodePromises, T][];

for (const [name, served] of Object.entries(others) as Named<object>) {
  if (served !== nodePromises[name]) likeNode(served, nodePromises[name]);
}

const inPlace = Object.fromEntries(
  (Object.entries(onEngine) as Named<(...given: never[]) => unknown>).map(([name, served]) => [
    name,
    substituteFor(nodePromises[name], served, name === 'rm' ? removalUses : []),
  ]),
) as typeof onEngine;

/**
 * The functions of node:fs/promises as an object, for code that expects one. While a layer such as
 * mock-fs sits below node:fs, calls go to Node's own functions.
 */
export const promises = { ...others, ...inPlace };

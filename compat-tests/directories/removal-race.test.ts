// rm() while another program replaces the folder with a link.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'vitest';
import { rm } from '../../lib/index.js';
import { isWindows, temporaryFolder, testWhere } from '../helpers.js';

const names = Array.from({ length: 200 }, (_, i) => `folder-${i}`);

function makeTree(top: string): void {
  for (const name of names) {
    fs.mkdirSync(path.join(top, name), { recursive: true });
    fs.writeFileSync(path.join(top, name, 'file'), name);
  }
}

/**
 * Moves a folder away as soon as its removal has begun. Returns whether it did: on a busy machine
 * the removal may have ended by then.
 */
async function moveAway(folder: string, to: string): Promise<boolean> {
  try {
    while (fs.readdirSync(folder).length === names.length) await turn();
    fs.renameSync(folder, to);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOENT' });
    return false;
  }
}

// Windows refuses to rename a folder while something below it is open.
testWhere(!isWindows, 'Windows renames no such folder')(
  'rm() never removes what a link leads to that replaces the folder meanwhile',
  async () => {
    const folder = temporaryFolder();
    const [removed, kept] = [path.join(folder, 'removed'), path.join(folder, 'kept')];
    makeTree(kept);
    for (let isReplaced = false; !isReplaced; ) {
      makeTree(removed);
      const removal = rm(removed, { recursive: true }).catch(() => {});
      isReplaced = await moveAway(removed, path.join(folder, 'away'));
      if (isReplaced) fs.symlinkSync(kept, removed);
      await removal;
    }
    const files = names.filter((name) => fs.existsSync(path.join(kept, name, 'file')));
    expect(files).toEqual(names);
  },
);

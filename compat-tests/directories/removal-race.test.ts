// rm() while another program replaces the folder with a link.
import * as fs from 'node:fs';
import * as path from 'node:path';
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

// Windows refuses to rename a folder while something below it is open.
testWhere(!isWindows, 'Windows renames no such folder')(
  'rm() never removes what a link leads to that replaces the folder meanwhile',
  async () => {
    const folder = temporaryFolder();
    const [removed, kept] = [path.join(folder, 'removed'), path.join(folder, 'kept')];
    makeTree(removed);
    makeTree(kept);
    const removal = rm(removed, { recursive: true }).catch(() => {});
    const isBegun = (): boolean => fs.readdirSync(removed).length < names.length;
    while (!isBegun()) await new Promise((resolve) => setImmediate(resolve));
    fs.renameSync(removed, path.join(folder, 'away'));
    fs.symlinkSync(kept, removed);
    await removal;
    const files = names.filter((name) => fs.existsSync(path.join(kept, name, 'file')));
    expect(files).toEqual(names);
  },
);

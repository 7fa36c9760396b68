// Links that another user makes at the end of a destination, in a folder such as /tmp.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { type CopyOptions, clean, copy, copyTree, mirror, verify } from '../../lib/index.js';
import { isLinux, isWindows, rejection, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf, namesIn } from './trees.js';

const isRoot = process.geteuid?.() === 0;
const asRoot = testWhere(isLinux && isRoot, 'only the superuser can act for another user', {
  mustRun: false,
});
const hostile = 2004;

interface Place {
  /** A folder where everybody may make files, as /tmp. */
  shared: string;
  /** A folder of root. */
  own: string;
  victim: string;
}

function makePlace(): Place {
  const base = temporaryFolder();
  fs.chmodSync(base, 0o755);
  const [shared, own] = [path.join(base, 'shared'), path.join(base, 'own')];
  fs.mkdirSync(shared);
  fs.chmodSync(shared, 0o1777);
  fs.mkdirSync(own);
  const victim = path.join(own, 'victim');
  fs.writeFileSync(victim, 'root');
  return { shared, own, victim };
}

/** Makes a link that belongs to a user. */
function plant(link: string, target: string, uid: number): string {
  fs.symlinkSync(target, link);
  fs.lchownSync(link, uid, uid);
  return link;
}

asRoot('no copy to a file follows a link of another user in a sticky folder', async () => {
  const { shared, own, victim } = makePlace();
  const source = path.join(folderOf({ a: 'new' }), 'a');
  const targets = [victim, '../own/victim', path.join(own, 'missing')];
  const ways: CopyOptions[] = [{}, { atomic: false }, { resume: true }, { dryRun: true }];
  for (const [index, target] of targets.entries()) {
    const link = plant(path.join(shared, `link${index}`), target, hostile);
    for (const options of ways) {
      expect(await rejection(copy(source, link, options))).toMatchObject({ code: 'EACCES' });
    }
    const ofStream = rejection(copy(Readable.from([Buffer.from('new')]), link));
    expect(await ofStream).toMatchObject({ code: 'EACCES' });
  }
  expect(fs.readFileSync(victim, 'utf8')).toBe('root');
  expect(namesIn(own)).toEqual(['victim']);
});

asRoot(
  'links of the caller, of the owner of the folder and in other folders are followed',
  async () => {
    const { shared, own, victim } = makePlace();
    const source = path.join(folderOf({ a: 'new' }), 'a');
    const chain = plant(path.join(own, 'chain'), 'victim', hostile);
    const links = [chain, plant(path.join(shared, 'mine'), '../own/chain', 0)];
    fs.chownSync(shared, hostile, hostile);
    links.push(plant(path.join(shared, 'theirs'), victim, hostile));
    for (const link of links) {
      fs.writeFileSync(victim, 'root');
      await copy(source, link);
      expect(fs.readFileSync(victim, 'utf8')).toBe('new');
      expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
    }
  },
);

asRoot('no copy of a tree, and no cleaning, begins at a planted link', async () => {
  const { shared, own } = makePlace();
  const source = folderOf({ a: 'new' });
  const link = plant(path.join(shared, 'link'), own, hostile);
  for (const at of [link, `${link}/`]) {
    expect(await rejection(mirror(`${source}/`, at))).toMatchObject({ code: 'EACCES' });
    expect(await rejection(clean(at))).toMatchObject({ code: 'EACCES' });
  }
  expect(namesIn(own)).toEqual(['victim']);
  const mine = plant(path.join(shared, 'mine'), own, 0);
  await mirror(`${source}/`, `${mine}/`);
  expect(namesIn(own)).toEqual(['a']);
});

asRoot('a comparison reads through a planted link, since it changes nothing', async () => {
  const { shared, own } = makePlace();
  const source = folderOf({ victim: 'root' });
  const link = plant(path.join(shared, 'link'), own, hostile);
  expect(await verify(source, link)).toMatchObject({ equal: true });
});

asRoot('the path of a refused link is shown as text', async () => {
  const { shared, own } = makePlace();
  const link = plant(path.join(shared, 'größe'), own, hostile);
  expect(await rejection(mirror(folderOf({ a: 'new' }), link))).toMatchObject({ path: link });
});

testWhere(!isWindows, 'links of Windows need a right')(
  'a tree is copied through links to folders of any kind',
  async () => {
    const source = folderOf({ a: 'new' });
    for (const target of ['.', '..', '../', 'x/..', './x/../']) {
      const base = temporaryFolder();
      fs.mkdirSync(path.join(base, 'in', 'x'), { recursive: true });
      const link = path.join(base, 'in', 'link');
      fs.symlinkSync(target, link);
      await copyTree(`${source}/`, `${link}/`);
      expect(fs.readFileSync(path.join(link, 'a'), 'utf8')).toBe('new');
    }
  },
);

testWhere(isLinux, 'only Linux has these links')(
  'the links of /proc lead to open files',
  async () => {
    const { own } = makePlace();
    const source = folderOf({ a: 'new' });
    const descriptor = fs.openSync(own, 'r');
    await copyTree(`${source}/`, `/proc/self/fd/${descriptor}`);
    fs.closeSync(descriptor);
    expect(namesIn(own)).toEqual(['a', 'victim']);
    const deleted = path.join(own, 'deleted');
    const file = fs.openSync(deleted, 'w');
    fs.unlinkSync(deleted);
    const link = `/proc/self/fd/${file}`;
    expect(await rejection(copy(path.join(source, 'a'), link))).toMatchObject({ code: 'ENOENT' });
    fs.closeSync(file);
    expect(namesIn(own)).toEqual(['a', 'victim']);
  },
);

asRoot('a link that goes in a circle is ELOOP', async () => {
  const { own } = makePlace();
  const source = folderOf({ a: 'new' });
  const link = plant(path.join(own, 'circle'), 'circle', 0);
  for (const from of [source, path.join(source, 'a')]) {
    expect(await rejection(copy(from, link))).toMatchObject({ code: 'ELOOP' });
  }
});

// Exchanges a file of the user for a link and back, as fast as possible.
const exchange = `
  const fs = require('fs');
  const [file, victim] = process.argv.slice(1);
  let stop = false;
  process.stdin.on('end', () => { stop = true; }).resume();
  process.stdout.write('ready');
  (function round() {
    for (let i = 0; i < 50; i++) {
      for (const make of [() => fs.symlinkSync(victim, file), () => fs.writeFileSync(file, 'x')]) {
        try { make(); } catch {}
        try { fs.unlinkSync(file); } catch {}
      }
    }
    if (!stop) setImmediate(round);
  })();
`;

asRoot('a file that is exchanged for a link does not redirect a copy', async () => {
  const { shared, victim } = makePlace();
  const source = path.join(folderOf({ a: 'new' }), 'a');
  const file = path.join(shared, 'file');
  const child = spawn(process.execPath, ['-e', exchange, file, victim], {
    uid: hostile,
    gid: hostile,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [ready, closed] = [once(child.stdout, 'data'), once(child, 'close')];
  await ready;
  for (let round = 0; round < 100; round++) {
    // Some rounds are refused, and others replace the file.
    await copy(source, file, { atomic: round % 2 === 0 }).catch(() => {});
    // Only the owner of a file may exchange it in a sticky folder.
    fs.rmSync(file, { force: true });
  }
  child.stdin.end();
  await closed;
  expect(fs.readFileSync(victim, 'utf8')).toBe('root');
});

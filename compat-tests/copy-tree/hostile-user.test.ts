// Attacks by another user who owns a part of the trees, or a folder that copies go to.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { copy, copyTree } from '../../lib/index.js';
import { isLinux, isWindows, rejection, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf, newPlace } from './trees.js';

const isRoot = process.geteuid?.() === 0;
const asRoot = testWhere(isLinux && isRoot, 'only the superuser can act for another user', {
  mustRun: false,
});

const hostile = 2004;
const group = 2003;

/** Creates a folder that other users may enter. */
function openFolder(): string {
  const folder = temporaryFolder();
  fs.chmodSync(folder, 0o755);
  return folder;
}

function makeFolder(folder: string, uid: number, mode = 0o755): void {
  fs.mkdirSync(folder, { recursive: true });
  fs.chmodSync(folder, mode);
  fs.chownSync(folder, uid, uid);
}

function put(file: string, content: string, uid: number, mode = 0o644): void {
  fs.writeFileSync(file, content);
  fs.chmodSync(file, mode);
  fs.chownSync(file, uid, uid);
}

/** Starts a program of the hostile user. It prints `ready`, and ends when its stdin is closed. */
function spawnHostile(code: string, args: readonly string[]) {
  const child = spawn(process.execPath, ['-e', code, ...args], {
    uid: hostile,
    gid: hostile,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return { child, ready: once(child.stdout, 'data'), closed: once(child, 'close') };
}

// Exchanges a folder for a link and back, as fast as possible.
const exchange = `
  const fs = require('fs');
  const [folder, elsewhere] = process.argv.slice(1);
  let stop = false;
  process.stdin.on('end', () => { stop = true; }).resume();
  process.stdout.write('ready');
  (function round() {
    for (let i = 0; i < 50; i++) {
      try { fs.renameSync(folder, folder + '.was'); fs.symlinkSync(elsewhere, folder); } catch {}
      try { fs.unlinkSync(folder); } catch {}
      try { fs.renameSync(folder + '.was', folder); } catch {}
    }
    if (!stop) setImmediate(round);
  })();
`;

asRoot(
  'a folder that becomes a link does not redirect a mirror out of the destination',
  async () => {
    const base = openFolder();
    const [victim, source, to] = ['victim', 'source', 'to'].map((name) =>
      path.join(base, name),
    ) as [string, string, string];
    makeFolder(victim, 0);
    for (const name of ['passwd', 'shadow', 'sudoers']) {
      put(path.join(victim, name), 'root', 0, 0o600);
    }
    for (const folder of [source, to]) makeFolder(folder, hostile);
    for (const folder of [source, to]) makeFolder(path.join(folder, 'sub'), hostile);
    put(path.join(source, 'sub', 'planted'), 'planted', hostile, 0o666);
    const { child, ready, closed } = spawnHostile(exchange, [path.join(to, 'sub'), victim]);
    await ready;
    for (let round = 0; round < 30; round++) {
      // The source lacks these names, so they are deleted; this one gets another mode and owner.
      for (const name of ['passwd', 'sudoers']) {
        await fs.promises
          .writeFile(path.join(to, 'sub', name), 'extra', { flag: 'wx' })
          .catch(() => {});
      }
      put(path.join(source, 'sub', 'shadow'), 'abc', hostile, round % 2 ? 0o666 : 0o644);
      await copyTree(source, to, { delete: true }).catch(() => {});
      await copyTree(path.join(to), path.join(base, `back-${round % 2}`)).catch(() => {});
    }
    child.stdin.end();
    await closed;
    expect(fs.readdirSync(victim).sort()).toEqual(['passwd', 'shadow', 'sudoers']);
    for (const name of fs.readdirSync(victim)) {
      const { uid, mode } = fs.statSync(path.join(victim, name));
      expect([name, uid, mode & 0o777]).toEqual([name, 0, 0o600]);
      expect(fs.readFileSync(path.join(victim, name), 'utf8')).toBe('root');
    }
    for (const name of ['back-0', 'back-1']) {
      const folder = path.join(base, name, 'sub');
      const copied = path.join(folder, 'shadow');
      // If the last copy met the link, it has made a link to the same place.
      if (fs.lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) continue;
      if (fs.existsSync(copied)) expect(fs.readFileSync(copied, 'utf8')).not.toBe('root');
    }
    expect(fs.statSync(victim).uid).toBe(0);
  },
);

// Opens every file that it can, and prints its name.
const spy = `
  const fs = require('fs');
  const [folder] = process.argv.slice(1);
  let stop = false;
  const got = new Set();
  process.stdin.on('end', () => { stop = true; }).resume();
  process.stdout.write('ready\\n');
  (function round() {
    let names = [];
    try { names = fs.readdirSync(folder, { recursive: true }); } catch {}
    for (const name of names) {
      try {
        const fd = fs.openSync(folder + '/' + name, 'r');
        if (fs.fstatSync(fd).isFile()) got.add(name);
        fs.closeSync(fd);
      } catch {}
    }
    if (!stop) setImmediate(round);
    else process.stdout.write(JSON.stringify([...got]));
  })();
`;

asRoot('a copy is never readable by a user who may not read its source', async () => {
  const base = openFolder();
  const source = path.join(base, 'source');
  const to = path.join(base, 'to');
  makeFolder(source, 0);
  for (let i = 0; i < 50; i++) put(path.join(source, `small-${i}`), 's'.repeat(2000), 2001, 0o640);
  put(path.join(source, 'large'), 'l'.repeat(4 << 20), 2001, 0o640);
  // New files in it belong to a group that the user is in, as in a shared folder.
  fs.mkdirSync(to);
  fs.chownSync(to, 0, group);
  fs.chmodSync(to, 0o2755);
  const child = spawn(process.execPath, ['-e', spy, to], {
    uid: hostile,
    gid: group,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await once(child.stdout, 'data');
  for (let round = 0; round < 5; round++) {
    await copyTree(source, path.join(to, `tree-${round}`));
    await copyTree(source, path.join(to, `tree-${round}`), {
      metadata: { owner: true, mode: true },
    });
    await copy(path.join(source, 'large'), path.join(to, `file-${round}`), { metadata: true });
  }
  child.stdin.end();
  await once(child, 'close');
  expect(output).toBe('ready\n[]');
});

asRoot('new folders are closed to others until they have their owner', async () => {
  const base = openFolder();
  const source = path.join(base, 'source');
  makeFolder(source, 2001, 0o700);
  makeFolder(path.join(source, 'sub'), 2001, 0o700);
  put(path.join(source, 'sub', 'file'), 'x', 2001);
  const modes = new Set<number>();
  const to = path.join(base, 'to');
  await copyTree(source, to, {
    onProgress: () => {
      for (const folder of [to, path.join(to, 'sub')]) {
        if (fs.existsSync(folder)) modes.add(fs.statSync(folder).mode & 0o777);
      }
    },
  });
  expect([...modes]).toEqual([0o700]);
  const { uid, mode } = fs.statSync(path.join(to, 'sub'));
  expect([uid, mode & 0o777]).toEqual([2001, 0o700]);
});

// Replaces a new folder with one of its own.
const replace = `
  const fs = require('fs');
  const [folder] = process.argv.slice(1);
  let stop = false;
  process.stdin.on('end', () => { stop = true; }).resume();
  process.stdout.write('ready');
  (function round() {
    for (let i = 0; i < 50; i++) {
      try {
        if (fs.statSync(folder).uid === 0) {
          fs.renameSync(folder, folder + '.' + Math.random());
          fs.mkdirSync(folder, 0o777);
        }
      } catch {}
    }
    if (!stop) setImmediate(round);
  })();
`;

asRoot(
  'nothing is copied into a folder that another user puts in the place of a new one',
  async () => {
    const base = openFolder();
    const [source, to] = [path.join(base, 'source'), path.join(base, 'to')];
    makeFolder(source, 0);
    makeFolder(path.join(source, 'private'), 0, 0o700);
    for (let i = 0; i < 200; i++) put(path.join(source, 'private', `${i}`), 'secret', 0, 0o644);
    const { child, ready, closed } = spawnHostile(replace, [path.join(to, 'private')]);
    await ready;
    for (let round = 0; round < 10; round++) {
      // It cannot be removed, because the hostile user makes entries meanwhile.
      if (round > 0) fs.renameSync(to, `${to}.${round}`);
      makeFolder(to, hostile);
      await copyTree(source, to, { metadata: { times: true } });
      const there = fs.statSync(path.join(to, 'private'), { throwIfNoEntry: false });
      if (there?.uid === hostile) expect(fs.readdirSync(path.join(to, 'private'))).toEqual([]);
    }
    child.stdin.end();
    await closed;
  },
);

for (const atomic of [true, false]) {
  asRoot(`no content of another user gets a foreign owner or set-ID bits, ${atomic}`, async () => {
    const base = openFolder();
    const [source, to] = [path.join(base, 'source'), path.join(base, 'to')];
    makeFolder(source, 0);
    makeFolder(to, hostile);
    const large = 1 << 20;
    const right = { tool: 'right', plain: 'right', group: 'right', big: 'r'.repeat(large) };
    for (const [name, content] of Object.entries(right)) {
      put(path.join(source, name), content, 0, 0o755);
      put(path.join(to, name), content.replaceAll('r', 'X'), hostile, 0o755);
    }
    fs.chmodSync(path.join(source, 'tool'), 0o4755);
    fs.chmodSync(path.join(source, 'big'), 0o4755);
    // It belongs to the hostile user, but the group does not.
    fs.chownSync(path.join(source, 'group'), hostile, 42);
    fs.chmodSync(path.join(source, 'group'), 0o2755);
    fs.linkSync(path.join(source, 'tool'), path.join(source, 'tool2'));
    fs.linkSync(path.join(to, 'tool'), path.join(to, 'tool2'));
    for (const folder of [source, to]) {
      for (const name of fs.readdirSync(folder)) {
        fs.utimesSync(path.join(folder, name), 1_500_000_000, 1_500_000_000);
      }
    }
    const held = fs.openSync(path.join(to, 'big'), 'r+');
    const report = await copyTree(source, to, { atomic });
    fs.writeSync(held, 'hostile', 0);
    fs.closeSync(held);
    expect(report).toMatchObject({ files: 4, hardLinks: 1, errors: [] });
    for (const name of fs.readdirSync(source)) {
      const [from, copied] = [path.join(source, name), path.join(to, name)];
      const [wanted, found] = [fs.statSync(from), fs.statSync(copied)];
      expect([name, found.mode, found.uid, found.gid]).toEqual([
        name,
        wanted.mode,
        wanted.uid,
        wanted.gid,
      ]);
      expect(fs.readFileSync(copied).equals(fs.readFileSync(from))).toBe(true);
    }
    expect(fs.statSync(path.join(to, 'tool2')).ino).toBe(fs.statSync(path.join(to, 'tool')).ino);
    expect(await copyTree(source, to, { atomic })).toMatchObject({ files: 0, errors: [] });
  });
}

testWhere(!isWindows, 'Windows has no FIFOs in folders')(
  'a file that becomes a FIFO is an error, and is not waited for',
  async () => {
    const content = { small: 's', large: Buffer.alloc(1 << 20) };
    const source = folderOf(content);
    const to = newPlace();
    const exchange = (): void => {
      for (const name of Object.keys(content)) {
        fs.rmSync(path.join(source, name));
        execFileSync('mkfifo', [path.join(source, name)]);
      }
    };
    // Both are exchanged after the trees have been read, when the first folder is made.
    const onChange = ({ action }: { action: string }): void => {
      if (action === 'folder') exchange();
    };
    const copied = await copyTree(source, to, { onChange });
    expect(copied.errors.map(({ path: name }) => name).sort()).toEqual(['large', 'small']);
    expect(fs.readdirSync(to)).toEqual([]);
  },
);

testWhere(!isWindows, 'Windows has no FIFOs in folders')(
  'checksum does not wait for a file that becomes a FIFO',
  async () => {
    const content = { small: 's', large: Buffer.alloc(1 << 20) };
    const source = folderOf(content);
    const to = newPlace();
    await copyTree(source, to);
    fs.mkdirSync(path.join(source, 'new'));
    const onChange = ({ action }: { action: string }): void => {
      if (action !== 'folder') return;
      for (const [index, name] of Object.keys(content).entries()) {
        const file = path.join(index === 0 ? source : to, name);
        fs.rmSync(file);
        execFileSync('mkfifo', [file]);
      }
    };
    const compared = await copyTree(source, to, { checksum: true, onChange });
    expect(compared.errors).toMatchObject([
      { error: { code: 'EINVAL' } },
      { error: { code: 'EINVAL' } },
    ]);
  },
);

function partialOf(folder: string, name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 24);
  return path.join(folder, `.overlapped-${digest}.partial`);
}

asRoot('resume refuses what another user has put under its name', async () => {
  const folder = openFolder();
  fs.chmodSync(folder, 0o777);
  const secret = path.join(openFolder(), 'secret');
  put(secret, 'secret'.repeat(1000), 0, 0o600);
  const precious = path.join(folder, 'precious');
  put(precious, 'precious', 0, 0o600);
  put(partialOf(folder, 'foreign'), '', hostile, 0o666);
  put(`${partialOf(folder, 'note')}.json`, '', hostile, 0o666);
  fs.linkSync(precious, partialOf(folder, 'hard-link'));
  execFileSync('mkfifo', [partialOf(folder, 'fifo'), `${partialOf(folder, 'fifo-note')}.json`]);
  fs.symlinkSync(precious, partialOf(folder, 'link'));
  const options = { resume: true, strategy: 'engine' } as const;
  for (const name of ['foreign', 'note', 'hard-link', 'fifo', 'fifo-note', 'link']) {
    const error = await rejection(copy(secret, path.join(folder, name), options));
    expect([name, error.code]).toEqual([name, name === 'link' ? 'ELOOP' : 'EEXIST']);
    expect(fs.existsSync(path.join(folder, name))).toBe(false);
  }
  expect(fs.readFileSync(precious, 'utf8')).toBe('precious');
  expect(fs.readFileSync(partialOf(folder, 'foreign'), 'utf8')).toBe('');
});

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryName } from '../../lib/copy/temporary-name.js';
import { TreeRoot } from '../../lib/copy/tree/tree-root.js';
import { foldersMax, WaitingFolders } from '../../lib/copy/tree/waiting-folders.js';
import { removeLeftOver } from '../../lib/copy/unfinished.js';
import { lockDirectory } from '../../lib/engine/directory-requests.js';
import { decodeNothing } from '../../lib/engine/operation.js';
import { openDirectory } from '../../lib/functions/open-directory.js';
import { copyTree } from '../../lib/index.js';
import {
  distUrl,
  isLinux,
  isWindows,
  randomBytes,
  rejection,
  resultOfChild,
  testWhere,
} from '../helpers.js';
import { folderOf, namesIn, newPlace, whole } from './trees.js';

const onPosix = testWhere(!isWindows, 'Windows has other modes and names');
const onLinux = testWhere(isLinux, 'other systems have no commit of groups');

/** More files than one operation copies. */
function manyFiles(count = 600): Record<string, string> {
  const entries = Array.from({ length: count }, (_, i) => [`f${i}`, `${i}`.repeat(1 + (i % 90))]);
  return Object.fromEntries(entries);
}

test('many small files of one folder are copied whole, with their metadata', async () => {
  const source = folderOf({ ...manyFiles(), 'sub/x': 'x', 'sub/empty': '' });
  for (let i = 0; i < 600; i += 7) fs.utimesSync(path.join(source, `f${i}`), 1e9 + i, 1e9 + i);
  const to = newPlace();
  const paths: string[] = [];
  const report = await copyTree(source, to, {
    onProgress: ({ path: name, files }) => {
      if (files > 0) paths.push(name);
    },
  });
  expect(report).toMatchObject({ files: 602, errors: [], metadataRefused: [] });
  expect(whole(to)).toEqual(whole(source));
  expect(new Set(paths)).toEqual(new Set(namesIn(source).filter((name) => name !== 'sub')));
  // Existing files are replaced in the same way.
  for (let i = 0; i < 600; i += 3) fs.writeFileSync(path.join(source, `f${i}`), 'new');
  expect(await copyTree(source, to)).toMatchObject({ files: 200, unchanged: 402, errors: [] });
  expect(whole(to)).toEqual(whole(source));
});

onPosix('many small files keep names of any bytes, and every mode', async () => {
  const source = folderOf({});
  const names = ['\xff\xfe', 'caf\xe9', 'a\nb', 'é', '...', ' '].map((name) =>
    Buffer.concat([Buffer.from(`${source}/`), Buffer.from(name, 'latin1')]),
  );
  const modes = [0o600, 0o444, 0o777, 0o4755, 0o2640, 0o1666];
  for (const [index, name] of names.entries()) {
    fs.writeFileSync(name, `content ${index}`);
    fs.chmodSync(name, modes[index] as number);
  }
  const to = newPlace();
  const umask = process.umask(0o077);
  try {
    expect(await copyTree(source, to)).toMatchObject({ files: 6, errors: [] });
  } finally {
    process.umask(umask);
  }
  for (const name of names) {
    const copied = Buffer.concat([Buffer.from(to), name.subarray(Buffer.byteLength(source))]);
    expect(fs.readFileSync(copied)).toEqual(fs.readFileSync(name));
    expect(fs.statSync(copied).mode).toBe(fs.statSync(name).mode);
  }
});

onPosix('a file that cannot be copied among many small files is the only error', async () => {
  const source = folderOf(manyFiles());
  const to = newPlace();
  const onChange = ({ action }: { action: string }): void => {
    if (action === 'folder') fs.rmSync(path.join(source, 'f300'));
  };
  const report = await copyTree(source, to, { onChange });
  expect(report.errors).toMatchObject([{ path: 'f300', error: { code: 'ENOENT' } }]);
  expect(report.files).toBe(599);
  expect(namesIn(to)).toEqual(namesIn(source));
});

test('an abort among many small files leaves only whole files under their names', async () => {
  const source = folderOf(manyFiles(3000));
  const to = newPlace();
  const controller = new AbortController();
  const { signal } = controller;
  const onProgress = ({ files }: { files: number }): void => {
    if (files === 1) controller.abort();
  };
  expect((await rejection(copyTree(source, to, { signal, onProgress }))).name).toBe('AbortError');
  const names = namesIn(to);
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    const from = path.join(source, name);
    expect([name, fs.readFileSync(path.join(to, name), 'utf8')]).toEqual([
      name,
      fs.readFileSync(from, 'utf8'),
    ]);
  }
});

onPosix('a small file keeps its holes', async () => {
  const source = folderOf({ sparse: '' });
  const file = path.join(source, 'sparse');
  fs.writeFileSync(file, randomBytes(4096));
  fs.truncateSync(file, 200 * 1024);
  const to = newPlace();
  expect(await copyTree(source, to)).toMatchObject({ files: 1, errors: [] });
  const copied = path.join(to, 'sparse');
  expect(fs.readFileSync(copied).equals(fs.readFileSync(file))).toBe(true);
  expect(fs.statSync(copied).blocks).toBeLessThanOrEqual(fs.statSync(file).blocks);
});

onLinux('files wait in many folders only until the first ones get their names', async () => {
  const names = Array.from({ length: foldersMax() + 1 }, (_, index) => `folder ${index}`);
  const source = folderOf(Object.fromEntries(names.map((name) => [`${name}/file`, name])));
  const to = newPlace();
  expect(await copyTree(source, to)).toMatchObject({ files: names.length, errors: [] });
  for (const name of names) {
    expect(fs.readFileSync(path.join(to, name, 'file'), 'utf8')).toBe(name);
  }
  const root = new TreeRoot(to, 'folder');
  const waiting = new WaitingFolders(root);
  const holds = await Promise.all(names.slice(1).map((name) => waiting.hold(name)));
  expect(holds.every((hold) => hold !== undefined)).toBe(true);
  let asked = 0;
  waiting.onFull = () => {
    asked++;
    setImmediate(() => holds[0]?.release());
  };
  const last = await waiting.hold(names[0] as string);
  expect(asked).toBe(1);
  for (const hold of [...holds.slice(1), last]) hold?.release();
  await root.close();
});

onLinux('a tree of many folders is copied with few descriptors', async () => {
  const names = Array.from({ length: 400 }, (_, index) => `folder ${index}/file`);
  const source = folderOf(Object.fromEntries(names.map((name) => [name, name])));
  const script = `
    const [url, from, to] = process.argv.slice(2);
    const { copyTree } = await import(url);
    const { files, errors } = await copyTree(from, to);
    console.log(JSON.stringify({ files, errors: errors.map(({ error }) => error.message) }));
  `;
  const launcher = ['/bin/sh', '-c', 'ulimit -n 300 && exec "$@"', 'sh'];
  const args = [distUrl('index.js'), source, newPlace()];
  expect(await resultOfChild(script, { launcher, args })).toEqual({ files: 400, errors: [] });
});

onLinux('no file waits in a folder that cannot be locked', async () => {
  const source = folderOf({ 'sub/small': 's', 'sub/large': randomBytes(1 << 20) });
  const to = folderOf({ sub: null });
  const holder = await openDirectory(path.join(to, 'sub'));
  await holder.core.operate({
    ...lockDirectory({ exclusive: true }),
    subject: { syscall: 'lock' },
    decode: decodeNothing,
  });
  expect(await copyTree(source, to)).toMatchObject({ files: 2, errors: [] });
  expect(fs.readdirSync(path.join(to, 'sub')).sort()).toEqual(['large', 'small']);
  await holder.close();
});

onLinux('files that wait for their names are no leftovers for another process', async () => {
  const folder = folderOf({ sub: null });
  const file = path.join(folder, 'sub', temporaryName());
  fs.writeFileSync(file, 'complete');
  const [ours, theirs] = [new TreeRoot(folder, 'ours'), new TreeRoot(folder, 'theirs')];
  const clean = (): Promise<string> =>
    theirs.within('sub', async (directory) => {
      const isFree = await new WaitingFolders(theirs).isFree(directory);
      return removeLeftOver(directory, path.basename(file), { isFree });
    });
  const hold = await new WaitingFolders(ours).hold('sub', 2);
  expect(hold).toBeDefined();
  expect(await clean()).toBe('running');
  hold?.release(2);
  await ours.close();
  expect(await clean()).toBe('left');
  expect(fs.readdirSync(path.join(folder, 'sub'))).toEqual([]);
  await theirs.close();
});

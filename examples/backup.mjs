// An incremental backup. The store keeps each content once, under its SHA-256, and for each run a
// snapshot of names as JSON and a manifest for `sha256sum -c`. Unchanged files are not read again.
//   node backup.mjs backup <folder> <store>
//   node backup.mjs list <store>
//   node backup.mjs restore <store> <snapshot> <new folder>
import { randomUUID } from 'node:crypto';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as fs from 'overlapped';

const objectPath = (store, digest) => join(store, 'objects', digest.slice(0, 2), digest.slice(2));
const snapshotPath = (store, snapshot) => join(store, 'snapshots', `${snapshot}.json`);
const manifestPath = (store, snapshot) => join(store, 'manifests', `${snapshot}.sha256`);

/** Does something with each item, a few at a time. */
async function each(items, work) {
  const left = items[Symbol.iterator]();
  const lane = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

/** Makes the names in a folder durable; some file systems have no call for it. */
async function syncFolder(folder) {
  const directory = await fs.openDirectory(folder);
  await directory.sync().catch((error) => error.code === 'EINVAL' || Promise.reject(error));
  await directory.close();
}

/** The line of a file in a manifest, with a name that is escaped as by sha256sum. */
function manifestLine({ digest, path }) {
  const name = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return digest ? `${name === path ? '' : '\\'}${digest}  ${name}\n` : '';
}

/** Puts the content of a file into the store, and a folder that has it then into `changed`. */
async function keep(store, path, changed) {
  const temporary = join(store, 'temporary', randomUUID());
  try {
    const { hash, bytes } = await fs.copy(path, temporary, { hash: 'sha256', retries: 3 });
    const object = objectPath(store, hash);
    await fs.mkdir(dirname(object), { recursive: true });
    await fs.rename(temporary, object);
    changed.add(dirname(object));
    return { digest: hash, size: bytes };
  } finally {
    await fs.rm(temporary, { force: true });
  }
}

async function describe(folder, name, { store, before, changed }) {
  const path = join(folder, name);
  const status = await fs.lstat(path);
  const { mode, size, mtimeMs } = status;
  const entry = { path: name.replaceAll(sep, '/'), mode: mode & 0o777, mtimeMs };
  if (status.isDirectory()) return { ...entry, type: 'folder' };
  if (status.isSymbolicLink()) return { ...entry, type: 'link', target: await fs.readlink(path) };
  if (!status.isFile()) throw new Error(`${path} is neither file nor folder nor link`);
  const known = before.get(entry.path);
  const isKnown = known?.type === 'file' && known.size === size && known.mtimeMs === mtimeMs;
  const content = isKnown ? { digest: known.digest, size } : await keep(store, path, changed);
  return { ...entry, type: 'file', ...content, isNew: !isKnown };
}

export async function list(store) {
  const names = await fs.readdir(join(store, 'snapshots'));
  return names.flatMap((name) => /^(.*)\.json$/.exec(name)?.[1] ?? []).sort();
}

async function load(store, snapshot) {
  if (!/^[\w.-]+$/.test(snapshot)) throw new Error(`'${snapshot}' is not a snapshot name`);
  return JSON.parse(await fs.readFile(snapshotPath(store, snapshot), 'utf8')).entries;
}

/** Adds a snapshot of a folder to a store, which is made if need be. */
export async function backup(folder, store) {
  if (`${resolve(store)}${sep}`.startsWith(`${resolve(folder)}${sep}`)) {
    throw new Error('The store would be in its own backup');
  }
  const found = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  const names = found.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
  const parts = ['objects', 'snapshots', 'manifests', 'temporary'].map((part) => join(store, part));
  await each(parts, (part) => fs.mkdir(part, { recursive: true }));
  await fs.clean(store); // What runs that were killed have left.
  const last = (await list(store)).at(-1);
  const before = new Map((last ? await load(store, last) : []).map((e) => [e.path, e]));
  const changed = new Set([store, ...parts]);
  const entries = [];
  let read = 0;
  await each(names, async (name) => {
    const { isNew = false, ...entry } = await describe(folder, name, { store, before, changed });
    entries.push(entry);
    if (isNew) read++;
  });
  entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  const snapshot = new Date().toISOString().replaceAll(':', '-');
  const file = snapshotPath(store, snapshot);
  const lines = entries.map(manifestLine).join('');
  await fs.writeFile(manifestPath(store, snapshot), lines, { flush: true });
  // The snapshot gets its name when it and everything that it refers to is on the disk.
  await each(changed, syncFolder);
  await fs.writeFile(`${file}.new`, JSON.stringify({ folder, entries }, null, 1), { flush: true });
  await fs.rename(`${file}.new`, file);
  await syncFolder(join(store, 'snapshots'));
  return { snapshot, entries: entries.length, read };
}

/** Restores a snapshot into a new folder, and compares all files with their digests. */
export async function restore(store, snapshot, folder) {
  const entries = await load(store, snapshot);
  for (const { path, type, digest } of entries) {
    const isOutside = isAbsolute(path) || path.split(/[/\\]/).includes('..');
    const isOdd = !['folder', 'link'].includes(type) && !/^[0-9a-f]{64}$/.test(digest);
    if (isOutside || isOdd) throw new Error(`${snapshot} has been tampered with: ${path}`);
  }
  await fs.mkdir(folder);
  const of = (wanted) => entries.filter(({ type }) => type === wanted);
  for (const { path } of of('folder')) await fs.mkdir(join(folder, path), { recursive: true });
  await each(of('file'), async ({ path, digest, mtimeMs }) => {
    const to = join(folder, path);
    await fs.copy(objectPath(store, digest), to, { retries: 3 });
    await fs.utimes(to, mtimeMs / 1000, mtimeMs / 1000);
  });
  const { differences } = await fs.verify(folder, { manifest: manifestPath(store, snapshot) });
  for (const { path } of differences) await fs.rm(join(folder, path), { force: true });
  const paths = differences.map(({ path }) => path).join(', ');
  if (paths !== '') throw new Error(`The store has another content of ${paths}: it is damaged`);
  // Links come last, so that nothing is written through one.
  for (const { path, target } of of('link')) await fs.symlink(target, join(folder, path));
  for (const { path, mode } of [...of('file'), ...of('folder').reverse()]) {
    await fs.chmod(join(folder, path), mode);
  }
  return { files: of('file').length };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [name, ...args] = process.argv.slice(2);
  const command = { backup, list, restore }[name];
  if (command === undefined || args.length !== command.length) {
    console.error('Usage: backup <folder> <store>, list <store>, restore <store> <snapshot> <new>');
    process.exitCode = 2;
  } else {
    await command(...args).then(console.log, ({ message }) => {
      console.error(message);
      process.exitCode = 1;
    });
  }
}

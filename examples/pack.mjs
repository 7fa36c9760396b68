// Packs a folder into a .tar.gz with a pipeline of streamx. This package reads the files and writes
// the archive, tar-stream makes it, and a transform hashes its bytes.
//
//   npm install overlapped streamx tar-stream
//   node pack.mjs <folder> <archive.tar.gz>
import { createHash } from 'node:crypto';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createGzip } from 'node:zlib';
import { lstat, readdir, readlink, rename, rm } from 'overlapped';
import { createReadStream, createWriteStream } from 'overlapped/streamx';
import { pipelinePromise, Transform } from 'streamx';
import tar from 'tar-stream';

/** Passes data through and computes its digest. */
function hashing(algorithm) {
  const hash = createHash(algorithm);
  const stream = new Transform({
    transform(data, callback) {
      hash.update(data);
      callback(null, data);
    },
  });
  return { stream, digest: () => hash.digest('hex') };
}

async function addEntry(pack, folder, name) {
  const path = join(folder, name);
  const status = await lstat(path);
  const header = {
    name: name.replaceAll(sep, '/'),
    mode: status.mode & 0o7777,
    mtime: status.mtime,
  };
  const add = (more) =>
    new Promise((resolve, reject) => {
      pack.entry({ ...header, ...more }, (error) => (error ? reject(error) : resolve()));
    });
  if (status.isDirectory()) return add({ type: 'directory' });
  if (status.isSymbolicLink()) return add({ type: 'symlink', linkname: await readlink(path) });
  if (!status.isFile()) throw new Error(`${path} is neither file nor folder nor link`);
  // A file that grows meanwhile is read up to the size in its header; one that shrinks is an error.
  const { size } = status;
  const entry = pack.entry({ ...header, size });
  if (size === 0) entry.end();
  else await pipelinePromise(createReadStream(path, { end: size - 1 }), entry);
}

async function addAll(pack, folder, names) {
  try {
    // The files of an archive follow one another.
    for (const name of names) await addEntry(pack, folder, name);
    pack.finalize();
  } catch (error) {
    pack.destroy(error);
    throw error;
  }
}

/**
 * Packs all below a folder. The archive has its name when it is complete.
 * @returns {Promise<{ entries: number, sha256: string }>} of the archive
 */
export async function packFolder(folder, archive) {
  // Entries with types keep readdir() from entering links to folders.
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = found
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .sort();
  const unfinished = `${archive}.unfinished`;
  const pack = tar.pack();
  const { stream, digest } = hashing('sha256');
  try {
    const writing = pipelinePromise(pack, createGzip(), stream, createWriteStream(unfinished));
    const outcomes = await Promise.allSettled([addAll(pack, folder, names), writing]);
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await rename(unfinished, archive);
  } finally {
    await rm(unfinished, { force: true });
  }
  return { entries: names.length, sha256: digest() };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, archive, ...more] = process.argv.slice(2);
  if (archive === undefined || more.length > 0) {
    console.error('Usage: pack.mjs <folder> <archive.tar.gz>');
    process.exitCode = 2;
  } else {
    await packFolder(folder, archive).then(console.log, ({ message }) => {
      console.error(message);
      process.exitCode = 1;
    });
  }
}

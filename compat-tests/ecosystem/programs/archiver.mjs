import { once } from 'node:events';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TarArchive, ZipArchive } from 'archiver';
import tarFs from 'tar-fs';

// One at a time, so that the entries are in the order of their names.
const settings = { statConcurrency: 1, zlib: { level: 6 } };

async function write(fs, file, archive, fill) {
  const entries = [];
  archive.on('entry', ({ name, type, mode, size }) => entries.push({ name, type, mode, size }));
  const output = fs.createWriteStream(file);
  const closed = once(output, 'close');
  archive.pipe(output);
  await fill(archive);
  await archive.finalize();
  await closed;
  return { entries, bytes: archive.pointer(), bytesWritten: output.bytesWritten };
}

/** Creates archives from streams, and from paths that the package reads itself. */
export async function run({ fs, source, folder }) {
  const at = (name) => path.join(folder, name);
  const names = (await fs.promises.readdir(path.join(source, 'library'), { recursive: true }))
    .filter((name) => name.endsWith('.ts'))
    .sort();
  const date = new Date(1_700_000_000_000);

  const appendStreams = (archive) => {
    for (const name of names) {
      const stream = fs.createReadStream(path.join(source, 'library', name));
      archive.append(stream, { name, date, mode: 0o640 });
    }
    const part = { start: 1000, end: 199_999, highWaterMark: 7000 };
    archive.append(fs.createReadStream(path.join(source, 'large.bin'), part), {
      ...{ name: 'part.bin', date, mode: 0o600 },
    });
    archive.append('text', { name: 'text.txt', date });
  };
  const addFiles = (archive) => {
    for (const name of ['bin/tool.sh', 'large.bin', 'empty', 'private/secret.txt']) {
      archive.file(path.join(source, name), { name });
    }
  };
  // In separate archives, because each walk returns its entries in the order it finds them.
  const addFolder = (archive) => {
    archive.directory(path.join(source, 'library'), 'below', { date });
  };
  const addFound = (archive) => {
    archive.glob('**/*.{txt,sh,bin}', { cwd: source, ignore: ['block.bin'] }, { prefix: 'found' });
  };

  const result = {};
  for (const [name, fill] of Object.entries({ appendStreams, addFiles, addFolder, addFound })) {
    const packed = new TarArchive({ ...settings, gzip: true });
    result[name] = {
      zip: await write(fs, at(`${name}.zip`), new ZipArchive(settings), fill),
      tar: await write(fs, at(`${name}.tar`), new TarArchive(settings), fill),
      tgz: await write(fs, at(`${name}.tgz`), packed, fill),
    };
  }
  await pipeline(
    fs.createReadStream(at('appendStreams.tar')),
    tarFs.extract(at('extracted'), { fs }),
  );
  return result;
}

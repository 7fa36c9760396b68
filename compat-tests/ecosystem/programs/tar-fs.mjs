import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import tarFs from 'tar-fs';

/** Packs and extracts trees through archive files, with filters, and from stream to stream. */
export async function run({ fs, source, folder }) {
  const at = (name) => path.join(folder, name);
  await pipeline(
    tarFs.pack(source, { fs, sort: true }),
    fs.createWriteStream(at('plain.tar'), { mode: 0o640 }),
  );
  await pipeline(fs.createReadStream(at('plain.tar')), tarFs.extract(at('extracted'), { fs }));

  const pack = tarFs.pack(source, {
    fs,
    sort: true,
    entries: ['library', 'bin', 'names'],
    ignore: (name) => name.endsWith('window.ts'),
    map: (header) => ({ ...header, name: `prefix/${header.name}` }),
    readable: true,
  });
  await pipeline(pack, tarFs.extract(at('mapped'), { fs, strip: 1, dmode: 0o555 }));

  // The package creates hard links when it extracts, but does not pack any.
  const linked = tarFs.pack(source, {
    ...{ fs, entries: ['large.bin'], finalize: false },
    finish: (whole) => {
      const mtime = new Date(1_700_000_000_000);
      whole.entry({ name: 'large again.bin', type: 'link', linkname: 'large.bin', mtime });
      whole.finalize();
    },
  });
  await pipeline(linked, fs.createWriteStream(at('hard-links.tar')));
  await pipeline(
    fs.createReadStream(at('hard-links.tar'), { highWaterMark: 10_000 }),
    tarFs.extract(at('hard links'), { fs, hardlinkAsFilesFallback: false }),
  );

  const missing = await pipeline(
    tarFs.pack(source, { fs, entries: ['is not there'] }),
    fs.createWriteStream(at('missing.tar')),
  ).then(
    () => 'done',
    ({ code, errno, syscall, message }) => ({ code, errno, syscall, message }),
  );
  return { missing };
}

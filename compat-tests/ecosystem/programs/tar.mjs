import * as path from 'node:path';
import * as tar from 'tar';

/** Writes, lists, appends to, updates and extracts archives with the process's fs. */
export async function run({ source, folder, fs }) {
  const at = (name) => path.join(folder, name);
  const options = { cwd: source, portable: true };
  // In the order of names, because tar 7.5 fails if a hard link is the last entry.
  const names = (await fs.promises.readdir(source)).sort();
  await tar.create({ ...options, file: at('plain.tar') }, names);
  await tar.create({ ...options, file: at('packed.tgz'), gzip: true }, ['library', 'large.bin']);
  await tar.create({ ...options, file: at('followed.tar'), follow: true }, ['library']);

  const listed = [];
  await tar.list({
    file: at('plain.tar'),
    onReadEntry: ({ path: name, type, mode, size, linkpath }) =>
      listed.push({ name, type, mode, size, linkpath }),
  });

  await fs.promises.copyFile(at('packed.tgz'), at('unpacked.tgz'));
  await tar.create({ ...options, file: at('grown.tar') }, ['block.bin']);
  await tar.replace({ ...options, file: at('grown.tar') }, ['bin', 'large.bin']);
  await tar.update({ ...options, file: at('grown.tar') }, ['large.bin', 'empty']);

  for (const [archive, name] of [
    ['plain.tar', 'extracted'],
    ['packed.tgz', 'unpacked'],
    ['grown.tar', 'grown'],
  ]) {
    await fs.promises.mkdir(at(name));
    await tar.extract({ file: at(archive), cwd: at(name) });
  }
  await fs.promises.mkdir(at('filtered'));
  const filter = (name) => !name.includes('streams');
  await tar.extract({ file: at('packed.tgz'), cwd: at('filtered'), strip: 1, filter });

  const failures = [];
  for (const attempt of [
    () => tar.create({ ...options, file: at('bad.tar') }, ['is not there']),
    () => tar.extract({ file: at('no archive.tar'), cwd: folder }),
    () => tar.create({ ...options, file: at('no folder/bad.tar') }, ['empty']),
  ]) {
    failures.push(
      await attempt().then(
        () => 'done',
        ({ code, errno, syscall, message }) => ({ code, errno, syscall, message }),
      ),
    );
  }
  return { listed, failures };
}

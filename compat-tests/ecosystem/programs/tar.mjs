import * as path from 'node:path';
import * as tar from 'tar';

/** Archives written, listed, appended to, updated and extracted, with the fs of the process. */
export async function run({ source, folder, fs }) {
  const at = (name) => path.join(folder, name);
  const options = { cwd: source, portable: true };
  // In the order of names: tar 7.5 fails when the second name of one file comes last of all.
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

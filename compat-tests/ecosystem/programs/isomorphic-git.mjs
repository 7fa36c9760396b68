import * as path from 'node:path';
import git from 'isomorphic-git';

const person = {
  name: 'Ada',
  email: 'ada@example.org',
  timestamp: 1_700_000_000,
  timezoneOffset: -60,
};

/** Every object of a commit, with names, modes and IDs. */
function objectsOf(repository, ref) {
  return git.walk({
    ...repository,
    trees: [git.TREE({ ref })],
    map: async (name, [entry]) => [
      name,
      await entry.type(),
      (await entry.mode()).toString(8),
      await entry.oid(),
    ],
    reduce: async (parent, children) => [parent, ...children.flat()].filter(Boolean),
  });
}

async function useRepository(fs, source, dir) {
  const repository = { fs, dir };
  const write = (name, text) => fs.promises.writeFile(path.join(dir, name), text);
  const statuses = {};
  const commit = (message) =>
    git.commit({ ...repository, message, author: person, committer: person });

  await fs.promises.cp(source, dir, { recursive: true, verbatimSymlinks: true });
  await git.init({ ...repository, defaultBranch: 'main' });
  statuses.untracked = await git.statusMatrix(repository);
  await git.add({ ...repository, filepath: '.' });
  statuses.added = await git.statusMatrix(repository);
  const first = await commit('The whole tree');

  await git.branch({ ...repository, ref: 'work', checkout: true });
  await write('empty', 'no longer empty');
  await write('new.txt', 'new');
  await fs.promises.unlink(path.join(dir, 'block.bin'));
  statuses.changed = await git.statusMatrix(repository);
  await git.add({ ...repository, filepath: ['empty', 'new.txt'] });
  await git.remove({ ...repository, filepath: 'block.bin' });
  const second = await commit('Changes');
  statuses.committed = await git.statusMatrix(repository);

  await git.checkout({ ...repository, ref: 'main' });
  statuses.checkedOut = await git.statusMatrix(repository);
  const missing = await git.readBlob({ ...repository, oid: first, filepath: 'new.txt' }).then(
    () => 'found',
    (error) => ({ code: error.code, message: error.message }),
  );
  const packed = await git.packObjects({ ...repository, oids: [first, second], write: true });
  const result = {
    statuses,
    missing,
    pack: packed.filename,
    log: await git.log({ ...repository, ref: 'work' }),
    branches: await git.listBranches(repository),
    files: await git.listFiles(repository),
    objects: [await objectsOf(repository, 'main'), await objectsOf(repository, 'work')],
  };
  // The index contains the times and inode numbers of this particular tree.
  await fs.promises.rm(path.join(dir, '.git', 'index'));
  return result;
}

/** Uses a repository from init to checkout, with the promises and with the callbacks of `fs`. */
export async function run({ fs, source, folder }) {
  const { promises, ...callbacks } = fs;
  // The program uses these; the package looks only for an enumerable property.
  Object.defineProperty(callbacks, 'promises', { value: promises, enumerable: false });
  return {
    byPromises: await useRepository(fs, source, path.join(folder, 'by promises')),
    byCallbacks: await useRepository(callbacks, source, path.join(folder, 'by callbacks')),
  };
}

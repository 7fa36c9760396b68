import * as path from 'node:path';
import glob from 'fast-glob';

const searches = [
  ['**', {}],
  ['**', { dot: true, onlyFiles: false, markDirectories: true }],
  ['**', { onlyDirectories: true, followSymbolicLinks: false }],
  ['**/*.ts', { deep: 2, unique: false }],
  [['**/*.{ts,sh}', '!**/engine/**'], { caseSensitiveMatch: false }],
  ['library/*.ts', { absolute: true, concurrency: 1 }],
  ['*/**/[a-f]*', { ignore: ['library/streams/**'], baseNameMatch: false }],
  ['*.txt', { baseNameMatch: true, objectMode: true }],
  ['names/*', { throwErrorOnBrokenSymbolicLink: false, extglob: false }],
  ['is not there/**', {}],
  ['*', { cwd: 'is not there' }],
];

const aboutStats = ({ name, path: place, stats }) => ({
  ...{ name, place, size: stats.size, mode: stats.mode, links: stats.nlink },
  ...{ modified: stats.mtimeMs, isFile: stats.isFile(), isLink: stats.isSymbolicLink() },
});

/** Searches with promises, streams and synchronously; sorts by name. */
export async function run({ fs, source }) {
  const found = [];
  for (const [patterns, options] of searches) {
    const all = { fs, cwd: source, ...options };
    if (options.cwd) all.cwd = path.join(source, options.cwd);
    const names = (await glob(patterns, all)).map((entry) => entry.path ?? entry).sort();
    const streamed = [];
    for await (const entry of glob.stream(patterns, all)) streamed.push(entry.path ?? entry);
    const atOnce = glob.sync(patterns, all).map((entry) => entry.path ?? entry);
    found.push({ names, streamed: streamed.sort(), atOnce: atOnce.sort() });
  }
  const options = { fs, cwd: source, stats: true, onlyFiles: false };
  const stats = (await glob('**', options)).map(aboutStats);
  stats.sort((a, b) => (a.place < b.place ? -1 : 1));
  const broken = await glob('links/**', {
    ...{ fs, cwd: source, throwErrorOnBrokenSymbolicLink: true, stats: true },
  }).then(
    (entries) => entries.length,
    ({ code, errno, syscall, message }) => ({ code, errno, syscall, message }),
  );
  return { found, stats, broken };
}

import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { glob } from '../../../lib/index.js';
import { rejection, temporaryFolder, testWhere } from '../../helpers.js';

// The results of Node 24 for these patterns; the running Node may have no glob to compare with.

const files = ['a.js', 'b.ts', '.rc', 'lib/a.js', 'lib/b/c.js', 'lib/b/c.ts', 'lib/.hid/h.js'];

function makeTree(): string {
  const tree = temporaryFolder();
  for (const file of files) {
    fs.mkdirSync(path.join(tree, path.dirname(file)), { recursive: true });
    fs.writeFileSync(path.join(tree, file), '');
  }
  return tree;
}

async function collect(found: AsyncIterable<string>): Promise<string[]> {
  const paths: string[] = [];
  for await (const name of found) paths.push(name.split(path.sep).join('/'));
  return paths.sort();
}

const expected: [pattern: string | string[], paths: string[]][] = [
  ['*', ['a.js', 'b.ts', 'lib']],
  ['*.js', ['a.js']],
  ['?.ts', ['b.ts']],
  ['[ab].*', ['a.js', 'b.ts']],
  ['.*', ['.rc']],
  ['**/*.js', ['a.js', 'lib/a.js', 'lib/b/c.js']],
  ['**/*.{js,ts}', ['a.js', 'b.ts', 'lib/a.js', 'lib/b/c.js', 'lib/b/c.ts']],
  ['lib/**', ['lib', 'lib/a.js', 'lib/b', 'lib/b/c.js', 'lib/b/c.ts']],
  ['lib/*/c.*', ['lib/b/c.js', 'lib/b/c.ts']],
  ['**/.hid/*', ['lib/.hid/h.js']],
  ['./*.js', ['a.js']],
  ['a.js', ['a.js']],
  ['missing', []],
  [
    ['*.js', '*.ts', 'a.js'],
    ['a.js', 'b.ts'],
  ],
];
for (const [pattern, paths] of expected) {
  test(`glob of ${JSON.stringify(pattern)}`, async () => {
    const tree = makeTree();
    expect(await collect(glob(pattern, { cwd: tree }))).toEqual(paths);
  });
}

const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
const hasUrls = major !== 22 || minor >= 15;
testWhere(hasUrls, 'the glob of this Node takes no URL for cwd')('cwd may be a URL', async () => {
  const tree = pathToFileURL(makeTree());
  expect(await collect(glob('*.js', { cwd: tree as unknown as string }))).toEqual(['a.js']);
});

test('exclude can be a function of names', async () => {
  const options = { cwd: makeTree(), exclude: (name: string) => name === 'b' };
  expect(await collect(glob('**/*.js', options))).toEqual(['a.js', 'lib/a.js']);
});

testWhere(hasUrls, 'the glob of this Node takes no patterns for exclude')(
  'exclude is patterns',
  async () => {
    const options = { cwd: makeTree(), exclude: ['lib/b/**'] };
    expect(await collect(glob('**/*.js', options))).toEqual(['a.js', 'lib/a.js']);
  },
);

test('withFileTypes returns Dirents', async () => {
  const tree = makeTree();
  const found: fs.Dirent[] = [];
  for await (const entry of glob('lib/*', { cwd: tree, withFileTypes: true })) found.push(entry);
  found.sort((one, other) => one.name.localeCompare(other.name));
  expect(found.map(({ name }) => name)).toEqual(['a.js', 'b']);
  expect(found.map((entry) => entry.isDirectory())).toEqual([false, true]);
  expect(found.map(({ parentPath }) => path.relative(tree, parentPath))).toEqual(['lib', 'lib']);
  for (const entry of found) expect(entry).toBeInstanceOf(fs.Dirent);
});

test('invalid arguments are named in the error', async () => {
  const code = async (...args: unknown[]): Promise<string | undefined> => {
    const call = glob as (...given: unknown[]) => AsyncGenerator<unknown>;
    return (await rejection((async () => call(...args).next())())).code;
  };
  expect(await code(5)).toBe('ERR_INVALID_ARG_TYPE');
  expect(await code(['*', 5])).toBe('ERR_INVALID_ARG_TYPE');
  expect(await code('*', 5)).toBe('ERR_INVALID_ARG_TYPE');
  expect(await code('*', { exclude: 5 })).toBe('ERR_INVALID_ARG_TYPE');
});

import * as nodeFs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { readdir, rm } from '../../../lib/index.js';
import { isLinux, resultOfChild, temporaryFolder, testWhere } from '../../helpers.js';

// Names that are not UTF-8, and trees deeper than the system's limit for paths.

const test = testWhere(isLinux, 'Linux alone takes any bytes for a name');

const oddFile = Buffer.from([0x66, 0xff, 0xfe]);
const oddFolder = Buffer.from([0x64, 0x80]);
const slash = Buffer.from('/');

function makeTree(): Buffer {
  const root = Buffer.from(temporaryFolder());
  nodeFs.writeFileSync(Buffer.concat([root, slash, oddFile]), 'top');
  nodeFs.mkdirSync(Buffer.concat([root, slash, oddFolder]));
  nodeFs.writeFileSync(Buffer.concat([root, slash, oddFolder, slash, oddFile]), 'below');
  nodeFs.mkdirSync(path.join(String(root), 'plain'));
  nodeFs.writeFileSync(path.join(String(root), 'plain', 'file'), 'plain');
  return root;
}

type Entry = nodeFs.Dirent | nodeFs.Dirent<Buffer>;

function contentOf(entry: Entry): string {
  const folder: unknown = entry.parentPath;
  const parts = [Buffer.from(folder as string), slash, Buffer.from(entry.name as string)];
  return nodeFs.readFileSync(Buffer.concat(parts), 'utf8');
}

test('Dirents of a recursive readdir() in Buffers lead to their files', async () => {
  const root = makeTree();
  for (const given of [root, String(root)]) {
    const entries = await readdir(given, {
      recursive: true,
      withFileTypes: true,
      encoding: 'buffer',
    });
    const files = entries.filter((entry) => entry.isFile());
    expect(files.map(contentOf).sort()).toEqual(['below', 'plain', 'top']);
    const names = entries.map(({ name }) => name.toString('hex')).sort();
    const plain = ['plain', 'file'].map((name) => Buffer.from(name).toString('hex'));
    const odd = [oddFolder, oddFile, oddFile].map((name) => name.toString('hex'));
    expect(names).toEqual([...plain, ...odd].sort());
  }
});

test('Dirents of a recursive readdir() have names in any encoding', async () => {
  const root = makeTree();
  for (const encoding of ['latin1', 'hex'] as const) {
    for (const given of [root, String(root)]) {
      const options = { recursive: true, withFileTypes: true, encoding } as const;
      const names = (await readdir(given, options)).map(({ name }) => name);
      expect(names.filter((name) => name === oddFile.toString(encoding)).length).toBe(2);
    }
  }
});

test('parentPath has the type of the path, as long as that leads to the file', async () => {
  const root = makeTree();
  const types = async (given: string | Buffer, encoding: BufferEncoding | 'buffer') => {
    const options = {
      recursive: true,
      withFileTypes: true,
      encoding: encoding as 'buffer',
    } as const;
    const entries = await readdir(given, options);
    const folders = entries.map(({ parentPath }): unknown => parentPath);
    return folders.map((folder) => (Buffer.isBuffer(folder) ? 'Buffer' : typeof folder));
  };
  expect(new Set(await types(String(root), 'utf8'))).toEqual(new Set(['string']));
  expect(new Set(await types(String(root), 'latin1'))).toEqual(new Set(['string']));
  expect(new Set(await types(root, 'utf8'))).toEqual(new Set(['Buffer']));
  // The entries of the root itself have its path as it was given.
  const mixed = await types(String(root), 'buffer');
  expect(mixed.filter((type) => type === 'Buffer').length).toBe(2);
});

test('a tree deeper than PATH_MAX is listed and removed', async () => {
  const root = temporaryFolder();
  const depth = 60;
  // The tree is built by changing the working folder, because no path reaches its end.
  const script = `
    process.chdir(argument);
    for (let i = 0; i < ${depth}; i++) {
      fs.mkdirSync('x'.repeat(200));
      process.chdir('x'.repeat(200));
    }
    fs.writeFileSync('bottom', 'x');
    fs.symlinkSync('.', 'link');
    console.log(JSON.stringify('made'));`;
  expect(await resultOfChild(script, { args: [root] })).toBe('made');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory());
  expect([folders.length, entries.length]).toEqual([depth, depth + 2]);
  const names = await readdir(Buffer.from(root), { recursive: true, encoding: 'buffer' });
  expect(names.some((name) => name.byteLength > 60 * 200)).toBe(true);
  await rm(path.join(root, 'x'.repeat(200)), { recursive: true });
  expect(nodeFs.readdirSync(root)).toEqual([]);
});

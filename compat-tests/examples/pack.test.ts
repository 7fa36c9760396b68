import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import tar from 'tar-stream';
import { expect, test } from 'vitest';
import { folderOf, newPlace, richTree } from '../copy-tree/trees.js';
import { describeTree } from '../ecosystem/tree.js';
import { isWindows, sha256, sha256OfFile, testWhere } from '../helpers.js';
import { runExample } from './run-example.js';

const run = (...args: string[]) => runExample('pack', ...args);
const testOnPosix = testWhere(!isWindows, 'Windows has no FIFO');

interface Packed {
  type: string;
  content?: string;
  target?: string;
}

/** The content of an archive. */
async function unpack(archive: string): Promise<Record<string, Packed>> {
  const found: Record<string, Packed> = {};
  const extract = tar.extract();
  extract.on('entry', async ({ name, type, linkname }, stream, next) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const content = type === 'file' ? { content: sha256(Buffer.concat(chunks)) } : {};
    const target = linkname ? { target: linkname } : {};
    found[name.replace(/\/$/, '')] = { type: String(type), ...content, ...target };
    next();
  });
  await pipeline(fs.createReadStream(archive), createGunzip(), extract);
  return found;
}

function expectedOf(folder: string): Record<string, Packed> {
  const types = { file: 'file', directory: 'directory', link: 'symlink' } as const;
  const entries = Object.entries(describeTree(folder)).map(([name, entry]) => {
    const type = types[entry.type as keyof typeof types];
    const content = type === 'file' ? { content: String(entry.content) } : {};
    const target = type === 'symlink' ? { target: String(entry.target) } : {};
    return [name, { type, ...content, ...target }];
  });
  return Object.fromEntries(entries);
}

test('the archive contains the tree, and the digest is that of the archive', async () => {
  const source = richTree();
  const archive = newPlace('tree.tar.gz');
  const { code, stdout, stderr } = await run(source, archive);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(await unpack(archive)).toEqual(expectedOf(source));
  expect(stdout).toContain(sha256OfFile(archive));
  expect(stdout).toContain(`entries: ${Object.keys(expectedOf(source)).length}`);
  expect(fs.readdirSync(path.dirname(archive))).toEqual(['tree.tar.gz']);
});

test('an empty folder is an empty archive', async () => {
  const archive = newPlace('tree.tar.gz');
  expect((await run(folderOf({}), archive)).code).toBe(0);
  expect(await unpack(archive)).toEqual({});
});

test('invalid input ends with an exit code and a line, and leaves no archive', async () => {
  const source = folderOf({ file: 'x' });
  expect((await run(source)).code).toBe(2);
  for (const [folder, archive, text] of [
    [newPlace(), newPlace(), 'ENOENT'],
    [path.join(source, 'file'), newPlace(), 'ENOTDIR'],
    [source, path.join(newPlace(), 'no', 'such', 'folder'), 'ENOENT'],
  ] as const) {
    const { code, stderr } = await run(folder, archive);
    expect(code).toBe(1);
    expect(stderr).toContain(text);
    expect(fs.existsSync(archive)).toBe(false);
  }
});

testOnPosix('a FIFO in the tree is an error, and the partial archive is removed', async () => {
  const source = folderOf({ a: Buffer.alloc(2_000_000, 1), z: 'z' });
  execFileSync('mkfifo', [path.join(source, 'm')]);
  const archive = newPlace('tree.tar.gz');
  const { code, stderr } = await run(source, archive);
  expect(code).toBe(1);
  expect(stderr).toContain('neither file');
  expect(fs.readdirSync(path.dirname(archive))).toEqual([]);
});

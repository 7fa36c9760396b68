import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { copy, copyTree, mirror, verify } from '../../lib/index.js';
import { isWindows, rejection, sha256, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf, namesIn, newPlace, richTree } from './trees.js';

// Manifests: written by copies, read by verify() and by sha256sum, and the other way round.

function hasSha256sum(): boolean {
  try {
    execFileSync('sha256sum', ['--version']);
    return true;
  } catch {
    return false;
  }
}

const testWithCoreutils = testWhere(!isWindows && hasSha256sum(), 'needs sha256sum of coreutils');
const testWithLinks = testWhere(!isWindows, 'Wine makes no links to folders');
const testWithBytes = testWhere(process.platform === 'linux', 'names are UTF-16 or UTF-8 there');

/** Runs `sha256sum -c --strict` in a folder, which throws if a line or a file is wrong. */
function check(folder: string, manifest: string): void {
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', manifest], { cwd: folder });
}

function linesOf(manifest: string): string[] {
  return fs.readFileSync(manifest, 'utf8').trimEnd().split('\n');
}

const oddNames = ['line\nfeed', 'back\\slash', 'return\rcarriage', '\\n', ' space', '*star', '-x'];

test('a manifest lists every file of the copy by its path, in order', async () => {
  const [from, to] = [
    folderOf({ b: 'b', 'a/x': 'x', 'a/large': Buffer.alloc(400_000) }),
    newPlace(),
  ];
  const manifest = path.join(temporaryFolder(), 'sums');
  const report = await copyTree(from, to, { manifest });
  expect(report.errors).toEqual([]);
  expect(linesOf(manifest)).toEqual([
    `${sha256(Buffer.alloc(400_000))}  a/large`,
    `${sha256(Buffer.from('x'))}  a/x`,
    `${sha256(Buffer.from('b'))}  b`,
  ]);
  expect(fs.readdirSync(path.dirname(manifest))).toEqual(['sums']);
  expect(await verify(to, { manifest })).toMatchObject({
    ...{ kind: 'manifest', equal: true, files: 3, differences: [], unfinished: [] },
  });
});

test('unchanged files and further names are listed, and a manifest is replaced', async () => {
  const from = richTree();
  const [to, manifest] = [newPlace(), path.join(temporaryFolder(), 'sums')];
  await copyTree(from, to, { manifest });
  const first = fs.readFileSync(manifest);
  fs.writeFileSync(manifest, 'something else');
  const again = await copyTree(from, to, { manifest });
  expect(again).toMatchObject({ files: 0, errors: [] });
  expect(fs.readFileSync(manifest).equals(first)).toBe(true);
  expect(linesOf(manifest).filter((line) => line.endsWith('also empty'))).toHaveLength(1);
  expect(await verify(to, { manifest })).toMatchObject({ equal: true });
});

test('`hash` chooses the algorithm; verify() tells it by the digests', async () => {
  const [from, to] = [folderOf({ a: 'a' }), newPlace()];
  const manifest = path.join(temporaryFolder(), 'sums');
  for (const [hash, digits] of [
    ['md5', 32],
    ['sha512', 128],
  ] as const) {
    await copyTree(from, to, { manifest, hash });
    expect(linesOf(manifest)[0]?.indexOf(' ')).toBe(digits);
    expect(await verify(to, { manifest })).toMatchObject({ equal: true });
  }
  await copyTree(from, to, { manifest, hash: 'blake2b512' });
  expect(await verify(to, { manifest })).toMatchObject({ equal: false });
  expect(await verify(to, { manifest, hash: 'blake2b512' })).toMatchObject({ equal: true });
});

test('copy() of a file writes the digest and the name of the copy', async () => {
  const folder = folderOf({ from: 'content' });
  const [to, manifest] = [path.join(folder, 'to'), path.join(folder, 'to.sha256')];
  const report = await copy(path.join(folder, 'from'), to, { manifest });
  expect(fs.readFileSync(manifest, 'utf8')).toBe(`${sha256(Buffer.from('content'))}  to\n`);
  expect(report).toMatchObject({ kind: 'file', hash: sha256(Buffer.from('content')) });
  expect(await verify(to, { manifest })).toMatchObject({ kind: 'manifest', equal: true, files: 1 });
  fs.writeFileSync(to, 'c0ntent');
  expect(await verify(to, { manifest })).toMatchObject({
    differences: [{ path: 'to', kind: 'content' }],
  });
});

test('verify() finds damaged, missing, extra and exchanged entries', async () => {
  const from = folderOf({ damaged: 'aaa', missing: 'b', folder: 'c', 'x/same': 'd' });
  const [to, manifest] = [newPlace(), path.join(temporaryFolder(), 'sums')];
  await copyTree(from, to, { manifest });
  fs.rmSync(from, { recursive: true });
  fs.writeFileSync(path.join(to, 'damaged'), 'axa');
  fs.rmSync(path.join(to, 'missing'));
  fs.rmSync(path.join(to, 'folder'));
  fs.mkdirSync(path.join(to, 'folder'));
  fs.writeFileSync(path.join(to, 'x', 'extra'), '');
  const report = await verify(to, { manifest });
  expect(report.equal).toBe(false);
  expect(report.differences).toEqual([
    { path: 'damaged', kind: 'content' },
    { path: 'folder', kind: 'type' },
    { path: 'missing', kind: 'missing' },
    { path: 'x/extra', kind: 'extra' },
  ]);
  const rest = await verify(to, { manifest, include: ['x'], exclude: ['x/extra'] });
  expect(rest).toMatchObject({ equal: true, files: 1 });
});

test('a manifest in the destination is neither deleted nor an extra file', async () => {
  const [from, to] = [folderOf({ a: 'a' }), newPlace()];
  const manifest = path.join(to, 'SHA256SUMS');
  for (let run = 0; run < 2; run++) {
    expect(await mirror(from, to, { manifest })).toMatchObject({ deleted: 0, errors: [] });
    expect(linesOf(manifest)).toHaveLength(1);
    expect(await verify(to, { manifest })).toMatchObject({ equal: true });
  }
});

test('a manifest in the source is not part of the tree', async () => {
  const [from, to] = [folderOf({ a: 'a' }), newPlace()];
  const manifest = path.join(from, 'sums');
  for (let run = 0; run < 2; run++) {
    expect(await mirror(from, to, { manifest })).toMatchObject({ errors: [] });
    expect(namesIn(to)).toEqual(['a']);
  }
});

test('a manifest never replaces the copy of a file', async () => {
  const [from, to] = [folderOf({ SUMS: 'of the source', a: 'a' }), newPlace()];
  const error = await rejection(mirror(from, to, { manifest: path.join(to, 'SUMS') }));
  expect(error).toMatchObject({ code: 'EEXIST' });
  expect(fs.existsSync(to)).toBe(false);
});

testWhere(!isWindows, 'there is no mkfifo(1)')(
  'a manifest does not replace a FIFO, nor a link to a device or a descriptor',
  async () => {
    const [from, to] = [folderOf({ a: 'a' }), newPlace()];
    const [fifo, link] = ['fifo', 'link'].map((name) => path.join(temporaryFolder(), name));
    execFileSync('mkfifo', [fifo as string]);
    fs.symlinkSync('/dev/null', link as string);
    // Like /dev/stdout of a program whose output goes to a file.
    const [output, file] = ['output', 'file'].map((name) => path.join(temporaryFolder(), name));
    const fd = fs.openSync(file as string, 'w');
    onTestFinished(() => fs.closeSync(fd));
    fs.symlinkSync(`/dev/fd/${fd}`, output as string);
    for (const manifest of [fifo, link, output]) {
      for (const source of [from, path.join(from, 'a')]) {
        const error = await rejection(copy(source, to, { manifest }));
        expect(error).toMatchObject({ code: 'EEXIST', path: manifest });
      }
    }
    expect(fs.existsSync(to)).toBe(false);
    expect(fs.lstatSync(fifo as string).isFIFO()).toBe(true);
    expect(fs.lstatSync(link as string).isSymbolicLink()).toBe(true);
  },
);

test('a manifest that cannot be written is an error before anything is copied', async () => {
  const [from, to] = [folderOf({ a: 'a' }), newPlace()];
  const manifest = path.join(temporaryFolder(), 'missing', 'sums');
  for (const source of [from, path.join(from, 'a')]) {
    const error = await rejection(copy(source, to, { manifest }));
    expect(error).toMatchObject({ code: 'ENOENT', path: manifest });
  }
  expect(fs.existsSync(to)).toBe(false);
});

test('a file that cannot be copied is not listed, and a dry run writes nothing', async () => {
  const [from, to] = [folderOf({ a: 'a', b: 'b' }), newPlace()];
  const manifest = path.join(temporaryFolder(), 'sums');
  await copyTree(from, to, { manifest, dryRun: true });
  expect(fs.existsSync(manifest)).toBe(false);
  fs.mkdirSync(path.join(to, 'b'), { recursive: true });
  const report = await copyTree(from, to, { manifest });
  expect(report.errors).toMatchObject([{ path: 'b', error: { code: 'EISDIR' } }]);
  expect(linesOf(manifest)).toEqual([`${sha256(Buffer.from('a'))}  a`]);
});

test('an aborted copy leaves the earlier manifest', async () => {
  const from = folderOf({ a: Buffer.alloc(1_000_000), b: Buffer.alloc(1_000_000) });
  const [to, manifest] = [newPlace(), path.join(temporaryFolder(), 'sums')];
  fs.writeFileSync(manifest, 'earlier');
  const controller = new AbortController();
  const options = { manifest, signal: controller.signal, onProgress: () => controller.abort() };
  expect(await rejection(copyTree(from, to, options))).toMatchObject({ name: 'AbortError' });
  expect(fs.readFileSync(manifest, 'utf8')).toBe('earlier');
  expect(fs.readdirSync(path.dirname(manifest))).toEqual(['sums']);
});

describe('exchange with sha256sum', () => {
  testWithCoreutils('sha256sum -c reads a manifest, also with odd names', async () => {
    const content = Object.fromEntries(oddNames.map((name) => [name, name]));
    const [from, to] = [folderOf({ ...content, 'deep/er/file': 'x' }), newPlace()];
    const manifest = path.join(temporaryFolder(), 'sums');
    await copyTree(from, to, { manifest });
    check(to, manifest);
    fs.writeFileSync(path.join(to, 'line\nfeed'), 'damaged');
    expect(() => check(to, manifest)).toThrow();
  });

  testWithCoreutils('verify() reads a manifest of sha256sum, also with odd names', async () => {
    const content = Object.fromEntries(oddNames.map((name) => [name, name]));
    const folder = folderOf(content);
    const sums = path.join(folder, 'SUMS');
    const names = oddNames.map((name) => `./${name}`);
    for (const options of [[], ['--binary'], ['--tag']]) {
      const printed = execFileSync('sha256sum', [...options, ...names], { cwd: folder });
      fs.writeFileSync(sums, printed);
      expect(await verify(folder, { manifest: sums })).toMatchObject({
        ...{ equal: true, files: oddNames.length },
      });
    }
    const printed = execFileSync('sha512sum', names, { cwd: folder });
    fs.writeFileSync(sums, printed.toString().replaceAll('\n', '\r\n'));
    expect(await verify(folder, { manifest: sums })).toMatchObject({ equal: true });
  });

  testWithBytes('names that are not UTF-8 keep their bytes both ways', async () => {
    const from = folderOf({});
    const name = Buffer.from([0x66, 0xff, 0x0a, 0x80]);
    fs.writeFileSync(Buffer.concat([Buffer.from(`${from}/`), name]), 'bytes');
    const [to, manifest] = [newPlace(), path.join(temporaryFolder(), 'sums')];
    await copyTree(from, to, { manifest });
    expect(fs.readFileSync(manifest).includes(Buffer.from([0x66, 0xff, 0x5c, 0x6e, 0x80]))).toBe(
      true,
    );
    expect(await verify(to, { manifest })).toMatchObject({ equal: true, files: 1 });
    check(to, manifest);
  });
});

describe('a manifest that cannot be trusted is refused before a file is read', () => {
  const digest = sha256(Buffer.from('a'));
  for (const name of ['../a', '/a', 'x/../../a', 'x/..', '.', './/']) {
    test(`a name that leaves the folder: ${name}`, async () => {
      const folder = folderOf({ a: 'a' });
      const manifest = path.join(temporaryFolder(), 'sums');
      fs.writeFileSync(manifest, `${digest}  a\n${digest}  ${name}\n`);
      expect(await rejection(verify(folder, { manifest }))).toMatchObject({
        ...{ name: 'ManifestError', code: 'ERR_MANIFEST_PATH', path: manifest, line: 2 },
      });
    });
  }

  for (const line of ['no digest', `${digest} a`, `${digest.slice(1)}  a`, `\\${digest}  a\\t`]) {
    test(`a line in another format: ${line.replace(digest, '<digest>')}`, async () => {
      const folder = folderOf({ a: 'a' });
      const manifest = path.join(temporaryFolder(), 'sums');
      fs.writeFileSync(manifest, `# a comment\n\n${line}\n`);
      expect(await rejection(verify(folder, { manifest }))).toMatchObject({
        ...{ code: 'ERR_MANIFEST_FORMAT', line: 3 },
      });
    });
  }

  testWithLinks('a link in the folder is not followed', async () => {
    const [folder, outside] = [folderOf({}), folderOf({ a: 'a' })];
    fs.symlinkSync(path.join(outside, 'a'), path.join(folder, 'a'));
    fs.symlinkSync(outside, path.join(folder, 'x'));
    const manifest = path.join(temporaryFolder(), 'sums');
    fs.writeFileSync(manifest, `${digest}  a\n${digest}  x/a\n`);
    expect((await verify(folder, { manifest })).differences).toEqual([
      { path: 'a', kind: 'type' },
      { path: 'x/a', kind: 'missing' },
    ]);
  });
});

import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { keepParts } from '../../lib/copy/metadata.js';
import type { CopyTreeOptions, CopyTreeReport } from '../../lib/index.js';
import { systemErrorOf } from '../../lib/node/errors.js';
import { distUrl, isLinux, randomBytes, rejection, resultOfChild, testWhere } from '../helpers.js';
import { folderOf, namesIn, newPlace } from './trees.js';

const setpriv = '/usr/bin/setpriv';
const canRun = isLinux && process.geteuid?.() === 0 && fs.existsSync(setpriv);
const why = 'only root on Linux can do without its right to give files away';
const testWithoutRight = testWhere(canRun, why, { mustRun: isLinux });

const [user, group] = [1234, 4321];

/** Creates a tree of another user, except for the folder itself and one file. */
function treeOfOther(): string {
  const source = folderOf({
    'folder/large': randomBytes(300_000),
    'folder/small': 'small',
    own: 'own',
  });
  const at = (name: string): string => path.join(source, name);
  fs.linkSync(at('folder/small'), at('folder/again'));
  fs.symlinkSync('own', at('link'));
  for (const name of ['folder', 'folder/large', 'folder/small', 'link']) {
    fs.lchownSync(at(name), user, group);
  }
  for (const name of ['folder/large', 'folder/small', 'own']) fs.chmodSync(at(name), 0o6755);
  fs.chmodSync(at('folder'), 0o750);
  for (const name of ['folder/large', 'folder/small', 'folder']) {
    fs.utimesSync(at(name), 1_500_000_000, 1_400_000_000);
  }
  return source;
}

const others = ['folder', 'folder/again', 'folder/large', 'folder/small', 'link'];

// Runs twice, as root that may not change owners, which the child checks itself.
const twice = `
  const [url, from, to, options] = process.argv.slice(2);
  const { copyTree } = await import(url);
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  const mayChown = (BigInt('0x' + /CapEff:\\s*(\\S+)/.exec(status)[1]) & 1n) === 1n;
  const reports = [];
  for (let i = 0; i < 2; i++) {
    const { errors, ...report } = await copyTree(from, to, JSON.parse(options));
    const codes = errors.map(({ path, error }) => ({ path, code: error.code }));
    const inOrder = (list) => list.sort((a, b) => (a.path < b.path ? -1 : 1));
    inOrder(report.metadataRefused);
    reports.push({ ...report, errors: inOrder(codes) });
  }
  console.log(JSON.stringify({ mayChown, reports, user: process.geteuid() }));
`;

type Report = Omit<CopyTreeReport, 'errors'> & { errors: { path: string; code: string }[] };

async function copyTwice(
  source: string,
  to: string,
  options: CopyTreeOptions,
): Promise<[Report, Report]> {
  const launcher = [setpriv, '--bounding-set', '-chown', '--inh-caps', '-chown'];
  const args = [distUrl('index.js'), source, to, JSON.stringify(options)];
  const { reports, ...who } = await resultOfChild<{ reports: [Report, Report] }>(twice, {
    launcher,
    args,
  });
  expect(who).toEqual({ mayChown: false, user: 0 });
  return reports;
}

/** The content, kind, permissions, time and owner of an entry. */
function found(folder: string, name: string): unknown {
  const file = path.join(folder, name);
  const { mode, mtimeMs, uid } = fs.lstatSync(file);
  const isFile = fs.lstatSync(file).isFile();
  const content = isFile ? fs.readFileSync(file).toString('base64') : undefined;
  return { content, mode: mode & 0o7777, mtimeMs, uid };
}

// Runs as root that has no more rights than another owner of a folder.
const once = `
  const [url, from, to] = process.argv.slice(2);
  const { mirror } = await import(url);
  const { errors, ...report } = await mirror(from, to);
  const codes = errors.map(({ path, error }) => ({ path, code: error.code }));
  console.log(JSON.stringify({ ...report, errors: codes }));
`;

testWithoutRight('root that may not override modes works in its read-only folders', async () => {
  const source = folderOf({ 'closed/new': 'n', 'closed/kept': 'k' });
  const to = folderOf({ 'closed/old': 'o', 'closed/kept': 'k', 'gone/in': 'i' });
  for (const name of ['closed', 'gone']) fs.chmodSync(path.join(to, name), 0o555);
  fs.chmodSync(path.join(source, 'closed'), 0o555);
  const launcher = [setpriv, '--bounding-set', '-dac_override', '--inh-caps', '-dac_override'];
  const args = [distUrl('index.js'), source, to];
  const report = await resultOfChild<Report>(once, { launcher, args });
  expect(report).toMatchObject({ errors: [], deleted: 3 });
  expect(namesIn(to)).toEqual(['closed', 'closed/kept', 'closed/new']);
  expect(fs.statSync(path.join(to, 'closed')).mode & 0o777).toBe(0o555);
});

for (const options of [{}, { metadata: true }, { verify: true }]) {
  testWithoutRight(
    `a refused owner is reported but is no error, ${JSON.stringify(options)}`,
    async () => {
      const source = treeOfOther();
      const to = newPlace();
      const [first, second] = await copyTwice(source, to, options);
      const refused = others.map((name) => ({ path: name, parts: ['owner'] }));
      expect(first).toMatchObject({ files: 3, folders: 2, links: 1, hardLinks: 1, errors: [] });
      expect(first.metadataRefused).toEqual(refused);
      // Complete entries are left alone; their missing owner is reported again.
      expect(second).toMatchObject({ files: 0, folders: 0, links: 0, hardLinks: 0, errors: [] });
      expect(second).toMatchObject({ skipped: 5, metadataRefused: refused });
      // Everything but the owner is kept; no set-user bit of another user takes effect as root.
      for (const name of ['folder', ...others.slice(1, 4)]) {
        const mode = name === 'folder' ? 0o750 : 0o755;
        expect(found(to, name), name).toEqual({ ...(found(source, name) as object), mode, uid: 0 });
      }
      expect(found(to, 'own')).toEqual(found(source, 'own'));
      expect(fs.readlinkSync(path.join(to, 'link'))).toBe('own');
    },
  );
}

testWithoutRight(
  'a copy of before loses the bits by which others would run it as root',
  async () => {
    const source = treeOfOther();
    const to = newPlace();
    await copyTwice(source, to, {});
    for (const name of ['folder/small', 'folder/large']) fs.chmodSync(path.join(to, name), 0o6755);
    const [report] = await copyTwice(source, to, {});
    expect(report).toMatchObject({ files: 0, errors: [] });
    for (const name of ['folder/small', 'folder/large']) {
      expect(fs.statSync(path.join(to, name)).mode & 0o7777, name).toBe(0o755);
    }
  },
);

testWithoutRight(
  'with an explicit owner each refusal is an error, and existing files are kept',
  async () => {
    const source = treeOfOther();
    const to = folderOf({ 'folder/small': 'old', 'folder/large': 'old', 'folder/again': 'old' });
    fs.symlinkSync('elsewhere', path.join(to, 'link'));
    const options = { metadata: { owner: true, mode: true, times: true } };
    for (const { errors, metadataRefused } of await copyTwice(source, to, options)) {
      expect(errors).toEqual(others.map((name) => ({ path: name, code: 'EPERM' })));
      expect(metadataRefused).toEqual([]);
    }
    for (const name of others.slice(1, 4)) {
      expect(fs.readFileSync(path.join(to, name), 'utf8'), name).toBe('old');
    }
    expect(fs.readlinkSync(path.join(to, 'link'))).toBe('elsewhere');
    expect(fs.readdirSync(path.join(to, 'folder')).sort()).toEqual(['again', 'large', 'small']);
  },
);

test('some errors count as a refusal of an optional part; all others are failures', async () => {
  const refusedBy = async (code: string, wanted: 'try' | 'must' = 'try') => {
    const error = systemErrorOf(code, { syscall: 'test' });
    return keepParts({ times: wanted }, () => Promise.reject(error));
  };
  for (const code of ['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'ENOSYS']) {
    expect(await refusedBy(code), code).toEqual(['times']);
    expect((await rejection(refusedBy(code, 'must'))).code).toBe(code);
  }
  for (const code of ['EIO', 'ENOSPC', 'EROFS', 'ENOENT', 'EBUSY', 'EMFILE']) {
    expect((await rejection(refusedBy(code))).code).toBe(code);
  }
});

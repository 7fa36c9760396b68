import nodeFs from 'node:fs';
import * as nodePromises from 'node:fs/promises';
import { expect, test } from 'vitest';
import overlappedFs, * as fsNamespace from '../../../lib/fs.js';
import * as main from '../../../lib/index.js';
import promises, * as promisesNamespace from '../../../lib/promises.js';
import { builtModule, fileWith, resultOfChild } from '../../helpers.js';

// The functions of Node 24; the running version may lack some.
const functions = (
  'access appendFile chmod chown copyFile cp glob lchmod lchown link lstat lutimes mkdir mkdtemp ' +
  'mkdtempDisposable open opendir readFile readdir readlink realpath rename rm rmdir stat statfs ' +
  'symlink truncate unlink utimes watch writeFile'
).split(' ');

const handleMembers = (
  'appendFile chmod chown close createReadStream createWriteStream datasync fd getAsyncId read ' +
  'readFile readLines readableWebStream readv stat sync truncate utimes write writeFile writev'
).split(' ');

for (const [name, api] of Object.entries({
  overlapped: main,
  'overlapped/promises': promisesNamespace,
  'the default export of overlapped/promises': promises,
  'promises of overlapped/fs': overlappedFs.promises,
})) {
  const members = api as unknown as Record<string, unknown>;

  test(`${name} has every function of Node 20, 22 and 24`, () => {
    for (const member of functions) expect(typeof members[member], member).toBe('function');
    expect(members.constants).toEqual(nodeFs.constants);
  });

  test(`${name} has every member of the running Node`, () => {
    const wanted = Object.keys(nodePromises).filter((key) => !/default|module.exports/.test(key));
    expect(wanted.filter((key) => !(key in members))).toEqual([]);
  });
}

test('a handle has every member that those of Node have', async () => {
  const file = fileWith('content');
  const ours = await main.open(file);
  const node = await nodePromises.open(file);
  const prototype = Object.getPrototypeOf(node) as object;
  const wanted = new Set([...handleMembers, ...Object.getOwnPropertyNames(prototype)]);
  expect([...wanted].filter((key) => !(key in ours))).toEqual([]);
  expect(Symbol.asyncDispose in ours).toBe(true);
  await node.close();
  await ours.close();
});

test('overlapped/fs has every member of node:fs, by name and in its default export', () => {
  const members = fsNamespace as unknown as Record<string, unknown>;
  const object = overlappedFs as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(nodeFs)) {
    expect(typeof object[name], name).toBe(typeof value);
    expect(members[name], name).toBe(object[name]);
  }
});

test("functions that overlapped/fs does not serve are Node's own", () => {
  const { readFileSync, realpath, write, opendir, watch, constants } = overlappedFs;
  expect({ readFileSync, write, opendir, watch, constants }).toEqual({
    readFileSync: nodeFs.readFileSync,
    write: nodeFs.write,
    opendir: nodeFs.opendir,
    watch: nodeFs.watch,
    constants: nodeFs.constants,
  });
  expect(realpath.native).toBe(nodeFs.realpath.native);
});

test('the default export of overlapped/fs can be changed, as node:fs can', () => {
  const copy = overlappedFs.readFile;
  const replacement = (() => {}) as unknown as typeof copy;
  overlappedFs.readFile = replacement;
  expect(overlappedFs.readFile).toBe(replacement);
  overlappedFs.readFile = copy;
});

test('require() gives the same objects as import', async () => {
  const script = `
    import { createRequire } from 'node:module';
    import { pathToFileURL } from 'node:url';
    const require = createRequire(argument);
    const imported = (name) => import(pathToFileURL(require.resolve(name)).href);
    const ours = await imported('overlapped/fs');
    const promises = await imported('overlapped/promises');
    console.log(JSON.stringify({
      fs: require('overlapped/fs') === ours.default,
      promises: require('overlapped/promises') === promises.default,
      one: ours.promises === promises.default && ours.default.promises === promises.default,
      sync: require('overlapped/fs').readFileSync === fs.readFileSync,
      register: require('overlapped/fs').register === ours.register,
      unregister: require('overlapped/fs').unregister === ours.unregister,
      listed: Object.keys(require('overlapped/fs')).includes('register'),
    }));
  `;
  const same = await resultOfChild(script, { args: [builtModule] });
  const { listed, ...others } = same as Record<string, boolean>;
  expect(listed).toBe(false);
  expect(new Set(Object.values(others))).toEqual(new Set([true]));
  expect(Object.keys(others)).toHaveLength(6);
});

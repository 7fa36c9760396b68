import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { mkdtempDisposable, readdir, rm } from '../../../lib/index.js';
import { isWindows, temporaryFolder } from '../../helpers.js';
import { sameOnPosix, sameSurface, sameWhere, untyped } from './surface.js';

function makeTree(folder: string): string {
  const tree = path.join(folder, 'directory', 'tree');
  for (const name of ['b/deep/deeper', 'a', 'empty', '.hidden']) {
    fs.mkdirSync(path.join(tree, ...name.split('/')), { recursive: true });
  }
  for (const name of ['file', 'a/one', 'a/two', 'b/deep/x', 'b/deep/deeper/y', '.hidden/z', 'ü']) {
    fs.writeFileSync(path.join(tree, ...name.split('/')), name);
  }
  if (!isWindows) fs.symlinkSync('a', path.join(tree, 'to-a'));
  return tree;
}

type Entry = fs.Dirent<string | Buffer>;
const shapeOf = (entries: unknown, root: string): unknown =>
  (entries as Entry[]).map((entry) => [
    entry.name,
    String(entry.parentPath).replace(root, '<root>'),
    entry.isFile(),
    entry.isDirectory(),
    entry.isSymbolicLink(),
    entry.constructor === fs.Dirent,
  ]);

const nameOptions = [
  undefined,
  null,
  {},
  'utf8',
  'buffer',
  'latin1',
  'hex',
  { encoding: 'buffer' },
  { encoding: 'base64' },
  { recursive: true },
  { recursive: false },
  { recursive: 1 },
] as const;
for (const options of nameOptions) {
  sameSurface(`readdir with options ${JSON.stringify(options)}`, 'ok', ({ fs, folder }) =>
    untyped(fs.readdir)(makeTree(folder), options),
  );
}
const typeOptions = [{}, { recursive: true }, { encoding: 'buffer' }, { encoding: 'hex' }] as const;
for (const options of typeOptions) {
  const given = { ...options, withFileTypes: true };
  sameSurface(`readdir with ${JSON.stringify(given)}`, 'ok', async ({ fs, folder }) => {
    const tree = makeTree(folder);
    return shapeOf(await untyped(fs.readdir)(tree, given), tree);
  });
}
sameSurface('readdir of a path with a separator at its end', 'ok', async ({ fs, folder }) => {
  const tree = `${makeTree(folder)}${path.sep}`;
  const entries = await fs.readdir(tree, { withFileTypes: true, recursive: true });
  return [await fs.readdir(tree, { recursive: true }), shapeOf(entries, tree)];
});
sameSurface('readdir of a URL', 'ok', async ({ fs, folder }) => {
  const tree = makeTree(folder);
  const entries = await fs.readdir(pathToFileURL(tree), { withFileTypes: true });
  return shapeOf(entries, tree);
});
sameSurface('readdir of an empty folder', 'ok', async ({ fs, folder }) => {
  const empty = path.join(folder, 'directory');
  return [await fs.readdir(empty), await fs.readdir(empty, { recursive: true })];
});
sameSurface('readdir of no folder', 'ENOENT', ({ fs, missing }) => fs.readdir(missing));
sameSurface('readdir of no folder, recursive', 'ENOENT', ({ fs, missing }) =>
  fs.readdir(missing, { recursive: true, withFileTypes: true }),
);
sameSurface('readdir of a file', 'ENOTDIR', ({ fs, file }) => fs.readdir(file));
sameSurface('readdir of a number', 'ERR_INVALID_ARG_TYPE', ({ fs }) => untyped(fs.readdir)(5));
sameSurface('readdir with a bad encoding', 'ERR_INVALID_ARG_VALUE', ({ fs, folder }) =>
  untyped(fs.readdir)(folder, 'no-encoding'),
);
sameSurface('readdir with a number for options', 'ERR_INVALID_ARG_TYPE', ({ fs, folder }) =>
  untyped(fs.readdir)(folder, 5),
);
const isRoot = process.getuid?.() === 0;
sameWhere(!isWindows && !isRoot, 'root and Windows may read every folder of their own')(
  'readdir names the folder below that it cannot read',
  'EACCES',
  ({ fs: api, folder }) => {
    const tree = makeTree(folder);
    fs.chmodSync(path.join(tree, 'b', 'deep'), 0);
    return api.readdir(tree, { recursive: true });
  },
);

sameSurface('rm of a file', 'ok', ({ fs, file }) => fs.rm(file));
sameSurface('rm of no file', 'ENOENT', ({ fs, missing }) => fs.rm(missing));
sameSurface('rm of no file by force', 'ok', ({ fs, missing }) => fs.rm(missing, { force: true }));
sameSurface('rm of a tree', 'ok', async ({ fs, folder }) => {
  await fs.rm(makeTree(folder), { recursive: true });
  return fs.readdir(path.join(folder, 'directory'));
});
sameSurface('rm of a file with recursive', 'ok', ({ fs, file }) =>
  fs.rm(file, { recursive: true }),
);
sameSurface('rm of a folder without recursive', 'ERR_FS_EISDIR', ({ fs, folder }) =>
  fs.rm(path.join(folder, 'directory'), { force: true }),
);
sameOnPosix('rm of a link to a folder leaves the folder', 'ok', async (setting) => {
  const link = path.join(setting.folder, 'directory', 'link');
  fs.symlinkSync(setting.folder, link);
  await setting.fs.rm(link, { recursive: true });
  return setting.fs.readdir(setting.folder);
});
const badOptions: Record<string, unknown>[] = [
  { recursive: 1 },
  { force: 'yes' },
  { maxRetries: -1 },
  { maxRetries: 1.5 },
  { maxRetries: '1' },
  { retryDelay: -1 },
  { retryDelay: 2 ** 31 },
];
for (const options of badOptions) {
  const value = Object.values(options)[0];
  const isRange = typeof value === 'number' && !('recursive' in options);
  const code = isRange ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE';
  sameSurface(`rm with ${JSON.stringify(options)}`, code, ({ fs, file }) =>
    untyped(fs.rm)(file, options),
  );
}
sameSurface('rm with null options', 'ERR_INVALID_ARG_TYPE', ({ fs, file }) =>
  untyped(fs.rm)(file, null),
);

test('readdir and rm are aborted by their signal', async () => {
  const tree = makeTree(fs.mkdtempSync(path.join(temporaryFolder(), 'x')));
  const aborted = AbortSignal.abort('reason');
  const error = { name: 'AbortError', code: 'ABORT_ERR', cause: 'reason' };
  await expect(readdir(tree, { recursive: true, signal: aborted })).rejects.toMatchObject(error);
  await expect(rm(tree, { recursive: true, signal: aborted })).rejects.toMatchObject(error);
  expect(fs.existsSync(path.join(tree, 'b', 'deep', 'x'))).toBe(true);
  const controller = new AbortController();
  const removal = rm(tree, { recursive: true, signal: controller.signal });
  controller.abort();
  await expect(removal).rejects.toMatchObject({ code: 'ABORT_ERR' });
});

test('mkdtempDisposable creates a folder and removes it with everything in it', async () => {
  const parent = temporaryFolder();
  const made = await mkdtempDisposable(path.join(parent, 'new-'));
  expect(path.dirname(made.path)).toBe(parent);
  fs.writeFileSync(path.join(made.path, 'file'), 'x');
  await made[Symbol.asyncDispose]();
  expect(fs.readdirSync(parent)).toEqual([]);
  const other = await mkdtempDisposable(path.join(parent, 'new-'), 'utf8');
  await other.remove();
  expect(fs.readdirSync(parent)).toEqual([]);
});

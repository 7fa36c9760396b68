import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { lstat, stat } from '../../../lib/index.js';
import { inAttempts, isWindows, temporaryFolder, testWhere } from '../../helpers.js';
import { sameOnPosix, sameSurface, sameWhere, untyped } from './surface.js';

const times = new Set(['atime', 'mtime', 'ctime', 'birthtime']);

function shapeOf(stats: object): unknown {
  const own = Object.keys(stats).filter((name) => !times.has(name));
  const types = own.map((name) => [name, typeof (stats as Record<string, unknown>)[name]]);
  return { types, prototype: Object.getPrototypeOf(stats) as unknown };
}

sameSurface('lstat of a file has the shape of Stats', 'ok', async ({ fs, file }) =>
  shapeOf(await fs.lstat(file)),
);
sameSurface('lstat in bigints', 'ok', async ({ fs, file }) =>
  shapeOf(await fs.lstat(file, { bigint: true })),
);
sameSurface('lstat of a folder', 'ok', async ({ fs, folder }) => {
  const status = await fs.lstat(folder);
  return [status.isDirectory(), status.isFile(), status.isSymbolicLink()];
});
sameOnPosix('lstat of a link is of the link, stat of what it leads to', 'ok', async (setting) => {
  const link = path.join(setting.folder, 'link');
  fs.symlinkSync('file', link);
  const own = await setting.fs.lstat(link);
  const target = await setting.fs.stat(link);
  return [own.isSymbolicLink(), own.size, target.isSymbolicLink(), target.size];
});
sameSurface('lstat of no file', 'ENOENT', ({ fs, missing }) => fs.lstat(missing));
sameSurface('lstat of a number', 'ERR_INVALID_ARG_TYPE', ({ fs }) => untyped(fs.lstat)(5));
sameSurface('lstat with null options', "Cannot read properties of null (reading 'bigint')", (s) =>
  untyped(s.fs.lstat)(s.file, null),
);
sameSurface('stat with null options', "Cannot read properties of null (reading 'bigint')", (s) =>
  untyped(s.fs.stat)(s.file, null),
);
sameSurface('a truthy bigint that is not true counts for nothing', 'ok', async ({ fs, file }) =>
  shapeOf((await untyped(fs.lstat)(file, { bigint: 1 })) as object),
);

test('stat with throwIfNoEntry: false resolves to undefined for a missing file', async () => {
  const missing = path.join(temporaryFolder(), 'missing');
  expect(await stat(missing, { throwIfNoEntry: false })).toBeUndefined();
  expect(await stat(missing, { bigint: true, throwIfNoEntry: false })).toBeUndefined();
  expect((await stat('.', { throwIfNoEntry: false }))?.isDirectory()).toBe(true);
  await expect(stat(missing, { throwIfNoEntry: true })).rejects.toMatchObject({ code: 'ENOENT' });
});

testWhere(!isWindows, 'Windows has no /usr')(
  'lstat and stat agree with node:fs about every file of a folder of the system',
  async () => {
    for (const name of fs.readdirSync('/usr').slice(0, 50)) {
      const file = path.join('/usr', name);
      // Another program may read a folder in between, which changes its time of access.
      await inAttempts(async () => {
        expect(await lstat(file)).toEqual(fs.lstatSync(file));
        expect(await stat(file, { bigint: true })).toEqual(fs.statSync(file, { bigint: true }));
      });
    }
  },
);

sameSurface('truncate cuts', 'ok', ({ fs, file }) => fs.truncate(file, 100));
sameSurface('truncate without a length empties', 'ok', ({ fs, file }) => fs.truncate(file));
sameSurface('truncate extends', 'ok', ({ fs, file }) => fs.truncate(file, 20_000));
sameSurface('truncate to less than nothing', 'ok', ({ fs, file }) => fs.truncate(file, -5));
sameSurface('truncate of no file', 'ENOENT', ({ fs, missing }) => fs.truncate(missing, 5));
sameWhere(!isWindows, 'Windows opens folders in its own way')(
  'truncate of a folder',
  'EISDIR',
  ({ fs, folder }) => fs.truncate(folder, 5),
);
for (const length of ['5', null, 1.5, {}]) {
  const code = length === 1.5 ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE';
  sameSurface(`truncate to ${JSON.stringify(length)}`, code, ({ fs, file }) =>
    untyped(fs.truncate)(file, length),
  );
  sameSurface(`truncate of no file to ${JSON.stringify(length)}`, 'ENOENT', ({ fs, missing }) =>
    untyped(fs.truncate)(missing, length),
  );
}

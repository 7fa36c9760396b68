import * as fs from 'node:fs';
import * as path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { copyFile } from '../../../lib/index.js';
import {
  fileWith,
  isWindows,
  randomBytes,
  settled,
  temporaryFolder,
  testWhere,
} from '../../helpers.js';
import { type SurfaceSetting, sameSurface, untyped } from './surface.js';

const { COPYFILE_EXCL, COPYFILE_FICLONE } = fs.constants;
const signal = new AbortController().signal;

// With a signal the package copies the file itself; everything else is the same.
type Copy = (setting: SurfaceSetting, from: unknown, to: unknown, mode?: unknown) => unknown;
const ways: Record<string, Copy> = {
  copyFile: ({ fs }, from, to, mode) => untyped(fs.copyFile)(from, to, mode),
  'copyFile with a signal': ({ fs: api }, from, to, mode) =>
    api === (fs.promises as unknown)
      ? untyped(api.copyFile)(from, to, mode)
      : untyped(api.copyFile)(from, to, { mode, signal }),
};

for (const [way, call] of Object.entries(ways)) {
  const copy = async (...args: Parameters<Copy>): Promise<unknown> => call(...args);

  sameSurface(`${way} to a new file`, 'ok', (s) => copy(s, s.file, s.missing));
  sameSurface(`${way} over a longer file`, 'ok', (s) => {
    fs.writeFileSync(s.missing, randomBytes(30_000, 3));
    return copy(s, s.file, s.missing);
  });
  sameSurface(`${way} to itself`, 'ok', (s) => copy(s, s.file, s.file));
  sameSurface(`${way} with FICLONE`, 'ok', (s) => copy(s, s.file, s.missing, COPYFILE_FICLONE));
  sameSurface(`${way} with EXCL`, 'ok', (s) => copy(s, s.file, s.missing, COPYFILE_EXCL));
  sameSurface(`${way} with EXCL of a name in use`, 'EEXIST', (s) =>
    copy(s, s.file, path.join(s.folder, 'directory'), COPYFILE_EXCL),
  );
  sameSurface(`${way} of no file names both paths`, 'ENOENT', (s) =>
    copy(s, s.missing, path.join(s.folder, 'new')),
  );
  sameSurface(`${way} into no folder`, 'ENOENT', (s) =>
    copy(s, s.file, path.join(s.missing, 'new')),
  );
  sameSurface(`${way} of a number`, 'ERR_INVALID_ARG_TYPE', (s) => copy(s, 5, s.missing));
  sameSurface(`${way} to a number`, 'ERR_INVALID_ARG_TYPE', (s) => copy(s, s.file, 5));
}
sameSurface('copyFile with a mode of no number', 'ERR_INVALID_ARG_TYPE', ({ fs, file, missing }) =>
  untyped(fs.copyFile)(file, missing, 'x'),
);
sameSurface('copyFile with too large a mode', 'ERR_OUT_OF_RANGE', ({ fs, file, missing }) =>
  fs.copyFile(file, missing, 99),
);

testWhere(!isWindows, 'Windows has no such modes')(
  'copyFile with a signal gives the copy the permissions of its source',
  async () => {
    const source = fileWith('content');
    fs.chmodSync(source, 0o751);
    const target = path.join(temporaryFolder(), 'copy');
    await copyFile(source, target, { signal });
    expect(fs.statSync(target).mode & 0o777).toBe(0o751);
  },
);

test('an aborted copyFile leaves no partial file', async () => {
  const source = fileWith(randomBytes(30 * 1024 * 1024));
  const folder = temporaryFolder();
  const target = path.join(folder, 'copy');
  const before = copyFile(source, target, { signal: AbortSignal.abort() });
  await expect(before).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
  // On a busy machine the copy may have ended before the abort.
  for (let isAborted = false; !isAborted; ) {
    const controller = new AbortController();
    const copying = settled(copyFile(source, target, { signal: controller.signal }));
    while (fs.readdirSync(folder).length === 0) await turn();
    controller.abort();
    const { error } = await copying;
    isAborted = error !== undefined;
    if (isAborted) expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    expect(fs.readdirSync(folder)).toEqual(isAborted ? [] : ['copy']);
    fs.rmSync(target, { force: true });
  }
});

import * as nodeFs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isLinux, isWindows, rejection, sleep } from '../../helpers.js';
import { sameOnPosix, sameSurface, sameWhere, untyped } from './surface.js';

// Wine does not set access times.
const keepsAccessTimes = !isWindows;

// Delegated functions: a few cases of each, to check that nothing is lost or changed on the way.

sameSurface('access of a file', 'ok', ({ fs, file }) => fs.access(file, fs.constants.R_OK));
sameSurface('access of no file', 'ENOENT', ({ fs, missing }) => fs.access(missing));
sameSurface('access of a number', 'ERR_INVALID_ARG_TYPE', ({ fs }) => untyped(fs.access)(5));

sameOnPosix('chmod', 'ok', async ({ fs, file }) => {
  await fs.chmod(file, 0o640);
  return (await fs.stat(file)).mode & 0o777;
});
sameSurface('chmod of no file', 'ENOENT', ({ fs, missing }) => fs.chmod(missing, 0o640));
sameSurface('chmod without a mode', 'ERR_INVALID_ARG_TYPE', ({ fs, file }) =>
  untyped(fs.chmod)(file),
);

sameOnPosix('chown and lchown to the own user', 'ok', async ({ fs, file }) => {
  const { uid, gid } = await fs.stat(file);
  return [await fs.chown(file, uid, gid), await fs.lchown(file, uid, gid)];
});
sameSurface('chown to no number', 'ERR_INVALID_ARG_TYPE', ({ fs, file }) =>
  untyped(fs.chown)(file, 'root', 0),
);
sameOnPosix('lchown of no file', 'ENOENT', ({ fs, missing }) => fs.lchown(missing, 0, 0));
sameWhere(isLinux, 'only macOS has lchmod, and elsewhere its error is the test')(
  'lchmod',
  'ERR_METHOD_NOT_IMPLEMENTED',
  ({ fs, file }) => fs.lchmod(file, 0o640),
);

sameSurface('link', 'ok', async ({ fs, file, missing }) => {
  await fs.link(file, missing);
  return (await fs.stat(missing)).nlink;
});
sameSurface('link to a name in use', 'EEXIST', ({ fs, file, folder }) =>
  fs.link(file, path.join(folder, 'directory')),
);

sameSurface('mkdir gives the first folder that it made', 'ok', async ({ fs, folder, missing }) => {
  const made = await fs.mkdir(path.join(missing, 'a', 'b'), { recursive: true });
  return path.relative(folder, String(made));
});
sameSurface('mkdir of what is there', 'EEXIST', ({ fs, file }) => fs.mkdir(file));
sameSurface('mkdir with a bad option', 'ERR_INVALID_ARG_TYPE', ({ fs, missing }) =>
  untyped(fs.mkdir)(missing, { recursive: 1 }),
);

sameSurface('mkdtemp', 'ok', async ({ fs, folder }) => {
  const made = await fs.mkdtemp(path.join(folder, 'new-'));
  await fs.rmdir(made);
  return [path.dirname(made) === folder, path.basename(made).length];
});
sameSurface('mkdtemp in no folder', 'ok', async ({ fs, missing }) => {
  // The path ends with random characters.
  const error = await rejection(fs.mkdtemp(path.join(missing, 'x')));
  return [error.code, error.syscall, error.message.slice(0, 30)];
});

sameOnPosix('symlink, readlink, lutimes and realpath', 'ok', async ({ fs, file, folder }) => {
  const link = path.join(folder, 'link');
  await fs.symlink('file', link);
  await fs.lutimes(link, 5, 10);
  const { mtimeMs } = await fs.lstat(link);
  const real = await fs.realpath(link);
  return [await fs.readlink(link), await fs.readlink(link, 'buffer'), mtimeMs, real === file];
});
sameSurface('readlink of a file', 'EINVAL', ({ fs, file }) => fs.readlink(file));
sameSurface('readlink of no file', 'ENOENT', ({ fs, missing }) => fs.readlink(missing));
sameSurface('realpath of no file', 'ENOENT', ({ fs, missing }) => fs.realpath(missing));
sameSurface('symlink of a bad type of path', 'ERR_INVALID_ARG_TYPE', ({ fs, missing }) =>
  untyped(fs.symlink)(5, missing),
);

sameSurface('rename', 'ok', ({ fs, file, missing }) => fs.rename(file, missing));
sameSurface('rename names both paths', 'ENOENT', ({ fs, missing }) =>
  fs.rename(missing, `${missing}-too`),
);
sameSurface('rename to a number', 'ERR_INVALID_ARG_TYPE', ({ fs, file }) =>
  untyped(fs.rename)(file, 5),
);

sameSurface('rmdir', 'ok', ({ fs, folder }) => fs.rmdir(path.join(folder, 'directory')));
sameSurface('rmdir of no folder', 'ENOENT', ({ fs, missing }) => fs.rmdir(missing));
sameSurface('unlink', 'ok', ({ fs, file }) => fs.unlink(file));
sameSurface('unlink of no file', 'ENOENT', ({ fs, missing }) => fs.unlink(missing));
sameSurface('unlink of a URL', 'ok', ({ fs, file }) => fs.unlink(pathToFileURL(file)));

sameSurface('statfs', 'ok', async ({ fs, folder }) => {
  const { bsize, type } = await fs.statfs(folder);
  return { bsize, type, bigint: typeof (await fs.statfs(folder, { bigint: true })).blocks };
});

sameSurface('utimes', 'ok', async ({ fs, file }) => {
  await fs.utimes(file, 1000, new Date(2_000_000));
  const { atimeMs, mtimeMs } = await fs.stat(file);
  return keepsAccessTimes ? [atimeMs, mtimeMs] : mtimeMs;
});
sameSurface('utimes of no time', 'ERR_INVALID_ARG_TYPE', ({ fs, file }) =>
  untyped(fs.utimes)(file, {}, 1),
);

sameSurface('opendir', 'ok', async ({ fs, folder }) => {
  const names: string[] = [];
  for await (const entry of await fs.opendir(folder)) names.push(entry.name);
  return names.sort();
});
sameSurface('cp of a tree', 'ok', async ({ fs, folder, missing }) => {
  await nodeFs.promises.writeFile(path.join(folder, 'directory', 'inner'), 'x');
  await fs.cp(path.join(folder, 'directory'), missing, { recursive: true });
  return fs.readdir(missing);
});
sameSurface('cp of a folder without recursive', 'ERR_FS_EISDIR', ({ fs, folder, missing }) =>
  fs.cp(path.join(folder, 'directory'), missing),
);

sameSurface('watch is ended by its signal', 'ABORT_ERR', async ({ fs, folder }) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  for await (const _ of fs.watch(folder, { signal: controller.signal })) await sleep(1);
});

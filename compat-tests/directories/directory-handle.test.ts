// DirectoryHandle: operations on names in an open directory.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { type DirectoryHandle, type FileTime, openDirectory, rm } from '../../lib/index.js';
import { isLinux, isWindows, temporaryFolder, testWhere } from '../helpers.js';

const onPosix = testWhere(!isWindows, 'Windows has no such thing');
const isRoot = process.geteuid?.() === 0;
// Wine creates no symbolic links, and Windows requires a privilege for them.
const withLinks = testWhere(!isWindows, 'links need a right on Windows and do not exist on Wine');

async function withDirectory(
  use: (directory: DirectoryHandle, folder: string) => Promise<void>,
): Promise<void> {
  const folder = temporaryFolder();
  const directory = await openDirectory(folder);
  try {
    await use(directory, folder);
  } finally {
    await directory.close();
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
}

// ---- names

const wrong: [string, unknown][] = [
  ['an empty name', ''],
  ['a dot', '.'],
  ['two dots', '..'],
  ['a path', 'a/b'],
  ['an absolute path', '/etc'],
  ['a trailing slash', 'a/'],
  ['a zero byte', 'a\0b'],
  ['an empty Buffer', Buffer.alloc(0)],
  ['two dots as bytes', Buffer.from('..')],
  ['a path as bytes', Buffer.from('a/b')],
  ['a zero byte in a Buffer', Buffer.from('a\0')],
];
if (isWindows) wrong.push(['a backslash', 'a\\b'], ['a named stream', 'a:b']);

test.for(wrong)('%s is rejected by every method before anything is done', async ([, given]) => {
  await withDirectory(async (directory, folder) => {
    fs.writeFileSync(path.join(folder, 'a'), '');
    const name = given as string;
    const calls = [
      directory.open(name, 'w'),
      directory.openDirectory(name),
      directory.lstat(name),
      directory.mkdir(name),
      directory.unlink(name),
      directory.rmdir(name),
      directory.rename(name, 'x'),
      directory.rename('a', name),
      directory.link(name, 'x'),
      directory.link('a', name),
      directory.symlink('target', name),
      directory.readlink(name),
      directory.utimes(name, 1, 1),
      directory.chmod(name, 0o600),
      ...(isWindows ? [] : [directory.chown(name, -1, -1)]),
    ];
    const codes = await Promise.all(calls.map(codeOf));
    expect(new Set(codes)).toEqual(new Set(['ERR_INVALID_ARG_VALUE']));
    expect(fs.readdirSync(folder)).toEqual(['a']);
  });
});

test('a name that is neither a string nor a Buffer is an invalid type', async () => {
  await withDirectory(async (directory) => {
    for (const name of [undefined, 1, {}, ['a']] as unknown as string[]) {
      expect(await codeOf(directory.unlink(name))).toBe('ERR_INVALID_ARG_TYPE');
    }
  });
});

onPosix('names of dots, spaces, backslashes and bytes that are not UTF-8 are served', async () => {
  await withDirectory(async (directory, folder) => {
    const odd = Buffer.from([0x66, 0xff, 0xfe, 0x0a, 0x5c]);
    const names = ['...', ' ', 'a\\b', 'c:d', odd];
    for (const name of names) await (await directory.open(name, 'wx')).close();
    const found = await directory.readdir('buffer');
    expect(found.map((name) => name.toString('latin1')).sort()).toEqual(
      names.map((name) => Buffer.from(name as string).toString('latin1')).sort(),
    );
    for (const name of found) await directory.unlink(name);
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

// ---- operations

test('a file is opened, written, described, renamed and removed by its name', async () => {
  await withDirectory(async (directory, folder) => {
    const file = await directory.open('one', 'wx', 0o600);
    await file.write('text');
    await file.close();
    expect(await codeOf(directory.open('one', 'wx'))).toBe('EEXIST');
    expect((await directory.lstat('one')).size).toBe(4);
    expect((await directory.lstat('one', { bigint: true })).size).toBe(4n);
    await directory.rename('one', 'two');
    expect(fs.readFileSync(path.join(folder, 'two'), 'utf8')).toBe('text');
    const again = await directory.open('two');
    expect(await again.readFile('utf8')).toBe('text');
    await again.close();
    await directory.unlink('two');
    expect(await codeOf(directory.lstat('two'))).toBe('ENOENT');
  });
});

test('the flag -2 ** 31 does not make the number of the directory a descriptor', async () => {
  await withDirectory(async (directory, folder) => {
    fs.writeFileSync(path.join(folder, 'file'), 'content');
    const file = await directory.open('file', -(2 ** 31));
    expect(await file.readFile('utf8')).toBe('content');
    await file.close();
  });
});

test('the flag w truncates an opened file', async () => {
  await withDirectory(async (directory, folder) => {
    fs.writeFileSync(path.join(folder, 'f'), 'what was there');
    await (await directory.open('f', 'w')).close();
    expect(fs.readFileSync(path.join(folder, 'f'), 'utf8')).toBe('');
  });
});

test('directories are created, opened, listed and removed', async () => {
  await withDirectory(async (directory, folder) => {
    await directory.mkdir('sub', 0o700);
    const sub = await directory.openDirectory('sub');
    await sub.mkdir('deeper');
    fs.writeFileSync(path.join(folder, 'sub', 'file'), '');
    expect(await sub.readdir()).toEqual(['deeper', 'file']);
    const entries = await sub.readdir({ withFileTypes: true });
    expect(entries.map((entry) => [entry.name, entry.isDirectory()])).toEqual([
      ['deeper', true],
      ['file', false],
    ]);
    expect((await sub.stat()).isDirectory()).toBe(true);
    expect(await codeOf(directory.rmdir('sub'))).toBe('ENOTEMPTY');
    await sub.rmdir('deeper');
    await sub.unlink('file');
    await sub.close();
    await directory.rmdir('sub');
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

test('several concurrent lists of one handle are each complete', async () => {
  await withDirectory(async (directory, folder) => {
    const names = Array.from({ length: 500 }, (_, i) => `file-${i}`).sort();
    for (const name of names) fs.writeFileSync(path.join(folder, name), '');
    const lists = await Promise.all(Array.from({ length: 8 }, () => directory.readdir()));
    for (const list of lists) expect([...list].sort()).toEqual(names);
  });
});

test('names move and are linked from one directory to another', async () => {
  await withDirectory(async (directory, folder) => {
    await directory.mkdir('sub');
    const sub = await directory.openDirectory('sub');
    fs.writeFileSync(path.join(folder, 'f'), 'text');
    await directory.rename('f', 'g', { directory: sub });
    await sub.link('g', 'h', { directory });
    expect(fs.readFileSync(path.join(folder, 'h'), 'utf8')).toBe('text');
    expect((await sub.lstat('g')).nlink).toBe(2);
    await sub.close();
  });
});

test('rename replaces an existing name unless overwrite is false', async () => {
  await withDirectory(async (directory, folder) => {
    fs.writeFileSync(path.join(folder, 'a'), 'a');
    fs.writeFileSync(path.join(folder, 'b'), 'b');
    expect(await codeOf(directory.rename('a', 'b', { overwrite: false }))).toBe('EEXIST');
    expect(fs.readFileSync(path.join(folder, 'b'), 'utf8')).toBe('b');
    await directory.rename('a', 'c', { overwrite: false });
    await directory.rename('c', 'b');
    expect(fs.readdirSync(folder)).toEqual(['b']);
    expect(fs.readFileSync(path.join(folder, 'b'), 'utf8')).toBe('a');
  });
});

onPosix('times have nanoseconds and may be before 1970', async () => {
  const cases: [FileTime, bigint][] = [
    [1_234_567_890_123_456_789n, 1_234_567_890_123_456_789n],
    [-1n, -1n],
    [-1_500_000_000n, -1_500_000_000n],
    [1.5, 1_500_000_000n],
    [-1.5, -1_500_000_000n],
    [new Date(1_250), 1_250_000_000n],
    ['3', 3_000_000_000n],
  ];
  await withDirectory(async (directory, folder) => {
    fs.writeFileSync(path.join(folder, 'f'), '');
    for (const [time, expected] of cases) {
      await directory.utimes('f', 7, time);
      const { atimeNs, mtimeNs } = await directory.lstat('f', { bigint: true });
      expect([atimeNs, mtimeNs]).toEqual([7_000_000_000n, expected]);
    }
  });
});

test('invalid times are rejected', async () => {
  await withDirectory(async (directory) => {
    expect(await codeOf(directory.utimes('f', 1, Number.NaN))).toBe('ERR_INVALID_ARG_VALUE');
    expect(await codeOf(directory.utimes('f', 2n ** 100n, 1))).toBe('ERR_OUT_OF_RANGE');
    expect(await codeOf(directory.utimes('f', {} as Date, 1))).toBe('ERR_INVALID_ARG_TYPE');
  });
});

onPosix('the mode of names and of the directory itself changes', async () => {
  await withDirectory(async (directory, folder) => {
    fs.writeFileSync(path.join(folder, 'f'), '');
    await directory.chmod('f', 0o640);
    expect(fs.statSync(path.join(folder, 'f')).mode & 0o7777).toBe(0o640);
    await directory.chmod(null, '711');
    expect((await directory.stat()).mode & 0o7777).toBe(0o711);
    await directory.utimes(null, 5, 5);
    expect((await directory.stat()).mtimeMs).toBe(5000);
  });
});

const asRoot = testWhere(isRoot, 'only the superuser gives files away', { mustRun: false });
asRoot('the owner of names, links and the directory itself changes', async () => {
  await withDirectory(async (directory, folder) => {
    fs.writeFileSync(path.join(folder, 'f'), '');
    fs.symlinkSync('f', path.join(folder, 'link'));
    await directory.chown('link', 4294967294, 12);
    await directory.chown('f', 11, -1);
    await directory.chown(null, 21, 22);
    const owner = ({ uid, gid }: fs.Stats): number[] => [uid, gid];
    expect(owner(fs.lstatSync(path.join(folder, 'link')))).toEqual([4294967294, 12]);
    expect(owner(fs.statSync(path.join(folder, 'f')))).toEqual([11, process.getegid?.()]);
    expect(owner(await directory.stat())).toEqual([21, 22]);
  });
});

test('close ends the handle, and names then fail with EBADF', async () => {
  const directory = await openDirectory(temporaryFolder());
  await directory.sync();
  await directory.close();
  await directory.close();
  expect(directory.fd).toBe(-1);
  expect(await codeOf(directory.lstat('x'))).toBe('EBADF');
});

test('only links have targets, and a directory is not opened to be cut', async () => {
  await withDirectory(async (directory, folder) => {
    fs.writeFileSync(path.join(folder, 'file'), 'text');
    fs.mkdirSync(path.join(folder, 'sub'));
    for (const name of ['file', 'sub'])
      expect(await codeOf(directory.readlink(name))).toBe('EINVAL');
    expect(await codeOf(directory.open('sub', 'w'))).toBe('EISDIR');
  });
});

test('openDirectory of anything but a directory fails with ENOTDIR', async () => {
  const file = path.join(temporaryFolder(), 'f');
  fs.writeFileSync(file, '');
  expect(await codeOf(openDirectory(file))).toBe('ENOTDIR');
  expect(await codeOf(openDirectory(`${file}-not`))).toBe('ENOENT');
});

// ---- links

withLinks('no method follows a link', async () => {
  await withDirectory(async (directory, folder) => {
    const elsewhere = temporaryFolder();
    fs.writeFileSync(path.join(elsewhere, 'precious'), 'precious');
    fs.symlinkSync(elsewhere, path.join(folder, 'to-folder'));
    fs.symlinkSync(path.join(elsewhere, 'precious'), path.join(folder, 'to-file'));
    fs.symlinkSync(path.join(elsewhere, 'new'), path.join(folder, 'to-nothing'));
    for (const flags of ['r', 'w', 'a', 'r+']) {
      expect(await codeOf(directory.open('to-file', flags))).toBe('ELOOP');
    }
    expect(await codeOf(directory.open('to-nothing', 'w'))).toBe('ELOOP');
    expect(await codeOf(directory.openDirectory('to-folder'))).toMatch(/ENOTDIR|ELOOP/);
    expect(await codeOf(directory.rmdir('to-folder'))).toBe('ENOTDIR');
    await directory.utimes('to-file', 3, 3);
    expect(fs.lstatSync(path.join(folder, 'to-file')).mtimeMs).toBe(3000);
    if (isLinux) expect(await codeOf(directory.chmod('to-file', 0o777))).toBe('ENOTSUP');
    expect((await directory.lstat('to-folder')).isSymbolicLink()).toBe(true);
    expect(await directory.readlink('to-folder')).toBe(elsewhere);
    expect(await directory.readlink('to-folder', 'buffer')).toEqual(Buffer.from(elsewhere));
    await directory.link('to-file', 'second');
    expect((await directory.lstat('second')).isSymbolicLink()).toBe(true);
    await directory.rename('to-folder', 'to-file');
    await directory.unlink('to-file');
    expect(fs.readdirSync(elsewhere)).toEqual(['precious']);
    expect(fs.readFileSync(path.join(elsewhere, 'precious'), 'utf8')).toBe('precious');
    expect(fs.statSync(path.join(elsewhere, 'precious')).mtimeMs).not.toBe(3000);
  });
});

withLinks('the handle stays on its directory when the name becomes a link', async () => {
  const folder = temporaryFolder();
  const elsewhere = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'sub'));
  const directory = await openDirectory(path.join(folder, 'sub'));
  fs.renameSync(path.join(folder, 'sub'), path.join(folder, 'moved'));
  fs.symlinkSync(elsewhere, path.join(folder, 'sub'));
  await (await directory.open('file', 'wx')).close();
  await directory.mkdir('made');
  await directory.close();
  expect(fs.readdirSync(elsewhere)).toEqual([]);
  expect(fs.readdirSync(path.join(folder, 'moved'))).toEqual(['file', 'made']);
});

withLinks('symlink takes its target as it is', async () => {
  await withDirectory(async (directory, folder) => {
    await directory.symlink('../somewhere//else', 'link');
    expect(fs.readlinkSync(path.join(folder, 'link'))).toBe('../somewhere//else');
    expect(await codeOf(directory.symlink('x', 'link'))).toBe('EEXIST');
    expect(await codeOf(directory.readlink('nothing'))).toBe('ENOENT');
  });
});

onPosix(
  'a chain of directories that is longer than any path is walked through handles',
  async () => {
    const folder = temporaryFolder();
    const name = 'n'.repeat(200);
    let directory = await openDirectory(folder);
    const depth = 40;
    for (let i = 0; i < depth; i++) {
      await directory.mkdir(name);
      const next = await directory.openDirectory(name);
      await directory.close();
      directory = next;
    }
    await (await directory.open('bottom', 'wx')).close();
    expect(await directory.readdir()).toEqual(['bottom']);
    await directory.close();
    await rm(path.join(folder, name), { recursive: true });
    expect(fs.readdirSync(folder)).toEqual([]);
  },
);

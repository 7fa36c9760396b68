import * as path from 'node:path';
import { expect, test } from 'vitest';
import { open, readFile, writeFile } from '../../lib/index.js';
import { fileWith, isWindows, rejection } from '../helpers.js';
import { type Action, type Setting, same, sameOnHandle } from './compare.js';

// code, errno, syscall, path and message are Node's.

const calls: Record<string, (setting: Setting, file: string) => Promise<unknown>> = {
  open: ({ api }, file) => api.open(file),
  'open for writing': ({ api }, file) => api.open(file, 'r+'),
  readFile: ({ api }, file) => api.readFile(file),
  writeFile: ({ api }, file) => api.writeFile(file, 'x', { flag: 'r+' }),
  'writeFile of an iterable': ({ api }, file) => api.writeFile(file, ['x'], { flag: 'r+' }),
  appendFile: ({ api }, file) => api.appendFile(file, 'x', { flag: 'r+' }),
  stat: ({ api }, file) => api.stat(file),
  'stat in bigints': ({ api }, file) => api.stat(file, { bigint: true }),
};

for (const [name, call] of Object.entries(calls)) {
  same(`${name} of no file: ENOENT`, 'ENOENT', (setting) => call(setting, setting.missing));
  same(`${name} of an empty path: ENOENT`, 'ENOENT', (setting) => call(setting, ''));
  same(`${name} in no folder: ENOENT`, 'ENOENT', (setting) =>
    call(setting, path.join(setting.missing, 'file')),
  );
  same(
    `${name} below a file: ${isWindows ? 'ENOENT' : 'ENOTDIR'}`,
    isWindows ? 'ENOENT' : 'ENOTDIR',
    (setting) => call(setting, path.join(setting.file, 'below')),
  );
  same(`${name} of a relative path names it as given`, 'ENOENT', (setting) =>
    call(setting, `./no-such-folder/${name.length}`),
  );
  if (!isWindows) {
    same(`${name} of a long name: ENAMETOOLONG`, 'ENAMETOOLONG', (setting) =>
      call(setting, path.join(setting.folder, 'x'.repeat(300))),
    );
  }
}

const directories: Record<string, Action> = {
  'writeFile of a directory': ({ api, folder }) => api.writeFile(folder, 'x'),
  'writeFile of an iterable to a directory': ({ api, folder }) => api.writeFile(folder, ['x']),
  'readFile of a directory': ({ api, folder }) => api.readFile(folder),
};
for (const [name, action] of Object.entries(directories)) {
  same(`${name}: EISDIR`, 'EISDIR', action);
}

// On Windows these errors depend on the file system and its version.
if (!isWindows) {
  same('open of a directory for writing: EISDIR', 'EISDIR', ({ api, folder }) =>
    api.open(folder, 'r+'),
  );
  same('appendFile of a directory: EISDIR', 'EISDIR', ({ api, folder }) =>
    api.appendFile(folder, 'x'),
  );
  sameOnHandle(
    'truncate of a file open for reading',
    'EINVAL',
    (handle) => handle.truncate(4),
    'r',
  );
  sameOnHandle('truncate to more than a file may have', 'EFBIG', (handle) =>
    handle.truncate(2 ** 53 - 1),
  );
  same('read of a directory: EISDIR', 'EISDIR', async ({ api, folder }) => {
    const handle = await api.open(folder);
    return handle.read(Buffer.alloc(10), 0, 10, 0).finally(() => handle.close());
  });
  same('handle.readFile of a directory: EISDIR', 'EISDIR', async ({ api, folder }) => {
    const handle = await api.open(folder);
    return handle.readFile().finally(() => handle.close());
  });
}

for (const flags of ['wx', 'wx+', 'ax', 'ax+']) {
  same(`open of a file with flag ${flags}: EEXIST`, 'EEXIST', ({ api, file }) =>
    api.open(file, flags),
  );
  same(`writeFile of a file with flag ${flags}: EEXIST`, 'EEXIST', ({ api, file }) =>
    api.writeFile(file, 'x', { flag: flags }),
  );
}

sameOnHandle('read of a file open for writing', 'EBADF', (h) => h.read(Buffer.alloc(4)), 'w');
sameOnHandle(
  'read at a position of a file open for writing',
  'EBADF',
  (h) => h.read(Buffer.alloc(4), 0, 4, 0),
  'a',
);
sameOnHandle('readv of a file open for writing', 'EBADF', (h) => h.readv([Buffer.alloc(4)]), 'w');
sameOnHandle('readFile of a file open for writing', 'EBADF', (h) => h.readFile(), 'w');
sameOnHandle('write of a file open for reading', 'EBADF', (h) => h.write('x'), 'r');
sameOnHandle(
  'write at a position of a file open for reading',
  'EBADF',
  (h) => h.write(Buffer.alloc(4), 0, 4, 0),
  'r',
);
sameOnHandle('writev of a file open for reading', 'EBADF', (h) => h.writev([Buffer.alloc(4)]), 'r');
sameOnHandle('writeFile of a file open for reading', 'EBADF', (h) => h.writeFile('x'), 'r');

const methods = [
  'read',
  'write',
  'readv',
  'writev',
  'stat',
  'truncate',
  'sync',
  'datasync',
  'readFile',
  'writeFile',
  'appendFile',
] as const;
const args: Partial<Record<(typeof methods)[number], unknown[]>> = {
  read: [Buffer.alloc(4)],
  write: ['x'],
  readv: [[Buffer.alloc(4)]],
  writev: [[Buffer.alloc(4)]],
  writeFile: ['x'],
  appendFile: ['x'],
};

for (const method of methods) {
  same(`${method} of a closed handle: EBADF`, 'EBADF', async ({ api, file }) => {
    const handle = await api.open(file, 'r+');
    await handle.close();
    const call = handle[method] as (...given: unknown[]) => Promise<unknown>;
    return call.apply(handle, args[method] ?? []);
  });
}

// Here Node exposes its internals: an ERR_OUT_OF_RANGE for its fd, or an EBADF.
test('module-level readFile and writeFile of a closed handle: EBADF', async () => {
  const handle = await open(fileWith('content'), 'r+');
  await handle.close();
  expect((await rejection(readFile(handle))).code).toBe('EBADF');
  expect((await rejection(writeFile(handle, 'x'))).code).toBe('EBADF');
});

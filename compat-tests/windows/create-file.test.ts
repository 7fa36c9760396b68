// CreateFile: desired access 0, share modes, inheritance, dispositions, flags, paths.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test, vi } from 'vitest';
import { OpenOption } from '../../lib/engine/opcodes.js';
import { parseOpenOptions } from '../../lib/handle/open-options.js';
import { engine, getAttributes, type OpenOptions, open } from '../../lib/index.js';
import { nodePromises } from '../../lib/node/node-fs.js';
import { showPath } from '../../lib/node/paths.js';
import { realPath } from '../../lib/node/real-path.js';
import {
  fileWith,
  isLinux,
  isWindows,
  makeFifo,
  rejection,
  settled,
  sleep,
  temporaryFolder,
  testWhere,
} from '../helpers.js';

const testOnWindows = testWhere(isWindows, 'only Windows has it');
const testOnLinux = testWhere(isLinux, 'the counterpart on Linux');

/** The error code of an open, or 'ok'. */
async function openCode(file: string, flags: string, options?: OpenOptions): Promise<string> {
  const { value, error } = await settled(open(file, flags, options));
  if (error) return error.code ?? error.message;
  await (value as Awaited<ReturnType<typeof open>>).close();
  return 'ok';
}

// ---- Desired access 0

test('attributesOnly: status and attributes, and no access to the data', async () => {
  const file = fileWith('content');
  const handle = await open(file, 'r', { attributesOnly: true });
  expect(handle.deviceType).toBe('disk');
  expect((await handle.stat()).size).toBe(7);
  expect(await handle.getAttributes()).toEqual(await getAttributes(file));
  for (const call of [
    () => handle.read(Buffer.alloc(4), { position: 0 }),
    () => handle.write(Buffer.from('no'), { position: 0 }),
    () => handle.readFile(),
  ]) {
    expect(await rejection(call())).toMatchObject({ code: 'EBADF' });
  }
  await handle.close();
  expect(fs.readFileSync(file, 'utf8')).toBe('content');
});

test('attributesOnly opens files that a share mode or the permissions deny', async () => {
  const file = fileWith('content');
  const holder = await open(file, 'r+', { share: 'none' });
  if (!isWindows) fs.chmodSync(file, 0);
  const handle = await open(file, 'r', { attributesOnly: true });
  expect((await handle.stat()).size).toBe(7);
  await handle.close();
  await holder.close();
});

test('attributesOnly of a folder', async () => {
  const handle = await open(temporaryFolder(), 'r', { attributesOnly: true });
  expect(handle.deviceType).toBe('directory');
  expect((await handle.getAttributes()).directory).toBe(true);
  await handle.close();
});

// ---- Share mode

testOnWindows("share: 'none' is EBUSY for everybody, as Node names it", async () => {
  const file = fileWith('content');
  const handle = await open(file, 'r', { share: 'none' });
  expect(await openCode(file, 'r')).toBe('EBUSY');
  expect(await rejection(open(file, 'r+'))).toMatchObject({ win32Error: 32, syscall: 'open' });
  expect(() => fs.openSync(file, 'r')).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  expect(() => fs.unlinkSync(file)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  await handle.close();
  expect(await openCode(file, 'r+')).toBe('ok');
});

testOnWindows('each share mode admits the accesses that it names', async () => {
  const file = fileWith('content');
  const modes: [share: OpenOptions['share'], read: string, write: string][] = [
    ['all', 'ok', 'ok'],
    [['read', 'write'], 'ok', 'ok'],
    ['read', 'ok', 'EBUSY'],
    [['write'], 'EBUSY', 'ok'],
    [[], 'EBUSY', 'EBUSY'],
    ['delete', 'EBUSY', 'EBUSY'],
  ];
  for (const [share, read, write] of modes) {
    const handle = await open(file, 'r', { share });
    expect([share, await openCode(file, 'r')]).toEqual([share, read]);
    expect([share, await openCode(file, 'a')]).toEqual([share, write]);
    const removable = share === 'all' || share === 'delete';
    const renamed = await settled(fs.promises.rename(file, `${file}.new`));
    expect([share, renamed.error === undefined]).toEqual([share, removable]);
    if (removable) fs.renameSync(`${file}.new`, file);
    await handle.close();
  }
});

testOnWindows('a share mode conflicts with handles that are open already', async () => {
  const file = fileWith('content');
  const writer = await open(file, 'r+');
  expect(await openCode(file, 'r', { share: 'read' })).toBe('EBUSY');
  expect(await openCode(file, 'r', { share: ['read', 'write'] })).toBe('ok');
  await writer.close();
  expect(await openCode(file, 'r', { share: 'read' })).toBe('ok');
});

test('share by default, as in Node: others read, write, rename and remove', async () => {
  const file = fileWith('content');
  const handle = await open(file, 'r+');
  fs.appendFileSync(file, '!');
  fs.renameSync(file, `${file}.new`);
  fs.unlinkSync(`${file}.new`);
  expect(await handle.readFile('utf8')).toBe('content!');
  await handle.close();
});

test('handles with a share mode exclude each other as on Windows', async () => {
  const file = fileWith('content');
  const shared: OpenOptions = { share: ['read', 'delete'] };
  const reader = await open(file, 'r', shared);
  expect(await openCode(file, 'r', shared)).toBe('ok');
  expect(await openCode(file, 'r+', shared)).toBe('EBUSY');
  expect(await openCode(file, 'r', { share: 'none' })).toBe('EBUSY');
  // A rejected open has not truncated the file.
  expect(await openCode(file, 'w', { share: 'none' })).toBe('EBUSY');
  expect(fs.readFileSync(file, 'utf8')).toBe('content');
  await reader.close();
  const writer = await open(file, 'w', { share: 'none' });
  expect(fs.statSync(file).size).toBe(0);
  expect(await openCode(file, 'r', shared)).toBe('EBUSY');
  await writer.close();
  expect(await openCode(file, 'r', shared)).toBe('ok');
});

testOnLinux('a share mode for a FIFO is an error', async () => {
  const options: OpenOptions = { share: 'none' };
  expect(await openCode(makeFifo(), 'r+', options)).toBe('ENOTSUP');
});

testOnLinux('a share mode is advisory there: an open without one succeeds', async () => {
  const file = fileWith('content');
  const handle = await open(file, 'r+', { share: 'none' });
  expect(await openCode(file, 'r')).toBe('ok');
  await handle.close();
});

// ---- Inheritance

testOnLinux('inheritable: a child has the descriptor, and has it only then', async () => {
  for (const inheritable of [true, false]) {
    const handle = await open(fileWith('content'), 'r', { inheritable });
    const { stdout } = spawnSync('sh', ['-c', `cat /dev/fd/${handle.fd}`], { encoding: 'utf8' });
    expect(stdout).toBe(inheritable ? 'content' : '');
    await handle.close();
  }
});

testOnWindows('inheritable: a child keeps the file open, and only then', async () => {
  for (const inheritable of [true, false]) {
    const file = fileWith('content');
    const handle = await open(file, 'r', { share: 'none', inheritable });
    const script = `const fs = require('fs'); fs.writeFileSync(process.argv[1] + '.up', '');
      setInterval(() => fs.existsSync(process.argv[1] + '.end') && process.exit(), 5)`;
    const child = spawn(process.execPath, ['-e', script, file], { stdio: 'ignore' });
    while (!fs.existsSync(`${file}.up`)) await sleep(5);
    await handle.close();
    expect(await openCode(file, 'r')).toBe(inheritable ? 'EBUSY' : 'ok');
    fs.writeFileSync(`${file}.end`, '');
    await once(child, 'exit');
    expect(await openCode(file, 'r')).toBe('ok');
  }
});

// ---- Dispositions, derived from Node's flags

const dispositions: [name: string, flags: string, exists: string, missing: string][] = [
  ['CREATE_NEW', 'wx', 'EEXIST', ''],
  ['CREATE_ALWAYS', 'w', '', ''],
  ['OPEN_EXISTING', 'r+', 'content', 'ENOENT'],
  ['OPEN_ALWAYS', 'a', 'content', ''],
];

for (const [name, flags, exists, missing] of dispositions) {
  test(`${name} is flags '${flags}'`, async () => {
    const file = fileWith('content');
    const absent = path.join(temporaryFolder(), 'absent');
    for (const [target, expected] of [
      [file, exists],
      [absent, missing],
    ] as const) {
      const code = await openCode(target, flags);
      expect(code === 'ok' ? fs.readFileSync(target, 'utf8') : code).toBe(expected);
    }
  });
}

test('TRUNCATE_EXISTING is O_TRUNC without O_CREAT', async () => {
  const { O_RDWR, O_TRUNC } = fs.constants;
  const file = fileWith('content');
  await (await open(file, O_RDWR | O_TRUNC)).close();
  expect(fs.readFileSync(file, 'utf8')).toBe('');
  const absent = path.join(temporaryFolder(), 'absent');
  expect(await rejection(open(absent, O_RDWR | O_TRUNC))).toMatchObject({ code: 'ENOENT' });
});

// ---- Flags

const flags: [name: string, options: OpenOptions][] = [
  ['FILE_FLAG_WRITE_THROUGH', { writeThrough: true }],
  ['FILE_FLAG_SEQUENTIAL_SCAN', { access: 'sequential' }],
  ['FILE_FLAG_RANDOM_ACCESS', { access: 'random' }],
  ['FILE_FLAG_POSIX_SEMANTICS', { windows: { posixSemantics: true } }],
  ['FILE_FLAG_OPEN_REPARSE_POINT', { windows: { openReparsePoint: true } }],
  ...(isWindows
    ? ([
        ['FILE_FLAG_OPEN_NO_RECALL', { windows: { noRecall: true } }],
        ['FILE_FLAG_BACKUP_SEMANTICS', { windows: { backupIntent: true } }],
      ] as [string, OpenOptions][])
    : []),
];

// The effect of each bit in the addon is tested in addon/engine_tests/windows_open_test.cc.
const bits: [option: keyof typeof OpenOption, options: OpenOptions][] = [
  ['writeThrough', { writeThrough: true }],
  ['accessSequential', { access: 'sequential' }],
  ['accessRandom', { access: 'random' }],
  ['unbuffered', { unbuffered: true }],
  ['unbufferedPrefer', { unbuffered: 'prefer' }],
  ['deleteOnClose', { deleteOnClose: true }],
  ['inheritable', { inheritable: true }],
  ['attributesOnly', { attributesOnly: true }],
  ['posixSemantics', { windows: { posixSemantics: true } }],
  ['openReparsePoint', { windows: { openReparsePoint: true } }],
  ...(isWindows
    ? ([
        ['noRecall', { windows: { noRecall: true } }],
        ['backupIntent', { windows: { backupIntent: true } }],
      ] as [keyof typeof OpenOption, OpenOptions][])
    : []),
];

test('each option passes its flag to the addon, and no other', () => {
  expect(parseOpenOptions('r', {}).options).toBe(0);
  for (const [option, options] of bits) {
    expect([option, parseOpenOptions('r', options).options]).toEqual([option, OpenOption[option]]);
  }
});

for (const [name, options] of flags) {
  test(`${name}: the file is read and written as usual`, async () => {
    const file = fileWith('content');
    const handle = await open(file, 'r+', options);
    await handle.write(Buffer.from('C'), { position: 0 });
    expect((await handle.read(Buffer.alloc(7), { position: 0 })).buffer.toString()).toBe('Content');
    await handle.close();
  });
}

test('FILE_FLAG_BACKUP_SEMANTICS: a folder can be opened', async () => {
  const handle = await open(temporaryFolder());
  expect(handle.deviceType).toBe('directory');
  expect((await handle.stat()).isDirectory()).toBe(true);
  await handle.close();
});

test('FILE_FLAG_OVERLAPPED: the engine sets it, and transfers are overlapped calls', async () => {
  const handle = await open(fileWith('content'));
  // A call that ends at once, as that of a cached read may, posts no packet to the port.
  const overlappedCalls = () => {
    const { portPackets, inline } = engine.stats();
    return engine.kind === 'iocp' ? portPackets + inline : 0;
  };
  const before = overlappedCalls();
  await handle.read(Buffer.alloc(7), { position: 0 });
  expect(overlappedCalls() > before).toBe(engine.kind === 'iocp');
  await handle.close();
});

testOnLinux(
  'openReparsePoint: a link comes as itself, without data, and never for writing',
  async () => {
    const file = fileWith('content');
    const link = `${file}.link`;
    fs.symlinkSync(file, link);
    const handle = await open(link, 'r', { windows: { openReparsePoint: true } });
    const status = await handle.stat();
    expect(status.isSymbolicLink()).toBe(true);
    expect(status.size).toBe(Buffer.byteLength(file));
    expect((await handle.getAttributes()).reparsePoint).toBe(true);
    expect(await rejection(handle.read(Buffer.alloc(1)))).toMatchObject({ code: 'EBADF' });
    await handle.close();
    expect(await openCode(link, 'r+', { windows: { openReparsePoint: true } })).toBe('ELOOP');
    expect(await openCode(link, 'r+')).toBe('ok');
  },
);

// ---- Paths

test('a path of over 260 characters', async () => {
  const folder = path.join(temporaryFolder(), 'a'.repeat(100), 'b'.repeat(100), 'c'.repeat(100));
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'file');
  expect(file.length).toBeGreaterThan(260);
  const handle = await open(file, 'wx+', { windows: { attributes: { readOnly: false } } });
  await handle.writeFile('content');
  await handle.close();
  expect(fs.readFileSync(file, 'utf8')).toBe('content');
  expect((await getAttributes(file)).directory).toBe(false);
});

testOnWindows('a path in the form \\\\?\\C:\\…, and \\\\.\\C:\\…', async () => {
  const file = fileWith('content');
  for (const prefix of ['\\\\?\\', '\\\\.\\']) {
    const handle = await open(prefix + file);
    expect(await handle.readFile('utf8')).toBe('content');
    await handle.close();
  }
});

test('errors show paths without the prefixes that the system needs', () => {
  expect(showPath('\\\\?\\C:\\folder\\file')).toBe('C:\\folder\\file');
  expect(showPath('\\\\?\\UNC\\server\\share\\file')).toBe('\\\\server\\share\\file');
  expect(showPath('\\\\.\\pipe\\name')).toBe('\\\\.\\pipe\\name');
});

test('a real path is found on volumes that the mount manager does not know', async () => {
  const file = fileWith('');
  for (const code of ['EISDIR', 'UNKNOWN']) {
    const refusal = Object.assign(new Error(code), { code });
    const native = vi.spyOn(nodePromises, 'realpath').mockRejectedValueOnce(refusal);
    expect(await realPath(file)).toBe(fs.realpathSync(file));
    native.mockRestore();
  }
  const missing = path.join(path.dirname(file), 'missing');
  expect(await rejection(realPath(missing))).toMatchObject({ code: 'ENOENT' });
});

testOnWindows('a UNC path is taken as one, and the error names it', async () => {
  const unc = '\\\\localhost\\no-such-share\\file';
  const error = await rejection(open(unc));
  expect(['ENOENT', 'UNKNOWN', 'EINVAL']).toContain(error.code);
  expect(error.message).toContain('no-such-share\\file');
});

// ---- Invalid arguments

const w = 'w';
const bad: [flags: string, options: unknown, code: string, elsewhere?: string][] = [
  ['r', { share: 'nobody' }, 'ERR_INVALID_ARG_VALUE'],
  ['r', { share: ['read', 'execute'] }, 'ERR_INVALID_ARG_VALUE'],
  ['r', { share: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ['r', { share: null }, 'ERR_INVALID_ARG_TYPE'],
  ['r', { inheritable: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  ['r', { attributesOnly: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ['r+', { attributesOnly: true }, 'ERR_INVALID_ARG_VALUE'],
  [w, { attributesOnly: true }, 'ERR_INVALID_ARG_VALUE'],
  ['r', { attributesOnly: true, unbuffered: true }, 'ERR_INVALID_ARG_VALUE'],
  ['r', { attributesOnly: true, preallocate: 1 }, 'ERR_INVALID_ARG_VALUE'],
  ['r', { windows: { backupIntent: 1 } }, 'ERR_INVALID_ARG_TYPE'],
  ['r', { windows: { noRecall: 1 } }, 'ERR_INVALID_ARG_TYPE'],
  ['r', { windows: { openReparsePoint: 1 } }, 'ERR_INVALID_ARG_TYPE'],
  ['r', { windows: { posixSemantics: 1 } }, 'ERR_INVALID_ARG_TYPE'],
  [w, { windows: { attributes: 'hidden' } }, 'ERR_INVALID_ARG_TYPE'],
  [w, { windows: { attributes: { hidden: 1 } } }, 'ERR_INVALID_ARG_TYPE'],
  [w, { windows: { attributes: { secret: true } } }, 'ERR_INVALID_ARG_VALUE'],
  [w, { windows: { attributes: { directory: true } } }, 'ERR_INVALID_ARG_VALUE'],
  [w, { windows: { attributes: { normal: true, readOnly: true } } }, 'ERR_INVALID_ARG_VALUE'],
];

for (const [flag, options, code] of bad) {
  test(`open '${flag}' with ${JSON.stringify(options)}: ${code}, and nothing happens`, async () => {
    const file = path.join(temporaryFolder(), 'new');
    const { submitted } = engine.stats();
    expect(await rejection(open(file, flag, options as OpenOptions))).toMatchObject({ code });
    expect(engine.stats().submitted).toBe(submitted);
    expect(fs.existsSync(file)).toBe(false);
  });
}

const windowsOnly: OpenOptions[] = [
  { windows: { backupIntent: true } },
  { windows: { noRecall: true } },
  { share: ['read', 'write'] },
  { share: 'write' },
  { windows: { attributes: { hidden: true } } },
  { windows: { attributes: { system: true } } },
  { windows: { attributes: { archive: true } } },
  { windows: { attributes: { temporary: true } } },
  { windows: { attributes: { offline: true } } },
  { windows: { attributes: { encrypted: true } } },
  { windows: { attributes: { notContentIndexed: true } } },
];

for (const options of windowsOnly) {
  testOnLinux(`${JSON.stringify(options)} is rejected there, and nothing happens`, async () => {
    const file = path.join(temporaryFolder(), 'new');
    const { submitted } = engine.stats();
    const code = 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';
    expect(await rejection(open(file, 'w', options))).toMatchObject({ code });
    expect(engine.stats().submitted).toBe(submitted);
    expect(fs.existsSync(file)).toBe(false);
  });
}

test('sync() on Windows requires a handle open for writing, and its error says so', async () => {
  const handle = await open(fileWith('content'));
  for (const [call, syscall] of [
    [() => handle.sync(), 'fsync'],
    [() => handle.datasync(), 'fdatasync'],
  ] as const) {
    const { error } = await settled(call());
    if (!isWindows) expect(error).toBeUndefined();
    else expect(error).toMatchObject({ code: 'EPERM', syscall });
    if (isWindows) expect(error?.message).toContain('needs a handle open for writing');
  }
  await handle.close();
});

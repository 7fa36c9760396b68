import { came, caseList, constants, posix, shown, since } from '../case.js';

// Metadata: access, modes, owners, times, links, copies, statfs.

const list = caseList();
export const { cases } = list;

// ---- stat, lstat, statfs

for (const name of ['stat', 'lstat', 'statfs'] as const) {
  for (const options of [undefined, {}, { bigint: true }, { bigint: false }, { bigint: 1 }]) {
    list.add(`${name} with ${shown(options)}`, 'ok', ({ fs, file }) => fs[name](file, options));
  }
  list.add(
    `${name} of a file and of a link to it`,
    'ok',
    async ({ fs, file, at }) => {
      const [direct, linked] = [await fs[name](file), await fs[name](at('link'))];
      return name === 'statfs' ? direct.type === linked.type : [direct, linked];
    },
    posix,
  );
}
for (const options of [5, 'text', true, [], () => {}]) {
  for (const name of ['stat', 'lstat'] as const) {
    list.add(`${name} with ${shown(options)} for options`, undefined, ({ fs, file }) =>
      fs[name](file, options),
    );
  }
  list.onHandle(`handle.stat with ${shown(options)} for options`, undefined, (handle) =>
    handle.stat(options),
  );
}
list.add('stat with null options', 'ok', async ({ fs, file }) => {
  const { error } = (await came(fs.stat(file, null))) as { error?: Error };
  return error === undefined || error instanceof TypeError;
});
list.add(
  'stat with throwIfNoEntry',
  'ok',
  async ({ fs, missing, file }) => [
    await fs.stat(missing, { throwIfNoEntry: false }),
    await fs.stat(file, { throwIfNoEntry: false }),
  ],
  since(25),
);
list.add('times of stat are those of the file', 'ok', async ({ fs, sync, file }) => {
  sync.utimesSync(file, 1000.125, 2000.25);
  const { mtimeMs, mtime } = await fs.stat(file);
  const exact = await fs.stat(file, { bigint: true });
  return [mtimeMs, mtime.getTime(), exact.mtimeNs, exact.mtimeMs];
});
list.add('Stats as JSON and as a copy', 'ok', async ({ fs, file }) => {
  const status = await fs.stat(file);
  const { size, mode, mtime } = JSON.parse(JSON.stringify(status));
  return [size, mode, typeof mtime, Object.keys({ ...status }), status.isFile()];
});

// ---- access

const { F_OK, R_OK, W_OK, X_OK } = constants;
const accessModes: unknown[] = [
  undefined,
  F_OK,
  R_OK,
  W_OK,
  X_OK,
  R_OK | W_OK,
  8,
  -1,
  'r',
  1.5,
  {},
];
for (const mode of accessModes) {
  list.add(`access with mode ${shown(mode)}`, undefined, async ({ fs, file, missing }) => [
    await came(fs.access(file, mode)),
    await came(fs.access(missing, mode)),
  ]);
}

// ---- chmod, chown

const modes: unknown[] = [0o600, 0o777, 0, '640', '0o640', 'abc', '', -1, 1.5, 2 ** 32, {}, null];
for (const mode of modes) {
  list.add(`chmod(${shown(mode)})`, undefined, async ({ fs, file, directory }) => {
    await fs.chmod(file, mode);
    if (mode === 0o777) await fs.chmod(directory, mode);
  });
}
const owners: [unknown, unknown][] = [
  [-1, -1],
  [-2, 0],
  [0, -2],
  ['0', 0],
  [0, {}],
  [1.5, 0],
  [2 ** 32, 0],
];
for (const name of ['chown', 'lchown'] as const) {
  for (const [uid, gid] of owners) {
    list.add(
      `${name}(${shown(uid)}, ${shown(gid)})`,
      undefined,
      ({ fs, file }) => fs[name](file, uid, gid),
      posix,
    );
  }
}

// ---- utimes

const times: unknown[] = [0, 12.25, '12', '12.5', new Date(12_000), -5, 1e11, 5n, {}, 'x', null];
for (const name of ['utimes', 'lutimes'] as const) {
  for (const time of times) {
    list.add(
      `${name}(1, ${shown(time)})`,
      undefined,
      async ({ fs, sync, file }) => {
        await fs[name](file, 1, time);
        // Node 20 replaces times before 1970 with the current time.
        return time === -5 ? undefined : sync.statSync(file).mtimeMs;
      },
      typeof time === 'string' && time === 'x' ? { skip: 'it means now' } : {},
    );
  }
}
list.add(
  'lutimes of a link leaves its file alone',
  'ok',
  async ({ fs, sync, file, at }) => {
    sync.utimesSync(file, 1, 1);
    await fs.lutimes(at('link'), 5, 10);
    return [sync.lstatSync(at('link')).mtimeMs, sync.statSync(file).mtimeMs];
  },
  posix,
);

// ---- Links

for (const type of [undefined, null, 'file', 'dir', 'junction', 'other', 5, {}]) {
  list.add(
    `symlink of type ${shown(type)}`,
    undefined,
    ({ fs, at }) => fs.symlink('directory', at('new'), type),
    posix,
  );
}
const targets = [
  'file',
  './file',
  '../x',
  '/absolute',
  'ü',
  'a b',
  '',
  Buffer.from('file'),
  5,
  null,
];
for (const target of targets) {
  list.add(
    `symlink to ${shown(target)}`,
    undefined,
    async ({ fs, at }) => {
      await fs.symlink(target, at('new'));
      return fs.readlink(at('new'));
    },
    posix,
  );
}
for (const name of ['readlink', 'realpath'] as const) {
  for (const encoding of ['utf8', 'buffer', 'hex', 'latin1', 'nothing', undefined, null, 5]) {
    list.add(
      `${name} in ${shown(encoding)}`,
      undefined,
      async ({ fs, at, folder }) => {
        const found = await fs[name](at('link'), encoding);
        return encoding === 'hex' ? Buffer.from(found, 'hex').toString() : [found, folder];
      },
      posix,
    );
    list.add(
      `${name} with { encoding: ${shown(encoding)} }`,
      undefined,
      async ({ fs, at }) => {
        const found = await fs[name](at('link'), { encoding });
        return encoding === 'hex' ? Buffer.from(found, 'hex').toString() : found;
      },
      posix,
    );
  }
}
list.add(
  'a chain of links',
  'ok',
  async ({ fs, at }) => {
    await fs.symlink('file', at('l0'));
    for (let i = 1; i < 10; i++) await fs.symlink(`l${i - 1}`, at(`l${i}`));
    return [
      await fs.readFile(at('l9'), 'utf8'),
      await fs.realpath(at('l9')),
      await fs.stat(at('l9')),
    ];
  },
  posix,
);
list.add(
  'a chain of links that is too long',
  'ELOOP',
  async ({ fs, at }) => {
    await fs.symlink('file', at('l0'));
    for (let i = 1; i < 50; i++) await fs.symlink(`l${i - 1}`, at(`l${i}`));
    return fs.readFile(at('l49'), 'utf8');
  },
  posix,
);
list.add(
  'hard links share content and mode',
  'ok',
  async ({ fs, file, at }) => {
    await fs.link(file, at('hard'));
    await fs.appendFile(at('hard'), 'more');
    await fs.chmod(file, 0o600);
    return [await fs.stat(file), await fs.stat(at('hard')), await fs.readFile(file, 'utf8')];
  },
  posix,
);

// ---- rename

const renames: [from: string, to: string][] = [
  ['file', 'file'],
  ['file', 'empty'],
  ['directory', 'file'],
  ['file', 'directory'],
  ['directory', 'directory/deep'],
  ['directory/deep', 'deep'],
  ['directory/inner', 'missing/inner'],
  ['directory', 'directory'],
];
for (const [from, to] of renames) {
  list.add(
    `rename of ${from} to ${to}`,
    undefined,
    ({ fs, at }) => fs.rename(at(from), at(to)),
    posix,
  );
}
for (const from of ['link', 'dangling', 'loop', 'to-directory']) {
  list.add(`rename of ${from}`, 'ok', ({ fs, at }) => fs.rename(at(from), at('new')), posix);
  list.add(
    `rename of a file to ${from}`,
    'ok',
    ({ fs, at, file }) => fs.rename(file, at(from)),
    posix,
  );
}

// ---- copyFile

const { COPYFILE_EXCL, COPYFILE_FICLONE } = constants;
const copyModes: unknown[] = [undefined, 0, COPYFILE_EXCL, COPYFILE_FICLONE, 8, -1, 'x', 1.5, null];
for (const mode of copyModes) {
  for (const to of ['missing', 'empty', 'directory', 'file'] as const) {
    list.add(
      `copyFile to ${to} with mode ${shown(mode)}`,
      undefined,
      ({ fs, file, at }) => fs.copyFile(file, at(to), mode),
      to === 'directory' ? posix : {},
    );
  }
}
list.add('copyFile keeps the mode', 'ok', async ({ fs, sync, file, missing }) => {
  sync.chmodSync(file, 0o640);
  return fs.copyFile(file, missing);
});
list.add(
  'copyFile through links',
  'ok',
  async ({ fs, at }) => {
    await fs.copyFile(at('link'), at('copy'));
    await fs.copyFile(at('directory/inner'), at('link'));
  },
  posix,
);

import * as path from 'node:path';
import { caseList, linux, posix, type Setting, shown, since } from '../case.js';

// Folders and trees: readdir, opendir, mkdir, mkdtemp, rm, rmdir, cp, glob, watch.

const list = caseList();
export const { cases } = list;

type Entry = { name: unknown; parentPath?: string };

/** Sorts a list, because folders are listed in the order of the disk. */
const sorted = (entries: unknown[]): unknown[] =>
  [...entries].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
const keyOf = (entry: unknown): string =>
  typeof entry === 'string' || Buffer.isBuffer(entry)
    ? String(entry)
    : `${(entry as Entry).parentPath}/${String((entry as Entry).name)}`;

// ---- readdir

const encodings = [undefined, 'utf8', 'buffer', 'latin1', 'hex', 'base64', 'ucs2'] as const;
const ofAnyEncoding =
  '- `readdir` with `recursive` takes Buffers and every encoding, as since Node 26.';
for (const encoding of encodings) {
  for (const recursive of [false, true]) {
    for (const withFileTypes of [false, true]) {
      const options = { encoding, recursive, withFileTypes };
      const isUtf8 = encoding === undefined || encoding === 'utf8';
      const where = recursive && !isUtf8 ? { differs: ofAnyEncoding } : {};
      list.add(
        `readdir with ${shown(options)}`,
        undefined,
        async ({ fs, at }) => {
          await fs.mkdir(at('directory/ü'));
          await fs.writeFile(at('directory/ü/ä'), '');
          return sorted(await fs.readdir(at(''), options));
        },
        where,
      );
    }
  }
}
const wrongOptions: unknown[] = [5, true, 'nothing', { encoding: 'nothing' }, { recursive: 1 }, []];
for (const options of wrongOptions) {
  list.add(`readdir with options ${shown(options)}`, undefined, async ({ fs, directory }) =>
    sorted(await fs.readdir(directory, options)),
  );
}
list.add('readdir of many entries', 'ok', async ({ fs, sync, at }) => {
  sync.mkdirSync(at('many'));
  for (let i = 0; i < 300; i++) sync.writeFileSync(at(`many/${i}-${'x'.repeat(i % 50)}`), '');
  const names = await fs.readdir(at('many'));
  await fs.rm(at('many'), { recursive: true });
  return names.sort();
});
list.add('readdir of a deep tree', 'ok', async ({ fs, sync, at }) => {
  const deep = Array.from({ length: 60 }, (_, i) => `d${i}`).join('/');
  sync.mkdirSync(at(deep), { recursive: true });
  const names = await fs.readdir(at('d0'), { recursive: true });
  await fs.rm(at('d0'), { recursive: true });
  return names.sort();
});

// ---- opendir

for (const options of [
  undefined,
  {},
  { bufferSize: 1 },
  { encoding: 'buffer' },
  { recursive: true },
]) {
  list.add(`opendir with ${shown(options)}`, 'ok', async ({ fs, at }) => {
    const entries: unknown[] = [];
    for await (const entry of await fs.opendir(at('directory'), options)) entries.push(entry);
    return sorted(entries);
  });
}
for (const options of [{ encoding: 'nothing' }, 5]) {
  list.add(`opendir with ${shown(options)}`, undefined, async ({ fs, directory }) => {
    const folder = await fs.opendir(directory, options);
    await folder.close();
  });
}
list.add('a Dir is read, and closed once', 'ERR_DIR_CLOSED', async ({ fs, directory }) => {
  const folder = await fs.opendir(directory);
  const names = [(await folder.read()).name, (await folder.read()).name, await folder.read()];
  await folder.close();
  if (names.length !== 3) return names;
  return folder.close();
});

// ---- mkdir, mkdtemp

const modes: unknown[] = [0o700, '700', 0o777, 'abc', -1, 1.5, null, undefined, { mode: 0o750 }];
for (const options of [...modes, { recursive: true, mode: 0o700 }, { recursive: 'x' }, 5n, true]) {
  list.add(`mkdir with ${shown(options)}`, undefined, ({ fs, missing }) =>
    fs.mkdir(missing, options),
  );
}
for (const name of [
  'new/a/b',
  'directory/deep/x/y',
  'directory',
  'directory/../new2/z',
  'file/x',
]) {
  list.add(
    `mkdir of ${name}, recursive`,
    undefined,
    ({ fs, at }) => fs.mkdir(at(name), { recursive: true }),
    name.startsWith('file') ? posix : {},
  );
  list.add(`mkdir of ${name}`, undefined, ({ fs, at }) => fs.mkdir(at(name)), posix);
}
for (const options of [
  undefined,
  'utf8',
  'buffer',
  { encoding: 'buffer' },
  'hex',
  'nothing',
  5,
  null,
]) {
  list.add(`mkdtemp with ${shown(options)}`, undefined, async ({ fs, at, folder }) => {
    const made = await fs.mkdtemp(at('new-'), options);
    const place = typeof options === 'string' && options === 'hex' ? unhex(made) : String(made);
    await fs.rmdir(place);
    return [Buffer.isBuffer(made), path.dirname(place) === folder, path.basename(place).length];
  });
}
function unhex(name: string): string {
  return Buffer.from(name, 'hex').toString();
}
for (const prefix of [undefined, null, 5, {}, 'null\0byte']) {
  list.add(`mkdtemp of ${shown(prefix)}`, undefined, ({ fs }) => fs.mkdtemp(prefix), {
    bare: true,
  });
}

// ---- rm, rmdir

const rmOptions: unknown[] = [
  undefined,
  {},
  { force: true },
  { recursive: true },
  { recursive: true, force: true },
  { maxRetries: 2, retryDelay: 1 },
  { recursive: false },
  { recursive: null },
  { force: 1 },
  { maxRetries: 'x' },
  { maxRetries: 2 ** 32 },
  { retryDelay: 1.5 },
  null,
  5,
  'recursive',
  [],
];
const rmPlaces = ['file', 'directory', 'missing', 'directory/deep', 'file/below'];
for (const options of rmOptions) {
  for (const place of rmPlaces) {
    list.add(
      `rm of ${place} with ${shown(options)}`,
      undefined,
      ({ fs, at }) => fs.rm(at(place), options),
      place === 'file/below' ? posix : {},
    );
  }
  for (const link of ['link', 'dangling', 'loop', 'to-directory', 'to-directory/deep']) {
    list.add(
      `rm of ${link} with ${shown(options)}`,
      undefined,
      ({ fs, at }) => fs.rm(at(link), options),
      posix,
    );
  }
}
for (const options of [undefined, {}, { recursive: false }, { recursive: 1 }, null, 5]) {
  list.add(`rmdir with ${shown(options)}`, undefined, ({ fs, sync, at }) => {
    sync.mkdirSync(at('hollow'));
    return fs.rmdir(at('hollow'), options);
  });
}
list.add(
  'rm of a tree with files that nobody may read',
  'ok',
  async ({ fs, sync, at }) => {
    sync.chmodSync(at('directory/inner'), 0);
    return fs.rm(at('directory'), { recursive: true });
  },
  posix,
);
list.add(
  'rm of a tree with links into the world',
  'ok',
  async ({ fs, sync, at, folder }) => {
    sync.symlinkSync(folder, at('directory/up'));
    sync.symlinkSync(at('file'), at('directory/deep/to-file'));
    sync.symlinkSync('nowhere', at('directory/deep/to-nothing'));
    return fs.rm(at('directory'), { recursive: true });
  },
  posix,
);
list.add('two rm of one tree at a time', 'ok', async ({ fs, directory }) => {
  const rm = (): Promise<void> => fs.rm(directory, { recursive: true, force: true, maxRetries: 3 });
  await Promise.all([rm(), rm()]);
});

// ---- cp

const notInner = (from: string): boolean => !from.endsWith('inner');
const notLeafLater = async (from: string): Promise<boolean> => !from.endsWith('leaf');
const cpOptions: Record<string, unknown>[] = [
  {},
  { recursive: true },
  { recursive: true, force: false },
  { recursive: true, force: false, errorOnExist: true },
  { recursive: true, dereference: true },
  { recursive: true, verbatimSymlinks: true },
  { recursive: true, preserveTimestamps: true },
  { recursive: true, filter: notInner },
  { recursive: true, filter: notLeafLater },
  { recursive: 1 },
  { filter: 5 },
  { mode: 'x' },
  { mode: 1 },
];
const cpPairs: [from: string, to: string][] = [
  ['directory', 'missing'],
  ['file', 'missing'],
  ['file', 'empty'],
  ['directory', 'file'],
  ['file', 'directory'],
  ['directory', 'directory/deep'],
];
for (const options of cpOptions) {
  for (const [from, to] of cpPairs) {
    list.add(`cp of ${from} to ${to} with ${shown(options)}`, undefined, ({ fs, at }) =>
      fs.cp(at(from), at(to), options),
    );
  }
}
const where = posix;
for (const from of ['link', 'dangling', 'to-directory', 'loop']) {
  for (const options of [{}, { dereference: true }, { recursive: true, verbatimSymlinks: true }]) {
    list.add(
      `cp of ${from} with ${shown(options)}`,
      undefined,
      ({ fs, at }) => fs.cp(at(from), at('copy'), options),
      where,
    );
  }
}

// ---- glob

const patterns = [
  '*',
  '**',
  '**/*',
  '*/inner',
  '{file,empty}',
  '**/leaf',
  'nothing',
  '[f-l]*',
  './*',
];
for (const pattern of patterns) {
  list.add(
    `glob of ${pattern}`,
    'ok',
    async ({ fs, folder }: Setting) => {
      const names: string[] = [];
      for await (const name of fs.glob(pattern, { cwd: folder })) names.push(name);
      return names.sort();
    },
    since(22),
  );
}

// ---- watch

list.add(
  'watch sees a new file, and ends by its signal',
  'ok',
  async ({ fs, at, directory }) => {
    const controller = new AbortController();
    const seen = new Set<string>();
    try {
      setTimeout(() => fs.mkdir(at('directory/new')), 20);
      for await (const { filename } of fs.watch(directory, { signal: controller.signal })) {
        seen.add(filename);
        controller.abort();
      }
    } catch (error) {
      return [[...seen], (error as Error).name, (error as NodeJS.ErrnoException).code];
    }
    return 'it ended by itself';
  },
  linux,
);
for (const options of [
  { signal: 5 },
  { persistent: 1 },
  { recursive: 'x' },
  { encoding: 'nothing' },
  5,
]) {
  list.add(`watch with ${shown(options)}`, undefined, async ({ fs, directory }) => {
    for await (const event of fs.watch(directory, options)) return event;
  });
}
list.add('watch of nothing', 'ENOENT', async ({ fs, missing }) => {
  for await (const event of fs.watch(missing)) return event;
});

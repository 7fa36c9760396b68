import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Act, came, caseList, linux, posix, type Setting, shown } from '../case.js';

// Every function that takes a path, with every kind of path: forms, wrong types, and every kind of
// entry. The effect of a successful call shows in its value and in the tree.

const list = caseList();
export const { cases } = list;

type OnPath = (setting: Setting, place: unknown) => unknown;

async function entriesOf(folder: AsyncIterable<{ name: string }>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of folder) names.push(name);
  return names.sort();
}

const readers: Record<string, OnPath> = {
  access: ({ fs }, place) => fs.access(place),
  lstat: ({ fs }, place) => fs.lstat(place),
  'lstat in bigints': ({ fs }, place) => fs.lstat(place, { bigint: true }),
  open: async ({ fs }, place) => (await fs.open(place)).close(),
  'open with r+': async ({ fs }, place) => (await fs.open(place, 'r+')).close(),
  opendir: async ({ fs }, place) => entriesOf(await fs.opendir(place)),
  readFile: ({ fs }, place) => fs.readFile(place),
  'readFile as utf8': ({ fs }, place) => fs.readFile(place, 'utf8'),
  readdir: async ({ fs }, place) => (await fs.readdir(place)).sort(),
  'readdir with types': async ({ fs }, place) =>
    (await fs.readdir(place, { withFileTypes: true })).sort(byName),
  'readdir, recursive': async ({ fs }, place) =>
    (await fs.readdir(place, { recursive: true })).sort(),
  readlink: ({ fs }, place) => fs.readlink(place),
  realpath: ({ fs }, place) => fs.realpath(place),
  stat: ({ fs }, place) => fs.stat(place),
  'stat in bigints': ({ fs }, place) => fs.stat(place, { bigint: true }),
  statfs: ({ fs }, place) => fs.statfs(place),
};

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

const writers: Record<string, OnPath> = {
  appendFile: ({ fs }, place) => fs.appendFile(place, 'appended'),
  chmod: ({ fs }, place) => fs.chmod(place, 0o750),
  chown: ({ fs }, place) => fs.chown(place, process.getuid?.() ?? 0, process.getgid?.() ?? 0),
  lchown: ({ fs }, place) => fs.lchown(place, process.getuid?.() ?? 0, process.getgid?.() ?? 0),
  'copyFile from': ({ fs, at }, place) => fs.copyFile(place, at('copy')),
  'copyFile to': ({ fs, at }, place) => fs.copyFile(at('empty'), place),
  'cp from': ({ fs, at }, place) => fs.cp(place, at('copy')),
  'cp from, recursive': ({ fs, at }, place) => fs.cp(place, at('copy'), { recursive: true }),
  'cp to': ({ fs, at }, place) => fs.cp(at('empty'), place),
  'cp to, recursive': ({ fs, directory }, place) => fs.cp(directory, place, { recursive: true }),
  'link from': ({ fs, at }, place) => fs.link(place, at('new')),
  'link to': ({ fs, file }, place) => fs.link(file, place),
  lutimes: ({ fs }, place) => fs.lutimes(place, 1, 2),
  mkdir: ({ fs }, place) => fs.mkdir(place),
  'mkdir, recursive': ({ fs }, place) => fs.mkdir(place, { recursive: true }),
  'open with a': async ({ fs }, place) => (await fs.open(place, 'a')).close(),
  'open with wx': async ({ fs }, place) => (await fs.open(place, 'wx')).close(),
  'rename from': ({ fs, at }, place) => fs.rename(place, at('new')),
  'rename to': ({ fs, at }, place) => fs.rename(at('empty'), place),
  'rename of a folder to': ({ fs, directory }, place) => fs.rename(directory, place),
  rm: ({ fs }, place) => fs.rm(place),
  'rm by force': ({ fs }, place) => fs.rm(place, { force: true }),
  'rm, recursive': ({ fs }, place) => fs.rm(place, { recursive: true }),
  'rm, recursive, by force': ({ fs }, place) => fs.rm(place, { recursive: true, force: true }),
  rmdir: ({ fs }, place) => fs.rmdir(place),
  'symlink at': ({ fs }, place) => fs.symlink('file', place),
  truncate: ({ fs }, place) => fs.truncate(place, 5),
  unlink: ({ fs }, place) => fs.unlink(place),
  utimes: ({ fs }, place) => fs.utimes(place, 1, 2),
  writeFile: ({ fs }, place) => fs.writeFile(place, 'new'),
  'writeFile with r+': ({ fs }, place) => fs.writeFile(place, 'new', { flag: 'r+' }),
  'writeFile of parts': ({ fs }, place) => fs.writeFile(place, ['one', 'two']),
};

const functions = { ...readers, ...writers };

// ---- Kinds of entries

const places: Record<string, { place: (setting: Setting) => string; where?: typeof posix }> = {
  'a file': { place: ({ file }) => file },
  'an empty file': { place: ({ at }) => at('empty') },
  'a folder': { place: ({ directory }) => directory },
  'an empty folder': {
    place: ({ sync, at }) => {
      sync.mkdirSync(at('hollow'));
      return at('hollow');
    },
  },
  nothing: { place: ({ missing }) => missing },
  'nothing in no folder': { place: ({ missing }) => path.join(missing, 'below') },
  'nothing below a file': { place: ({ file }) => path.join(file, 'below') },
  'a file by an unusual path': { place: ({ folder }) => `${folder}/./directory/.././/file` },
  'a link to a file': { place: ({ at }) => at('link'), where: posix },
  'a link to a folder': { place: ({ at }) => at('to-directory'), where: posix },
  'a link to nothing': { place: ({ at }) => at('dangling'), where: posix },
  'a link to itself': { place: ({ at }) => at('loop'), where: posix },
  'a file below a link': { place: ({ at }) => at('to-directory/inner'), where: posix },
  'a path with a slash at its end': { place: ({ file }) => `${file}/`, where: posix },
  'a folder with a slash at its end': { place: ({ directory }) => `${directory}/`, where: posix },
  'a name that is too long': { place: ({ at }) => at('x'.repeat(300)), where: posix },
  'a path that is too long': { place: ({ at }) => at('deep/'.repeat(1000)), where: posix },
};

// These would copy a folder into itself: Node's own guard is not what these tests check.
const endless = new Set(['cp to, recursive of a path that is too long']);

// On Windows each file system treats such paths differently, and Wine is unpredictable.
const onlyPosix = new Set(['chown', 'lchown', 'symlink at', 'statfs', 'link from', 'link to']);

for (const [name, call] of Object.entries(functions)) {
  for (const [kind, { place, where }] of Object.entries(places)) {
    const whole = `${name} of ${kind}`;
    if (endless.has(whole)) continue;
    const needed = onlyPosix.has(name) ? posix : where;
    list.add(whole, undefined, (setting) => call(setting, place(setting)), needed);
  }
}

// ---- Forms of paths

const forms: Record<string, (place: string) => unknown> = {
  'a Buffer': (place) => Buffer.from(place),
  'a Uint8Array': (place) => new Uint8Array(Buffer.from(place)),
  'a URL': (place) => pathToFileURL(place),
};

const ofBuffers =
  '- `readdir` with `recursive` takes Buffers and every encoding, as since Node 26.';
for (const [name, call] of Object.entries(functions)) {
  for (const [form, make] of Object.entries(forms)) {
    const onFile = /readdir|opendir|rmdir/.test(name) ? 'directory' : 'file';
    const isBeyond = name === 'readdir, recursive' && form !== 'a URL';
    const differs = isBeyond ? ofBuffers : undefined;
    list.add(
      `${name} of ${onFile} as ${form}`,
      undefined,
      (setting) => call(setting, make(setting[onFile])),
      onlyPosix.has(name) ? posix : { differs },
    );
    list.add(
      `${name} of nothing as ${form}`,
      undefined,
      (setting) => call(setting, make(setting.missing)),
      onlyPosix.has(name) ? posix : {},
    );
  }
}

// ---- Invalid paths

const wrong: unknown[] = [
  undefined,
  null,
  5,
  true,
  {},
  ['a'],
  Symbol('path'),
  () => {},
  10n,
  new Uint16Array(2),
  new ArrayBuffer(2),
  'null\0byte',
  Buffer.from('null\0byte'),
  new URL('http://example.com/x'),
  { href: 'file:///x' },
];

const typeError = 'ERR_INVALID_ARG_TYPE';

for (const [name, call] of Object.entries(functions)) {
  for (const value of wrong) {
    const act: Act = (setting) => call(setting, value);
    list.add(`${name} of ${shown(value)}`, codeOf(value), act, { bare: true });
  }
}

function codeOf(value: unknown): string | undefined {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return undefined;
  if (value instanceof URL) return 'ERR_INVALID_URL_SCHEME';
  return typeof value === 'object' && value !== null ? undefined : typeError;
}

// ---- Names that need care

const names = ['ä ö', '名前', '%20', 'a#b', '☃𝄞', 'new\nline', ' leading', 'quote"\'', '-dash'];

for (const name of names) {
  const where = /["\n]/.test(name) ? posix : {};
  list.add(
    `a file and a folder with the name ${shown(name)}`,
    'ok',
    async ({ fs, at }) => {
      const folder = at(name);
      await fs.mkdir(folder);
      await fs.writeFile(path.join(folder, name), name);
      const url = pathToFileURL(path.join(folder, name));
      return [
        await fs.readdir(folder),
        await fs.readdir(at('.'), { recursive: true }).then((all: string[]) => all.sort()),
        await fs.readFile(url, 'utf8'),
        await came(fs.stat(path.join(folder, `${name}?`))),
      ];
    },
    where,
  );
}

list.add(
  'a name that is no UTF-8',
  'ok',
  async ({ fs, at }) => {
    const name = Buffer.from([0x66, 0xff, 0xfe, 0x67]);
    const place = Buffer.concat([Buffer.from(at('')), name]);
    await fs.writeFile(place, 'content');
    const sorted = (names: unknown[]): unknown[] => names.map(String).sort();
    return [
      await fs.readFile(place, 'utf8'),
      sorted(await fs.readdir(at(''))),
      (await fs.readdir(at(''), 'hex')).sort(),
      (await fs.readdir(at(''), { encoding: 'latin1' })).sort(),
      (await fs.stat(place)).size,
      await fs.rm(place),
    ];
  },
  linux,
);

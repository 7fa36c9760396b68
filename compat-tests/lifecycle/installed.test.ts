import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import {
  isLinux,
  isWindows,
  packageFolder,
  resultOfChild,
  temporaryFolder,
  testWhere,
} from '../helpers.js';

// The package as it is installed: its addon is in a package of its own, for this platform.

const kind = process.env.OVERLAPPED_ENGINE;
const platform = `${process.platform}-${process.arch}${isLinux ? `-${libraryOfNode()}` : ''}`;
const addonPackage = path.join('@overlapped', platform);
const builtFolder = isWindows ? path.join('prebuilds', platform) : path.join('build', 'Release');
const built = fs.readFileSync(path.join(packageFolder, builtFolder, 'overlapped.node'));
const version = /"version": "(.*)"/.exec(
  fs.readFileSync(path.join(packageFolder, 'package.json'), 'utf8'),
)?.[1] as string;

/** The C library that Node on Linux was made for. */
function libraryOfNode(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}

/** Installs the package without an addon; returns its folder. */
function installed(modules = path.join(temporaryFolder(), 'node_modules')): string {
  const folder = path.join(modules, 'overlapped');
  for (const name of ['dist', 'package.json', path.join('addon', 'shared_rings.h')]) {
    fs.cpSync(path.join(packageFolder, name), path.join(folder, name), { recursive: true });
  }
  return folder;
}

function addAddon(modules: string, content = built, name = addonPackage): string {
  const file = path.join(modules, name, 'overlapped.node');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content);
  return file;
}

interface Start {
  kind?: string;
  code?: string;
  message?: string;
}

function start(folder: string): Promise<Start> {
  const script = `
    const { engine: installed } = await import(argument);
    try {
      console.log(JSON.stringify({ kind: installed.kind }));
    } catch ({ code, message }) {
      console.log(JSON.stringify({ code, message }));
    }`;
  const entry = pathToFileURL(path.join(folder, 'dist', 'index.js')).href;
  return resultOfChild<Start>(script, { args: [entry] });
}

test('an installed package loads the addon of its platform beside it', async () => {
  const folder = installed();
  addAddon(path.dirname(folder));
  expect(await start(folder)).toEqual({ kind });
});

test('the addon is found wherever module resolution finds its package', async () => {
  const nested = installed();
  addAddon(path.join(nested, 'node_modules'));
  expect(await start(nested)).toEqual({ kind });
  const above = temporaryFolder();
  const folder = installed(path.join(above, 'package', 'node_modules'));
  addAddon(path.join(above, 'node_modules'));
  expect(await start(folder)).toEqual({ kind });
});

testWhere(!isWindows, 'Wine makes no links to folders')(
  'a package that is installed by a link, as by pnpm, loads the addon beside its real place',
  async () => {
    const store = temporaryFolder();
    const folder = installed(path.join(store, 'overlapped@1', 'node_modules'));
    addAddon(path.dirname(folder));
    const modules = path.join(temporaryFolder(), 'node_modules');
    fs.mkdirSync(modules);
    fs.symlinkSync(folder, path.join(modules, 'overlapped'));
    expect(await start(path.join(modules, 'overlapped'))).toEqual({ kind });
  },
);

test('without an addon the error names the optional dependency and how to build one', async () => {
  const folder = installed();
  const { code, message } = await start(folder);
  expect(code).toBe('ERR_ADDON_NOT_FOUND');
  expect(message).toMatch(new RegExp(`optional dependency .*@overlapped/${platform}`));
  expect(message).toContain(`npx --yes cmake-js@8 compile --directory "${folder}"`);
});

test('an addon of another version is not used, and both versions are named', async () => {
  const folder = installed();
  const other = Buffer.from(built);
  const text = Buffer.from(`${version}\0`);
  let at = other.indexOf(text);
  expect(at).toBeGreaterThan(0);
  for (; at >= 0; at = other.indexOf(text, at + 1)) other.write('9', at, 'latin1');
  const file = addAddon(path.dirname(folder), other);
  const { code, message } = await start(folder);
  expect(code).toBe('ERR_ADDON_NOT_FOUND');
  const otherVersion = `9${version.slice(1)}`;
  expect(message).toContain(`${file} has version ${otherVersion}, but the package has ${version}`);
});

test('an addon that is there and does not load is named once, with its error', async () => {
  const folder = installed();
  const file = addAddon(path.dirname(folder), Buffer.from('not an addon'));
  const { code, message = '' } = await start(folder);
  expect(code).toBe('ERR_ADDON_NOT_FOUND');
  expect(message).toContain('overlapped has a native addon that does not load on');
  expect(message).not.toContain('optional dependency');
  // Windows does not name the file.
  if (!isWindows) expect(message.split(file)).toHaveLength(2);
  expect(message).toContain(`npx --yes cmake-js@8 compile --directory "${folder}"`);
});

/** The kind of the engine of an installed package in a process that may read only that package. */
async function kindWithPermission(folder: string): Promise<string> {
  const program = path.join(path.dirname(folder), '..', 'program.mjs');
  const entry = pathToFileURL(path.join(folder, 'dist', 'index.js')).href;
  fs.writeFileSync(
    program,
    `import { engine } from ${JSON.stringify(entry)}; console.log(engine.kind);`,
  );
  const major = Number.parseInt(process.versions.node, 10);
  const flags = [
    ...[major < 24 ? '--experimental-permission' : '--permission', '--no-warnings'],
    ...['--allow-addons', `--allow-fs-read=${folder}*`, `--allow-fs-read=${program}`],
  ];
  const script = `
    import { execFileSync } from 'node:child_process';
    const output = execFileSync(process.execPath, JSON.parse(argument), { encoding: 'utf8' });
    console.log(JSON.stringify(output.trim()));`;
  return resultOfChild<string>(script, { args: [JSON.stringify([...flags, program])] });
}

test('the addon beside the package loads where the permission model denies it', async () => {
  const folder = installed();
  addAddon(path.dirname(folder));
  expect(await kindWithPermission(folder)).toBe(kind);
});

testWhere(isLinux, 'only Linux has addons for two C libraries')(
  'the addon for either C library loads where the permission model denies the other one',
  async () => {
    for (const library of ['glibc', 'musl']) {
      const folder = installed();
      const name = path.join('@overlapped', `${process.platform}-${process.arch}-${library}`);
      addAddon(path.dirname(folder), built, name);
      expect(await kindWithPermission(folder)).toBe(kind);
    }
  },
);

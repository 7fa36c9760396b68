// Checks of the contents of the packages, and of the types and exports that they declare.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { platforms } from '../platforms.mjs';
import { packages, packagesIn, project, root, run, tools, version } from './support.mjs';

const installedBytesMax = 3_000_000;
const installed = path.join(project, 'node_modules', 'overlapped');

function bytesIn(folder) {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce(
    (bytes, { parentPath, name }) => bytes + fs.statSync(path.join(parentPath, name)).size,
    0,
  );
}

function manifestIn(folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
}

export function checkSize() {
  const bytes = bytesIn(path.join(project, 'node_modules'));
  console.log(`${packagesIn(project).length} packages, ${bytes} bytes`);
  assert.ok(bytes <= installedBytesMax, `${bytes} bytes`);
}

export function checkContents() {
  const names = fs.readdirSync(installed, { recursive: true, encoding: 'utf8' });
  for (const name of ['dist/index.js', 'CMakeLists.txt', 'docs', 'LICENSE']) {
    assert.ok(names.includes(path.normalize(name)), `${name} is not in the package`);
  }
  const strangers = /^(build|prebuilds|lib|compat-tests|bench|scripts)\b/;
  assert.deepEqual(
    names.filter((name) => strangers.test(name)),
    [],
  );
  const manifest = manifestIn(installed);
  for (const name of ['scripts', 'devDependencies']) assert.ok(!(name in manifest), name);
  // Every dependency is a part of the package, so that an addon is built without a registry.
  assert.deepEqual(Object.keys(manifest.dependencies), manifest.bundleDependencies);
  assert.deepEqual(
    manifest.optionalDependencies,
    Object.fromEntries(Object.keys(platforms).map((name) => [`@overlapped/${name}`, version])),
  );
}

/** Checks the packages of all addons that have been built. */
export async function checkAddonPackages() {
  const made = Object.entries(platforms).filter(([name]) =>
    fs.existsSync(path.join(packages, name)),
  );
  assert.ok(made.length > 0);
  for (const [name, { os, cpu, libc }] of made) {
    const list = await run('tar', [
      '-tzf',
      path.join(packages, `overlapped-${name}-${version}.tgz`),
    ]);
    assert.deepEqual(list.trim().split('\n').sort(), [
      ...['package/LICENSE', 'package/README.md', 'package/overlapped.node'],
      'package/package.json',
    ]);
    const manifest = manifestIn(path.join(packages, name));
    const { name: given, version: ofPackage, main, preferUnplugged } = manifest;
    assert.deepEqual(
      { given, ofPackage, main, preferUnplugged },
      {
        given: `@overlapped/${name}`,
        ...{ ofPackage: version, main: 'overlapped.node', preferUnplugged: true },
      },
    );
    assert.deepEqual([manifest.os, manifest.cpu, manifest.libc], [[os], [cpu], libc && [libc]]);
  }
}

export async function checkTypesAndExports() {
  const programs = path.join(tools, 'packaging', 'node_modules');
  const tarball = path.join(packages, `overlapped-${version}.tgz`);
  const publint = path.join(programs, 'publint', 'src', 'cli.js');
  await run(process.execPath, [publint, tarball, '--strict']);
  const attw = path.join(programs, '@arethetypeswrong', 'cli', 'dist', 'index.js');
  await run(process.execPath, [attw, tarball]);
}

const compilerOptions = {
  strict: true,
  noEmit: true,
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  typeRoots: [path.join(root, 'node_modules', '@types')],
  types: ['node'],
};

async function compile(tsc, options, files) {
  const name = `tsconfig.${options.moduleResolution}.json`;
  const config = { compilerOptions: { ...compilerOptions, ...options }, files };
  fs.writeFileSync(path.join(project, name), JSON.stringify(config));
  await run(process.execPath, [tsc, '-p', path.join(project, name)]);
}

export async function checkTypes() {
  const modules = [
    { module: 'node16', moduleResolution: 'node16' },
    { module: 'nodenext', moduleResolution: 'nodenext' },
    { module: 'preserve', moduleResolution: 'bundler' },
  ];
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  for (const module of modules) await compile(tsc, module, ['types.mts', 'types.cts']);
}

/** TypeScript 7 has no `node10` any more; 6 is the last version that has it. */
export async function checkOldTypes() {
  const tsc = path.join(root, 'node_modules', 'typescript-in-javascript', 'bin', 'tsc');
  const old = { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' };
  await compile(tsc, old, ['types.cts']);
}

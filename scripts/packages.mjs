// Makes the packages that are published: `overlapped`, and one for the addon of each platform.
//
//   node scripts/packages.mjs             of all platforms; fails if an addon is missing
//   node scripts/packages.mjs --some      of the platforms whose addons are in prebuilds/
//   node scripts/packages.mjs --refuse    only says that they are what is published
//
// Each gets a folder and a tarball in build-packages/. The optional dependencies are added here and
// not in package.json, because `npm ci` in a clone must not ask for packages of a version that is
// not published yet. `npm pack` makes one package with all addons that are in prebuilds/.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { importsOf } from './imports.mjs';
import { platforms } from './platforms.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const prebuilds = path.join(root, 'prebuilds');
const out = path.join(root, 'build-packages');

class Failure extends Error {}

const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const addonPackage = (name) => `@overlapped/${name}`;

function run(command, args) {
  const result = spawnSync(command, args, { cwd: out, encoding: 'utf8' });
  if (result.error) throw new Failure(`${command}: ${result.error.message}`);
  if (result.status !== 0)
    throw new Failure(`${command} failed:\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** Packs a folder into build-packages/; returns the tarball's name. */
function pack(folder) {
  const args = ['pack', folder, '--ignore-scripts', '--json', '--pack-destination', out];
  const [{ filename }] = JSON.parse(run('npm', args));
  return filename;
}

function writeManifest(folder, content) {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  fs.writeFileSync(path.join(folder, 'package.json'), text);
}

const headers = 'node-addon-api';
const headerFiles = ['LICENSE.md', 'index.js', 'napi-inl.deprecated.h', 'napi-inl.h', 'napi.h'];

/** Leaves only what a build of the addon needs of the bundled headers. */
function pruneHeaders(folder) {
  const installed = path.join(folder, 'node_modules', headers);
  const { name, version, description, license, main } = JSON.parse(
    fs.readFileSync(path.join(installed, 'package.json'), 'utf8'),
  );
  for (const file of fs.readdirSync(installed)) {
    if (!headerFiles.includes(file)) fs.rmSync(path.join(installed, file), { recursive: true });
  }
  writeManifest(installed, { name, version, description, license, main });
}

/** The package without addons, from what `npm pack` selects. */
function makeMain() {
  const whole = pack(root);
  run('tar', ['-xzf', whole]);
  fs.rmSync(path.join(out, whole));
  const folder = path.join(out, manifest.name);
  fs.renameSync(path.join(out, 'package'), folder);
  fs.rmSync(path.join(folder, 'prebuilds'), { recursive: true, force: true });
  pruneHeaders(folder);
  const { scripts, devDependencies, overrides, ...published } = manifest;
  const addons = Object.keys(platforms).map((name) => [addonPackage(name), manifest.version]);
  writeManifest(folder, { ...published, optionalDependencies: Object.fromEntries(addons) });
  return pack(folder);
}

/** @throws Failure if an addon is for another platform */
function checkAddon(name) {
  const { os, cpu, libc, file } = platforms[name];
  const is = importsOf(path.join(prebuilds, file));
  const found = [is.os, is.cpu, is.libc].filter(Boolean).join(' ');
  const wanted = [os, cpu, libc].filter(Boolean).join(' ');
  if (found !== wanted) throw new Failure(`prebuilds/${file} is for ${found}, not ${wanted}`);
}

/** The package with the addon of a platform. */
function makeAddon(name) {
  const { os, cpu, libc, file } = platforms[name];
  const folder = path.join(out, name);
  checkAddon(name);
  fs.mkdirSync(folder);
  fs.copyFileSync(path.join(prebuilds, file), path.join(folder, 'overlapped.node'));
  fs.copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
  const system = [os, cpu, libc].filter(Boolean).join(' ');
  const description = `The native addon of overlapped for ${system}`;
  const about = `# ${addonPackage(name)}\n\n${description}. Install \`overlapped\` instead.\n`;
  fs.writeFileSync(path.join(folder, 'README.md'), about);
  const { version, author, license, repository, engines, publishConfig } = manifest;
  writeManifest(folder, {
    name: addonPackage(name),
    ...{ version, description, author, license, repository },
    ...{ os: [os], cpu: [cpu], ...(libc && { libc: [libc] }) },
    // Yarn reads no addon out of an archive.
    ...{ engines, main: 'overlapped.node', files: ['overlapped.node'], preferUnplugged: true },
    publishConfig,
  });
  return pack(folder);
}

function makeAll(onlySome) {
  const missing = Object.entries(platforms)
    .filter(([, { file }]) => !fs.existsSync(path.join(prebuilds, file)))
    .map(([name]) => name);
  if (missing.length > 0 && !onlySome) {
    throw new Failure(`missing in prebuilds/: ${missing.join(', ')}; run npm run prebuild first`);
  }
  if (!fs.existsSync(path.join(root, 'dist', 'index.js'))) {
    throw new Failure('dist/ is missing: run npm run build:ts first');
  }
  fs.rmSync(out, { recursive: true, force: true });
  fs.mkdirSync(out);
  const names = Object.keys(platforms).filter((name) => !missing.includes(name));
  for (const tarball of [...names.map(makeAddon), makeMain()]) {
    const { size } = fs.statSync(path.join(out, tarball));
    console.log(`${tarball}: ${size} bytes`);
  }
}

function main(args) {
  try {
    if (args[0] === '--refuse') {
      throw new Failure('Publish the tarballs that npm run packages makes, not this folder');
    }
    makeAll(args[0] === '--some');
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));

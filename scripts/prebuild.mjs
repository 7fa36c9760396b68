// Builds the addons that the package carries, where lib/engine/binding.ts looks for them.
//
//   node scripts/prebuild.mjs            all of them, on Linux x64
//   node scripts/prebuild.mjs NAME…      some, such as linux-x64-glibc or darwin-arm64
//   node scripts/prebuild.mjs host       this system's, with its own compiler
//
// One binary serves every version of Node that the package supports (Node-API 8). It contains the
// C++ library and needs only the C library of the system. The file's name says whether that is
// glibc or musl; an addon of the other one does not load. The compiler is zig (scripts/zig.mjs).
// Only win32-x64 is built by MinGW GCC (scripts/win32.mjs), because the tests under Wine run that
// build.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { importsOf } from './imports.mjs';
import { platforms } from './platforms.mjs';
import { hasZig, needZig, zig, zigEnvironment, zigOptions } from './zig.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const isLinux = process.platform === 'linux';
const work = path.join(root, 'build-prebuild');

/** The oldest glibc that an addon may need: that of Node's own binaries. */
const glibc = '2.28';

/** The oldest macOS that the addons run on. */
const macos = '11.0';

/** What zig builds, by name: its target and CMake's system. */
const targets = {
  'linux-x64-glibc': [`x86_64-linux-gnu.${glibc}`, 'Linux'],
  'linux-arm64-glibc': [`aarch64-linux-gnu.${glibc}`, 'Linux'],
  'linux-x64-musl': ['x86_64-linux-musl', 'Linux'],
  'linux-arm64-musl': ['aarch64-linux-musl', 'Linux'],
  'darwin-arm64': [`aarch64-macos.${macos}`, 'Darwin'],
  'darwin-x64': [`x86_64-macos.${macos}`, 'Darwin'],
  'win32-arm64': ['aarch64-windows-gnu', 'Windows'],
};

/** The libraries that an addon may need, by system: those that every system has. */
const systemLibraries = {
  linux: /^(?:lib(?:c|m|dl|pthread)\.so|libc\.musl-|ld-linux-)/,
  darwin: /^\/usr\/lib\/libSystem\.B\.dylib$/,
  win32: /^(?:node\.exe|(?:kernel32|advapi32|ntdll|msvcrt|api-ms-win-crt-[a-z0-9-]+)\.dll)$/i,
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

/** Puts an addon into prebuilds/; returns what it needs. */
function install(built, name) {
  const { file } = platforms[name];
  const prebuilt = path.join(root, 'prebuilds', file);
  fs.mkdirSync(path.dirname(prebuilt), { recursive: true });
  if (built !== prebuilt) fs.copyFileSync(built, prebuilt);
  const needs = importsOf(prebuilt);
  const libraries = [...needs.libraries, ...needs.late.map((library) => `${library} (late)`)];
  const { size } = fs.statSync(prebuilt);
  const versions = needs.system === undefined ? '' : `, version ${needs.system}`;
  console.log(`prebuilds/${file}: ${size} bytes, needs ${libraries.join(', ')}${versions}`);
  return needs;
}

/** @throws Failure if an addon needs what not every system of its platform has */
function check(name, { libraries, system, ...found }, oldest) {
  const { os, cpu, libc } = platforms[name];
  if (found.os !== os || found.cpu !== cpu || found.libc !== libc) {
    throw new Failure(`${name} is for ${found.os} ${found.cpu} ${found.libc ?? ''}`);
  }
  const others = libraries.filter((library) => !systemLibraries[os].test(library));
  if (others.length > 0) throw new Failure(`${name} needs ${others.join(', ')}`);
  const numeric = new Intl.Collator('en', { numeric: true });
  if (system !== undefined && numeric.compare(system, oldest) > 0) {
    throw new Failure(`${name} needs version ${system} of the system's libraries`);
  }
}

// ---- With zig

/** Options for addons of Windows, which import Node-API from node.exe. */
function windowsOptions(folder) {
  const library = path.join(folder, 'libnode.a');
  const definition = path.join(headersOf('node-api-headers', 'def'), 'node_api.def');
  fs.mkdirSync(folder, { recursive: true });
  run(zig, ['dlltool', '-m', 'arm64', '-d', definition, '-D', 'node.exe', '-l', library]);
  return [`-DCMAKE_JS_LIB=${library}`];
}

function buildWithZig(name) {
  if (!hasZig(process)) {
    throw new Failure('zig can be installed for Linux on x64 only: use `host` here');
  }
  needZig();
  const [target, system] = targets[name];
  const folder = path.join(work, name);
  const options = [
    ...zigOptions(target, system),
    '-DCMAKE_SHARED_LINKER_FLAGS=-s',
    ...(system === 'Windows' ? windowsOptions(folder) : []),
  ];
  const needs = install(compile(folder, options, zigEnvironment), name);
  check(name, needs, system === 'Darwin' ? macos : glibc);
}

// ---- With other compilers

function nameOfHost() {
  const { platform, arch } = process;
  if (!isLinux) return `${platform}-${arch}`;
  const { glibcVersionRuntime } = process.report.getReport().header;
  return `${platform}-${arch}-${glibcVersionRuntime === undefined ? 'musl' : 'glibc'}`;
}

function buildForHost() {
  const runtime = `-DOVERLAPPED_STATIC_RUNTIME=${isLinux ? 'ON' : 'OFF'}`;
  const built = compile(path.join(work, 'host'), [runtime]);
  if (process.platform !== 'win32') run('strip', [isLinux ? '--strip-unneeded' : '-x', built]);
  install(built, nameOfHost());
}

function buildForWindows() {
  run(process.execPath, [path.join('scripts', 'win32.mjs'), 'build']);
  const built = path.join(root, 'prebuilds', platforms['win32-x64'].file);
  check('win32-x64', install(built, 'win32-x64'));
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

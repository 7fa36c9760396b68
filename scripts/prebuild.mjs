// Builds the addons that the package carries, where lib/engine/binding.ts looks for them.
//
//   node scripts/prebuild.mjs           this system's, and on Linux that of Windows too
//   node scripts/prebuild.mjs host      prebuilds/<platform>-<arch>/ of this system alone
//   node scripts/prebuild.mjs windows   prebuilds/win32-x64/ alone (scripts/win32.mjs build)
//
// One binary serves every version of Node that the package supports (Node-API 8). It contains the
// C++ library and needs only libc and libgcc_s of the system; the last line says which version of
// libc. Its name says whether that is glibc or musl; an addon of the other one does not
// load.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const isLinux = process.platform === 'linux';

class Failure extends Error {}

/** Runs a program to its end; returns its output if `capture` is set. */
function run(command, args, { capture = false } = {}) {
  const stdio = ['ignore', capture ? 'pipe' : 'inherit', 'inherit'];
  const { status, signal, error, stdout } = spawnSync(command, args, {
    cwd: root,
    stdio,
    encoding: 'utf8',
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

/** The tag in the file's name that tells C libraries apart. */
function tagOfLibrary() {
  if (!isLinux) return '';
  return process.report.getReport().header.glibcVersionRuntime === undefined ? '.musl' : '.glibc';
}

function buildForHost() {
  const folder = path.join(root, 'build-prebuild');
  const include = [headersOf('node-api-headers', 'include'), headersOf('node-addon-api', '.')];
  run('cmake', [
    ...['-S', root, '-B', folder, '-DCMAKE_BUILD_TYPE=Release', '-DOVERLAPPED_WERROR=ON'],
    '-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG',
    `-DOVERLAPPED_STATIC_RUNTIME=${isLinux ? 'ON' : 'OFF'}`,
    `-DCMAKE_JS_INC=${include.join(';')}`,
  ]);
  run('cmake', ['--build', folder, '--parallel', String(availableParallelism())]);
  const tuple = `${process.platform}-${process.arch}`;
  const prebuilt = path.join(root, 'prebuilds', tuple, `overlapped${tagOfLibrary()}.node`);
  fs.rmSync(path.dirname(prebuilt), { recursive: true, force: true });
  fs.mkdirSync(path.dirname(prebuilt), { recursive: true });
  fs.copyFileSync(path.join(folder, 'overlapped.node'), prebuilt);
  run('strip', [isLinux ? '--strip-unneeded' : '-x', prebuilt]);
  console.log(`built ${path.relative(root, prebuilt)}`);
  if (isLinux) console.log(`it needs ${newestGlibc(prebuilt)}`);
}

/** The newest version of the C library that a symbol of the addon needs. */
function newestGlibc(file) {
  const symbols = run('objdump', ['-T', file], { capture: true });
  const versions = [...symbols.matchAll(/GLIBC_([\d.]+)/g)].map(([, version]) => version);
  const numeric = new Intl.Collator('en', { numeric: true });
  const newest = versions.sort(numeric.compare).at(-1);
  return newest === undefined ? 'no versioned symbol of glibc' : `glibc ${newest}`;
}

function buildForWindows() {
  run(process.execPath, [path.join('scripts', 'win32.mjs'), 'build']);
}

const commands = { host: [buildForHost], windows: [buildForWindows] };
const all = isLinux ? [buildForHost, buildForWindows] : [buildForHost];

function main([name]) {
  const steps = name === undefined ? all : commands[name];
  if (!steps) {
    console.error(`usage: node scripts/prebuild.mjs [${Object.keys(commands).join('|')}]`);
    return 2;
  }
  try {
    for (const step of steps) step();
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    return 1;
  }
}

process.exitCode = main(process.argv.slice(2));

// Builds the C++ engine tests and runs them, without Node's headers: plain, then under sanitizers.
//
//   node scripts/native-tests.mjs [NAME]… [--filter <part of a test's name>]
//
// Without names it runs `plain`, `asan` and `tsan`, if the system supports them. `musl` and
// `musl-arm64` run only by name, since their builds take minutes: zig (scripts/zig.mjs) links the
// tests with musl, the C library of Alpine, for this processor or for arm64 under qemu-user. It
// builds in build-native/<configuration>. The last line is `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { qemuForArm } from './foreign/qemu.mjs';
import { hasZig, needZig, zigEnvironment, zigOptions } from './zig.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const runMsMax = 15 * 60_000;

// Apple's AddressSanitizer has no leak detection and ends the program that asks for it.
const leaks = process.platform === 'linux' ? 1 : 0;
const sanitize = (name) => [`-DOVERLAPPED_SANITIZE=${name}`];
const configurations = {
  plain: {},
  asan: {
    options: sanitize('address'),
    env: {
      ASAN_OPTIONS: `detect_leaks=${leaks}:detect_stack_use_after_return=1:strict_string_checks=1`,
      UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
    },
    isFor: ({ platform }) => platform !== 'win32',
  },
  tsan: {
    options: sanitize('thread'),
    env: { TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1' },
    isFor: ({ platform }) => platform !== 'win32',
  },
  musl: { cross: 'x86_64-linux-musl', isFor: hasZig, isOnlyByName: true },
  'musl-arm64': {
    cross: 'aarch64-linux-musl',
    launcher: qemuForArm,
    isFor: hasZig,
    isOnlyByName: true,
  },
};
const available = Object.keys(configurations).filter(
  (name) => configurations[name].isFor?.(process) ?? true,
);

class Failure extends Error {}

function has(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Resolves to the exit and the output of the program; prints the output as it arrives. */
function run(command, args, { env = {}, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: runMsMax,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const take = (to) => (chunk) => {
      output += chunk;
      if (!quiet) to.write(chunk);
    };
    child.stdout.on('data', take(process.stdout));
    child.stderr.on('data', take(process.stderr));
    child.on('error', (error) => reject(new Failure(`${command}: ${error.message}`)));
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}

async function mustSucceed(command, args, env) {
  const { code, signal, output } = await run(command, args, { env, quiet: true });
  if (code === 0) return;
  process.stderr.write(output);
  throw new Failure(`${command} ended with ${signal ?? code}`);
}

/** CMake's options for a target of zig. */
function crossOptions(target) {
  needZig();
  return zigOptions(target, 'Linux');
}

/** Configures and builds; returns the path of the program. */
async function build(name) {
  const { options = [], cross } = configurations[name];
  const env = cross === undefined ? {} : zigEnvironment;
  const folder = path.join(root, 'build-native', name);
  // A build folder keeps its generator, so only a new one may choose it.
  const isNew = !fs.existsSync(path.join(folder, 'CMakeCache.txt'));
  const generator = isNew && has('ninja', ['--version']) ? ['-G', 'Ninja'] : [];
  const settings = [
    ...(cross === undefined ? options : crossOptions(cross)),
    ...['-DOVERLAPPED_TESTS=ON', '-DCMAKE_BUILD_TYPE=RelWithDebInfo'],
  ];
  await mustSucceed('cmake', ['-S', root, '-B', folder, ...generator, ...settings], env);
  const parallel = String(Math.min(availableParallelism(), 4));
  const target = ['--target', 'engine_tests', '--config', 'RelWithDebInfo'];
  await mustSucceed('cmake', ['--build', folder, ...target, '--parallel', parallel], env);
  const places = ['engine_tests', 'engine_tests.exe', 'RelWithDebInfo/engine_tests.exe'];
  const program = places.map((place) => path.join(folder, place)).find(fs.existsSync);
  if (!program) throw new Failure(`the build made no engine_tests in ${folder}`);
  return program;
}

function commandFor(name, program) {
  const { launcher = () => [] } = configurations[name];
  // ThreadSanitizer of older compilers fails where the kernel spreads addresses over more bits.
  const fixed = ['setarch', '-R'];
  const isFixed = name === 'tsan' && process.platform === 'linux' && has(fixed[0], ['-R', 'true']);
  return [...(isFixed ? fixed : launcher(path.dirname(program))), program];
}

/** Returns the numbers of the run; a run that ends without printing them counts as one failure. */
async function test(name, filter) {
  const program = await build(name);
  const [command, ...args] = commandFor(name, program);
  const { code, signal, output } = await run(command, filter ? [...args, filter] : args, {
    env: configurations[name].env,
  });
  const totals = output.match(/^(\d+) passed, (\d+) failed$/m);
  const passed = totals ? Number(totals[1]) : 0;
  const failed = totals ? Number(totals[2]) : 0;
  // A sanitizer may find something after the last test: a leak.
  if (code !== 0 && failed === 0) {
    console.error(`${name}: ended with ${signal ?? code}`);
    return { passed, failed: 1 };
  }
  return { passed, failed };
}

const started = Date.now();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { filter: { type: 'string' } },
});
const unknown = positionals.filter((name) => !available.includes(name));
if (unknown.length > 0) {
  console.error(`no configuration ${unknown.join(', ')} here; there are ${available.join(', ')}`);
  process.exit(2);
}
const sum = { passed: 0, failed: 0 };
const summary = [];
const byDefault = available.filter((name) => !configurations[name].isOnlyByName);
for (const name of positionals.length > 0 ? positionals : byDefault) {
  console.log(`=== ${name}`);
  const start = Date.now();
  let result;
  try {
    result = await test(name, values.filter);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`${name}: ${error.message}`);
    result = { passed: 0, failed: 1 };
  }
  sum.passed += result.passed;
  sum.failed += result.failed;
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  summary.push(`${name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`);
}
console.log(`\n${summary.join('\n')}`);
console.log(`all in ${((Date.now() - started) / 1000).toFixed(1)} s`);
console.log(`${sum.passed} passed, ${sum.failed} failed`);
process.exitCode = sum.failed === 0 ? 0 : 1;

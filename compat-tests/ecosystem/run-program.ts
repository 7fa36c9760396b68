import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageFolder, runChild, temporaryFolder } from '../helpers.js';
import { describeTree, type Entry, timesOfFiles } from './tree.js';

// Runs a program of programs/ in a process of its own, once with node:fs and once with this package
// in one of two ways: `fs` is overlapped/fs, or node:fs is registered. Both work in folders of the
// same path, one after the other, so that paths in results and files are the same too.

export type Placement = 'node:fs' | 'overlapped/fs' | 'overlapped/register';

export interface Outcome {
  /** What the program has returned. */
  result: unknown;
  /** The exit code. */
  code: number;
  /** What it has written to its standard output. */
  output: string;
  /** What it has left in its folder. */
  tree: Record<string, Entry>;
  /** Modification times of the files in what `timesIn` names. */
  times: Record<string, number>;
  /** How many operations the engine has served. */
  operations: number;
}

export interface Task {
  /** Name of a module in programs/. */
  program: string;
  /** A folder that the program reads. */
  source: string;
  /** Names of folders that it leaves whose files have times to compare. */
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
    // Programs that this one starts are registered, too.
    if (placement === 'overlapped/register') process.env.NODE_OPTIONS = '--import ' + register;
    let result;
    // At the exit, since the command lines of some packages end the process themselves.
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

/** Runs a program once in each placement, when its outcome is first asked for. */
export function runnerOf(task: Task): { run: (placement: Placement) => Promise<Outcome> } {
  const parent = temporaryFolder();
  const folder = path.join(parent, 'work');
  const outcomes = new Map<Placement, Promise<Outcome>>();
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

import type { Command } from 'commander';
import { clean, type KeptLeftOver } from '../../copy/tree/clean.js';
import { exitCode } from '../exit-code.js';
import { bytesText, counted } from '../format.js';
import { errorObject, type OutputOptions } from '../output.js';
import { pathOf } from '../path-arguments.js';
import type { Context, Start } from '../run.js';
import { addTreeOptions, filterOptionsOf, type TreeFlags } from '../tree-task.js';
import { parsePathArgument } from '../values.js';

interface Flags extends TreeFlags, OutputOptions {
  dryRun?: boolean;
  partial?: boolean;
  oneFileSystem?: boolean;
}

export function addClean(program: Command, start: Start): Command {
  const command = program
    .command('clean')
    .summary('remove unfinished files of killed copies')
    .description(
      'Removes unfinished files that killed copies have left in a folder and below it. Files of ' +
        'running copies stay, and so do those that --resume needs.',
    )
    .argument('<folder>', 'the folder to clean', parsePathArgument)
    .option('-n, --dry-run', 'print the same, and remove nothing')
    .option('--partial', 'also remove copies that --resume would continue')
    .option('-x, --one-file-system', 'leave other mounted file systems alone');
  return addTreeOptions(command).action((folder: string, flags: Flags) =>
    start(flags, (context) => cleanFolder(folder, flags, context)),
  );
}

const reasons: Readonly<Record<KeptLeftOver['reason'], string>> = {
  running: 'a running copy works on it',
  partial: 'kept for --resume; --partial removes it',
  update: 'says that a file beside it is incomplete; copy --update inplace finishes it',
  recent: 'less than ten minutes old',
  owner: 'of another user',
  type: 'a folder',
  locks: 'the file system has no locks, so a copy may still work on it',
};

async function cleanFolder(
  folder: string,
  flags: Flags,
  { output, signal }: Context,
): Promise<number> {
  const { dryRun = false, partial, oneFileSystem, concurrency } = flags;
  const filters = await filterOptionsOf(flags);
  const options = { ...filters, dryRun, partial, oneFileSystem, concurrency, signal };
  const done = await clean(pathOf(folder), options);
  for (const { error, path } of done.errors) output.error(error, path);
  const errors = done.errors.map(({ error, path }) => errorObject(error, path));
  const verb = dryRun ? 'would remove' : 'removed';
  const lines = [
    ...done.removed.map(({ path }) => `${verb} ${path}`),
    ...done.kept.map(({ path, reason }) => `kept ${path} (${reasons[reason]})`),
    `${verb} ${counted(done.removed.length, 'leftover')}, ${bytesText(done.bytes)}`,
  ];
  output.result({ command: 'clean', folder, dryRun, ...done, errors }, lines);
  return errors.length === 0 ? exitCode.done : exitCode.incomplete;
}

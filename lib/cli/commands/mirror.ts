import type { Command } from 'commander';
import { addCopyOptions, type CopyFlags, copyOptionsOf } from '../copy-options.js';
import type { OutputOptions } from '../output.js';
import type { Start } from '../run.js';
import {
  addTreeCopyOptions,
  filterOptionsOf,
  runTree,
  type TreeCopyFlags,
  treeOptionsOf,
} from '../tree-task.js';
import { parseNumber, parsePathArgument } from '../values.js';

interface Flags extends CopyFlags, TreeCopyFlags, OutputOptions {
  delete: boolean;
}

export function addMirror(program: Command, start: Start): Command {
  const command = program
    .command('mirror')
    .summary('make a folder equal to another')
    .description(
      'Makes a folder equal to another: copies new and changed files (by size and time), then ' +
        'deletes entries that the source lacks. Entries that a filter excludes stay.',
    )
    .argument('<source>', 'a folder', parsePathArgument)
    .argument('<destination>', 'the folder that becomes equal to it', parsePathArgument);
  return addTreeCopyOptions(addCopyOptions(command))
    .option('--no-delete', 'delete nothing')
    .option('--max-delete <n>', 'delete nothing if more than n entries would go', parseNumber)
    .action((source: string, destination: string, flags: Flags) =>
      start(flags, async (context) => {
        const options = {
          ...{ ...copyOptionsOf(flags), ...treeOptionsOf(flags) },
          ...(await filterOptionsOf(flags)),
          delete: flags.delete,
        };
        return runTree('mirror', { source, destination }, options, context);
      }),
    );
}

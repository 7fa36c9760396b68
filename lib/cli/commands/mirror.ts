import type { Command } from 'commander';
import { addCopyOptions, type CopyFlags, copyOptionsOf } from '../copy-options.js';
import type { OutputOptions } from '../output.js';
import type { Start } from '../run.js';
import { addTreeCopyOptions, runTree, type TreeCopyFlags, treeOptionsOf } from '../tree-task.js';
import { parseMaxDelete, parsePathArgument } from '../values.js';

interface Flags extends CopyFlags, TreeCopyFlags, OutputOptions {
  delete: boolean;
}

export function addMirror(program: Command, start: Start): Command {
  const command = program
    .command('mirror')
    .summary('make a folder the same as another')
    .description(
      'Makes a folder the same as another: copies what is new or changed (by size and time), and ' +
        'deletes what the source lacks, once all has been copied. What a filter leaves out stays.',
    )
    .argument('<source>', 'a folder', parsePathArgument)
    .argument('<destination>', 'the folder that becomes the same', parsePathArgument);
  return addTreeCopyOptions(addCopyOptions(command))
    .option('--no-delete', 'delete nothing')
    .option('--max-delete <n>', 'delete nothing if it would be more entries', parseMaxDelete)
    .action((source: string, destination: string, flags: Flags) => {
      const options = {
        ...{ ...copyOptionsOf(flags), ...treeOptionsOf(flags) },
        delete: flags.delete,
      };
      const paths = { source, destination };
      return start(flags, (context) => runTree('mirror', paths, options, context));
    });
}

import type { Command } from 'commander';
import { compareFiles } from '../../copy/compare-files.js';
import { type TreeDifference, verifyTree } from '../../copy/tree/verify-tree.js';
import { stat } from '../../promises.js';
import { exitCode } from '../exit-code.js';
import { UsageError, withUnbufferedHint } from '../failure.js';
import { bytesText, counted, grouped } from '../format.js';
import { messageOf, type OutputOptions } from '../output.js';
import type { Context, Start } from '../run.js';
import { addTreeOptions, type TreeFlags, treeReporter } from '../tree-task.js';
import { parsePathArgument } from '../values.js';
import { addWindowOptions } from '../window-options.js';

interface Flags extends TreeFlags, OutputOptions {
  unbuffered?: boolean;
  depth?: number;
  chunkSize?: number;
}

type Pair = readonly [string, string];

export function addVerify(program: Command, start: Start): Command {
  const command = program
    .command('verify')
    .summary('compare files or folders')
    .description('Compares two files byte by byte, or two folders with all in them.')
    .argument('<source>', 'a file or a folder', parsePathArgument)
    .argument('<destination>', 'what it is compared with', parsePathArgument);
  return addTreeOptions(addWindowOptions(command)).action(
    (source: string, destination: string, flags: Flags) =>
      start(flags, (context) => verify([source, destination], flags, context)),
  );
}

async function verify(pair: Pair, flags: Flags, context: Context): Promise<number> {
  const [isFolder, isOtherFolder] = await Promise.all(
    pair.map(async (path) => (await stat(path)).isDirectory()),
  );
  if (isFolder !== isOtherFolder) {
    return verifyKinds(pair, context);
  }
  const { unbuffered = false, include, exclude, concurrency } = flags;
  if (!isFolder && [include, exclude, concurrency].some((value) => value !== undefined)) {
    throw new UsageError('--include, --exclude and --concurrency go with folders');
  }
  return withUnbufferedHint(unbuffered, 'leave out --unbuffered', () =>
    isFolder ? verifyFolders(pair, flags, context) : verifyFiles(pair, flags, context),
  );
}

/** A file and a folder are different, whatever is in them. */
function verifyKinds([source, destination]: Pair, { output }: Context): number {
  const value = { equal: false, differences: [{ path: '.', kind: 'type' }] };
  const line = 'different: one is a folder, the other is not';
  output.result({ command: 'verify', source, destination, ...value }, [line]);
  return exitCode.incomplete;
}

async function verifyFiles([source, destination]: Pair, flags: Flags, context: Context) {
  const { unbuffered, depth, chunkSize } = flags;
  const { output, signal } = context;
  const found = await compareFiles(source, destination, {
    ...{ unbuffered, depth, chunkSize, signal },
    onProgress: (progress) => output.progress({ phase: 'verify', ...progress }),
  });
  const { equal, firstDifference, sizes } = found;
  const line = equal
    ? `the same, ${grouped(sizes[0])} bytes`
    : `different from byte ${firstDifference} on (${sizes.map(grouped).join(' and ')} bytes)`;
  output.result({ command: 'verify', source, destination, ...found }, [line]);
  return equal ? exitCode.done : exitCode.incomplete;
}

async function verifyFolders([source, destination]: Pair, flags: Flags, context: Context) {
  const { unbuffered, depth, chunkSize, include, exclude, concurrency } = flags;
  const { output, signal } = context;
  const report = treeReporter('verify');
  const found = await verifyTree(source, destination, {
    ...{ unbuffered, depth, chunkSize, include, exclude, concurrency, signal },
    onProgress: (progress) => output.progress(report(progress)),
  });
  const { files, bytes } = found;
  const differences = found.differences.map(({ path, kind, error }) =>
    error === undefined ? { path, kind } : { path, kind, error: messageOf(error) },
  );
  const equal = differences.length === 0;
  const amount = `${counted(files, 'file')} compared, ${bytesText(bytes)}`;
  const verdict = equal ? 'the same' : counted(differences.length, 'difference');
  const lines = [...found.differences.map(lineOf), `${verdict}: ${amount}`];
  const value = { command: 'verify', source, destination, equal, files, bytes, differences };
  output.result(value, lines);
  return equal ? exitCode.done : exitCode.incomplete;
}

function lineOf({ path, kind, error }: TreeDifference): string {
  const why = error === undefined ? '' : ` (${messageOf(error)})`;
  return `${kind.padEnd(8)} ${path}${why}`;
}

import type { Command } from 'commander';
import type { TreeDifference } from '../../copy/tree/verify-tree.js';
import { type VerifyReport, verify } from '../../copy/verify.js';
import { stat } from '../../functions/status.js';
import { exitCode } from '../exit-code.js';
import { UsageError, withUnbufferedHint } from '../failure.js';
import { bytesText, counted, grouped } from '../format.js';
import { messageOf } from '../message.js';
import type { OutputOptions } from '../output.js';
import type { Context, Start } from '../run.js';
import { addTreeOptions, type TreeFlags } from '../tree-task.js';
import { parsePathArgument } from '../values.js';
import { addWindowOptions, queueDepthOf, type WindowFlags } from '../window-options.js';

interface Flags extends TreeFlags, OutputOptions, WindowFlags {}

type Pair = readonly [string, string];

export function addVerify(program: Command, start: Start): Command {
  const command = program
    .command('verify')
    .summary('compare files or folders')
    .description('Compares two files byte by byte, or two folders with everything in them.')
    .argument('<source>', 'a file or a folder', parsePathArgument)
    .argument('<destination>', 'the file or folder to compare it with', parsePathArgument);
  return addTreeOptions(addWindowOptions(command)).action(
    (source: string, destination: string, flags: Flags) =>
      start(flags, (context) => verifyPair([source, destination], flags, context)),
  );
}

async function verifyPair(pair: Pair, flags: Flags, context: Context): Promise<number> {
  const { unbuffered = false, include, exclude, concurrency, chunkSize } = flags;
  const { output, signal } = context;
  const [source, destination] = pair;
  const isOfFolders = [include, exclude, concurrency].some((value) => value !== undefined);
  if (isOfFolders && !(await stat(source)).isDirectory()) {
    throw new UsageError('--include, --exclude and --concurrency go with folders');
  }
  const found = await withUnbufferedHint(unbuffered, 'leave out --unbuffered', () =>
    verify(source, destination, {
      ...{ unbuffered, queueDepth: queueDepthOf(flags), chunkSize, signal },
      ...{ include, exclude, concurrency },
      onProgress: (progress) => output.progress(progress),
    }),
  );
  const { value, lines } = shown(found);
  output.result({ command: 'verify', source, destination, ...found, ...value }, lines);
  return found.equal ? exitCode.done : exitCode.incomplete;
}

/** Formats a report: the part of its JSON that differs from the object, and lines for people. */
function shown(found: VerifyReport): { value: object; lines: string[] } {
  if (found.kind === 'mixed') {
    const value = { differences: [{ path: '.', kind: 'type' }] };
    return { value, lines: ['different: one is a folder, the other is not'] };
  }
  if (found.kind === 'file') {
    const { equal, firstDifference, sizes, readFrom } = found;
    const line = equal
      ? `the same, ${grouped(sizes[0])} bytes, read from the ${readFrom}`
      : `different from byte ${firstDifference} on (${sizes.map(grouped).join(' and ')} bytes)`;
    return { value: {}, lines: [line] };
  }
  const { files, bytes, equal, readFrom } = found;
  const differences = found.differences.map(({ path, kind, error }) =>
    error === undefined ? { path, kind } : { path, kind, error: messageOf(error) },
  );
  const compared = `${counted(files, 'file')} compared, ${bytesText(bytes)}`;
  const amount = `${compared}, read from the ${readFrom}`;
  const verdict = equal ? 'the same' : counted(differences.length, 'difference');
  return {
    value: { differences },
    lines: [...found.differences.map(lineOf), `${verdict}: ${amount}`],
  };
}

function lineOf({ path, kind, error }: TreeDifference): string {
  const why = error === undefined ? '' : ` (${messageOf(error)})`;
  return `${kind.padEnd(8)} ${path}${why}`;
}
